// How the examples of a data set come to be: from files in a published format, from a table of the user's, from a seed.

import Foundation

/// Reads or makes the examples of data sets of one format.
public protocol DatasetLoader: Sendable {
  /// - Parameters:
  ///   - known: what is known of the set before its files are read.
  ///   - request: where its files are, and what else the format needs to know.
  ///   - catalog: where files are looked for that the request gives no path for.
  /// - Throws: `missing`, `changed`, `malformed`, `unreadable` or `invalidRequest`.
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset
}

/// IDX files; labels begin at `firstLabel`, and EMNIST's images lie on their side.
struct IDXLoader: DatasetLoader {
  var firstLabel: UInt8 = 0
  var transposed = false

  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    guard let classCount = known.classCount ?? request.classCount else {
      throw DatasetError(
        .invalidRequest, at: "data.classes", "says nothing about \(known.name)",
        fix: "give the number of its classes")
    }
    return try ImageFiles.idx(
      known, try catalog.files(of: known, request), classCount: classCount, firstLabel: firstLabel,
      transposed: transposed, published: request.path == nil)
  }
}

struct CIFAR10Loader: DatasetLoader {
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    try ImageFiles.cifar10(known, try catalog.files(of: known, request))
  }
}

/// A training and a test table whose columns are published.
struct PublishedTableLoader: DatasetLoader {
  let format: TableFormat

  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    let files = try catalog.files(of: known, request)
    if request.path == nil {
      for (file, published) in zip(files, known.files) { try published.verify(file) }
    }
    return try Table.dataset(
      name: known.name, format: format, trainFile: files[0], testFile: files[1], use: request.use)
  }
}

/// Any table, described in the request.
struct TableLoader: DatasetLoader {
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    let (path, table) = try request.own(request.table, "table format")
    return try Table.dataset(
      name: known.name, format: table, trainFile: URL(fileURLWithPath: path),
      testFile: request.testPath.map { URL(fileURLWithPath: $0) },
      publicFile: request.publicPath.map { URL(fileURLWithPath: $0) }, use: request.use)
  }
}

/// Texts in a table, described in the request.
struct TextLoader: DatasetLoader {
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    let (path, text) = try request.own(request.text)
    return try TextTable.dataset(
      name: known.name, format: text.format, tokenizer: text.vocabulary.tokenizer(),
      trainFile: URL(fileURLWithPath: path),
      testFile: request.testPath.map { URL(fileURLWithPath: $0) }, use: request.use)
  }
}

/// Packed images beside a table, described in the request.
struct ImageTableLoader: DatasetLoader {
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    let (path, format) = try request.own(request.imageTable)
    return try ImageTable.dataset(
      name: known.name, format: format, folder: URL(fileURLWithPath: path, isDirectory: true),
      use: request.use)
  }
}

/// Drawn at random as described in the request.
struct SyntheticLoader: DatasetLoader {
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    let synthetic = request.synthetic ?? SyntheticRequest()
    return try request.images ? synthetic.images() : synthetic.table()
  }
}

/// Drawn at random: texts of a toy arithmetic.
struct ToyOperatorsLoader: DatasetLoader {
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    try (request.toyOperators ?? ToyOperators()).dataset()
  }
}

extension DatasetRequest {
  /// The path of data of the user's, and how they are read.
  ///
  /// - Parameter what: the format's name in the sentence.
  fileprivate func own<Format>(
    _ format: Format?, _ what: String = "format"
  ) throws(DatasetError) -> (path: String, format: Format) {
    guard let path, let format else {
      throw DatasetError(
        .invalidRequest, at: "data set '\(name)'", "lacks its path or its \(what)",
        fix: "give both")
    }
    return (path, format)
  }
}
