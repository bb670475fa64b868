// The data sets that can be asked for by name, and what is known about each before its files are read.

/// A data set that can be asked for by name: the one place that says what it is called, what it looks like,
/// which files it has and how they are read. Scenarios, the linter and the loader all ask here.
public struct KnownDataset: Sendable, Hashable {
  /// How the files of a data set are read.
  public enum Format: Sendable, Hashable {
    /// IDX files; labels begin at `firstLabel`, and EMNIST's images lie on their side.
    case idx(firstLabel: UInt8, transposed: Bool)
    case cifar10
    /// A training and a test table whose columns are published.
    case table(TableFormat)
    /// Any table, described in the request.
    case csv
    /// Texts in a table, described in the request.
    case text
    /// Packed images beside a table, described in the request.
    case images
    /// Drawn at random as described in the request.
    case synthetic
  }

  public let name: String
  public let title: String
  public let format: Format
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

  init(
    name: String, title: String, format: Format, shape: ExampleShape? = nil, classCount: Int? = nil,
    classNames: [String] = [], publishedCounts: (train: Int, test: Int)? = nil,
    files: [PublishedFile] = [], licence: String, source: String
  ) {
    self.name = name
    self.title = title
    self.format = format
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

  /// Whether its examples are images.
  public var isImageSet: Bool {
    switch format {
    case .idx, .cifar10, .images: true
    case .table, .csv, .text, .synthetic: false
    }
  }

  /// Whether its examples are texts.
  public var isTextSet: Bool { format == .text }

  public static let all: [KnownDataset] =
    [fashionMNIST, mnist] + emnist + [idx, images, cifar10, adult, csv, text, synthetic]

  public static let csv = KnownDataset(
    name: "csv", title: "any table of text, described in the scenario", format: .csv,
    licence: "yours", source: "give the path of the file")

  public static let text = KnownDataset(
    name: "text", title: "texts in a table, for the language model of the scenario", format: .text,
    licence: "yours", source: "give the path of the file")

  public static let images = KnownDataset(
    name: "images", title: "your own pictures, packed by tools/convert-images, with their table",
    format: .images, licence: "yours", source: "give the path of the folder")

  public static let synthetic = KnownDataset(
    name: "synthetic", title: "one Gaussian cloud for each class, drawn from a seed",
    format: .synthetic, licence: "none needed", source: "nothing to fetch")

  /// The data set of that name.
  /// - Throws: `invalidRequest` with the names there are.
  public static func named(_ name: String) throws(DatasetError) -> KnownDataset {
    if let known = all.first(where: { $0.name == name }) { return known }
    throw DatasetError(
      .invalidRequest, at: "data set '\(name)'", "is not known",
      mend: "use one of: \(all.map(\.name).joined(separator: ", "))")
  }
}
