// Where data sets are looked for, and how one is loaded by name.

public import Foundation

/// What to load.
public struct DatasetRequest: Sendable {
  /// One of `KnownDataset.all`.
  public var name: String
  /// The folder of the files; for "csv" and "text" the training file. Whatever is there is the user's own and
  /// not compared with what was published.
  public var path: String?
  /// For "csv": the file of the test part.
  public var testPath: String?
  /// For "csv": a file whose rows are public.
  public var publicPath: String?
  /// For "csv": how to read the table.
  public var table: TableFormat?
  /// For "text": how to read the table and what turns its texts into tokens.
  public var text: TextRequest?
  /// For "images": how to read the table beside them.
  public var imageTable: ImageFormat?
  /// For tables: what rows may be read for.
  public var use: TableUse
  /// For "idx": how many classes there are.
  public var classCount: Int?
  /// For "synthetic": what to draw.
  public var synthetic: SyntheticRequest?
  /// For "toy-operators": how much to draw.
  public var toyOperators: ToyOperators?
  /// For "synthetic": square grey images rather than a table.
  public var images: Bool
  /// For sets of other packages: what their settings are.
  public var settings: (any Sendable)?

  public init(
    name: String, path: String? = nil, testPath: String? = nil, table: TableFormat? = nil,
    synthetic: SyntheticRequest? = nil, images: Bool = false
  ) {
    self.name = name
    self.path = path
    self.testPath = testPath
    publicPath = nil
    self.table = table
    use = TableUse()
    classCount = nil
    self.synthetic = synthetic
    self.images = images
  }
}

/// The places of data sets on this machine.
///
/// A data set NAME is looked for in the path of its request or else, in this order, in
/// `$DPFLSIM_DATA/NAME`, in `data/NAME` of the project and in `/usr/share/datasets/NAME`; the first
/// folder with all of its files is taken.
public struct DatasetCatalog: Sendable {
  /// Folders that hold a folder for each data set.
  public let places: [URL]

  public init(places: [URL]) {
    self.places = places
  }

  /// - Parameter projectFolder: the folder that holds `data`.
  public init(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    projectFolder: URL = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
  ) {
    var places: [URL] = []
    if let own = environment["DPFLSIM_DATA"], !own.isEmpty {
      places.append(URL(fileURLWithPath: own, isDirectory: true))
    }
    places.append(projectFolder.appendingPathComponent("data", isDirectory: true))
    places.append(URL(fileURLWithPath: "/usr/share/datasets", isDirectory: true))
    self.init(places: places)
  }

  /// The first folder with all files of a data set.
  public func folder(of known: KnownDataset) -> URL? {
    places.map { $0.appendingPathComponent(known.name, isDirectory: true) }
      .first { folder in known.files.allSatisfy { $0.locate(in: folder) != nil } }
  }

  /// Loads a data set.
  ///
  /// - Throws: `missing` with the places that were searched; `changed` if a file found by name is not
  ///   the published one; `malformed` or `unreadable` for broken files; `invalidRequest`.
  public func load(_ request: DatasetRequest) throws(DatasetError) -> Dataset {
    let known = try KnownDataset.named(request.name)
    return try known.loader.load(known, request, in: self)
  }

  /// The state of every file of the data sets that have files, or of the one named.
  ///
  /// Reads every file to its end.
  /// - Throws: `invalidRequest` for an unknown name.
  public func verify(_ name: String? = nil) throws(DatasetError) -> [DatasetStatus] {
    let chosen = if let name { [try KnownDataset.named(name)] } else { KnownDataset.all }
    return chosen.filter { !$0.files.isEmpty }.map { known in
      let folder =
        self.folder(of: known)
        ?? places.map { $0.appendingPathComponent(known.name, isDirectory: true) }
        .first { folder in known.files.contains { $0.locate(in: folder) != nil } }
      return DatasetStatus(
        name: known.name, title: known.title, licence: known.licence, source: known.source,
        folder: folder?.path, files: known.files.map { $0.status(in: folder) })
    }
  }

  /// The files of a data set in the order of `known.files`: in the path of the request, or in the first place that
  /// has all of them.
  ///
  /// - Throws: `missing` with the places that were searched.
  public func files(
    of known: KnownDataset, _ request: DatasetRequest
  ) throws(DatasetError) -> [URL] {
    let given = request.path.map { URL(fileURLWithPath: $0, isDirectory: true) }
    if let folder = given ?? folder(of: known) {
      var files: [URL] = []
      for published in known.files {
        guard let file = published.locate(in: folder) else {
          throw DatasetError(
            .missing, at: folder.path, "has no file \(published.names[0])(.gz)",
            fix: "put it there, or \(known.source)")
        }
        files.append(file)
      }
      return files
    }
    let searched = places.map { $0.appendingPathComponent(known.name).path }
    throw DatasetError(
      .missing, at: known.name, "is in none of \(searched.joined(separator: ", "))",
      fix: known.source)
  }
}

/// What `dpflsim data` says about one data set.
public struct DatasetStatus: Sendable, Hashable, Codable {
  public let name: String
  public let title: String
  public let licence: String
  public let source: String
  /// Where it, or some part of it, was found.
  public let folder: String?
  public let files: [FileStatus]

  /// Whether every file is there and as published (or has no published figures).
  public var isUsable: Bool {
    files.allSatisfy { $0.state == .verified || $0.state == .present }
  }
}
