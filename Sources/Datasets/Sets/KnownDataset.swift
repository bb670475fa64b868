// The data sets that can be asked for by name, and what is known about each before its files are read.

import Synchronization

/// A data set that can be asked for by name: the one place that says what it is called, what it looks like,
/// which files it has and how they are read. Scenarios, the linter and the loader all ask here.
public struct KnownDataset: Sendable, Hashable {
  /// What its examples are.
  public enum ExampleKind: Sendable, Hashable {
    /// Rows of numbers.
    case numbers
    case images
    case texts
  }

  public let name: String
  public let title: String
  /// How its examples come to be.
  public let loader: any DatasetLoader
  public let kind: ExampleKind
  /// What an example looks like; nil where the request or the files say it.
  public let shape: ExampleShape?
  /// Nil where the request says it.
  public let classCount: Int?
  /// Empty where classes have no names but their numbers.
  public let classNames: [String]
  /// Training and test examples of the published files; nil where nobody told.
  public let publishedCounts: (train: Int, test: Int)?
  /// The training files first; the last one, or for IDX the last two, are the test part.
  public let files: [PublishedFile]
  public let licence: String
  /// How to come by it, as an imperative.
  public let source: String

  /// - Parameters:
  ///   - name: as scenarios write it.
  ///   - title: one sentence without its full stop, for the schema and `dpflsim data`.
  ///   - source: how to come by it, as an imperative.
  public init(
    name: String, title: String, loader: any DatasetLoader, kind: ExampleKind = .numbers,
    shape: ExampleShape? = nil, classCount: Int? = nil,
    classNames: [String] = [], publishedCounts: (train: Int, test: Int)? = nil,
    files: [PublishedFile] = [], licence: String, source: String
  ) {
    self.name = name
    self.title = title
    self.loader = loader
    self.kind = kind
    self.shape = shape
    self.classCount = classCount ?? (classNames.isEmpty ? nil : classNames.count)
    self.classNames = classNames
    self.publishedCounts = publishedCounts
    self.files = files
    self.licence = licence
    self.source = source
  }

  public static func == (first: Self, second: Self) -> Bool { first.name == second.name }

  public func hash(into hasher: inout Hasher) { hasher.combine(name) }

  public var isImageSet: Bool { kind == .images }

  public var isTextSet: Bool { kind == .texts }

  private static let builtIn: [KnownDataset] =
    [fashionMNIST, mnist] + emnist
    + [idx, images, cifar10, adult, csv, text, synthetic, toyOperators]
  /// Those with files of one published content.
  package static let published = [fashionMNIST, mnist] + emnist + [cifar10, adult]
  private static let added = Mutex<[KnownDataset]>([])

  /// Those of this package and those that others added, in the order of the documentation.
  public static var all: [KnownDataset] { builtIn + added.withLock { $0 } }

  /// Lets one more data set be loaded; once for each.
  ///
  /// - Returns: whether no other set had its name.
  package static func add(_ known: KnownDataset) -> Bool {
    added.withLock { added in
      guard !(builtIn + added).contains(known) else { return false }
      added.append(known)
      return true
    }
  }

  public static let csv = KnownDataset(
    name: "csv", title: "any table of text, described in the scenario", loader: TableLoader(),
    licence: "yours", source: "give the path of the file")

  public static let text = KnownDataset(
    name: "text", title: "texts in a table, for the language model of the scenario",
    loader: TextLoader(), kind: .texts,
    licence: "yours", source: "give the path of the file")

  public static let images = KnownDataset(
    name: "images", title: "your own pictures, packed by tools/convert-images, with their table",
    loader: ImageTableLoader(), kind: .images, licence: "yours",
    source: "give the path of the folder")

  public static let synthetic = KnownDataset(
    name: "synthetic", title: "one Gaussian cloud for each class, drawn from a seed",
    loader: SyntheticLoader(), licence: "none needed", source: "nothing to fetch")

  public static let toyOperators = KnownDataset(
    name: "toy-operators",
    title: "texts of an arithmetic whose operator means one of two things, drawn from a seed",
    loader: ToyOperatorsLoader(), kind: .texts,
    shape: .tokens(maximum: ToyOperators.length, vocabulary: ToyOperators.vocabulary),
    classCount: 1, licence: "none needed", source: "nothing to fetch")

  /// The data set of that name.
  /// - Throws: `invalidRequest` with the names there are.
  public static func named(_ name: String) throws(DatasetError) -> KnownDataset {
    if let known = all.first(where: { $0.name == name }) { return known }
    throw DatasetError(
      .invalidRequest, at: "data set '\(name)'", "is not known",
      fix: "use one of: \(all.map(\.name).joined(separator: ", "))")
  }
}
