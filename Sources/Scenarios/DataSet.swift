// The data of a scenario: which set, where it lies, and how much of it is public.

public import Datasets

extension Scenario {
  /// The data set whose training examples are dealt to the clients.
  public struct DataSet: Sendable, Hashable {
    /// Which set. JSON key `name`, one of `KnownDataset.all`; required.
    public let known: KnownDataset
    /// The folder or file that holds the set; a relative path begins at the folder of the scenario file. JSON key
    /// `path`; default null, the usual place of the
    /// installed set (for csv, text and images required, for synthetic there is none).
    public let path: String?
    /// How many training examples are public: set aside for pretraining and never dealt to clients.
    /// JSON key `public_examples`; 0 to 10^7, default 10000 for image sets and 0 for the others.
    public let publicExamples: Int
    /// How a table of the user's is read; nil for other sets.
    public let table: Table?
    /// What to draw; nil for other sets. JSON key `synthetic`. The seed is the scenario's.
    public let synthetic: SyntheticRequest?
    /// JSON key `classes` of the set `idx`; nil for other sets.
    let statedClasses: Int?

    /// A table of the user's.
    public struct Table: Sendable, Hashable {
      public let format: TableFormat
      /// The column of the texts; nil for tables of numbers and words. JSON key `text_column`.
      public let text: TableColumn?
      /// The column of the number of a row's image; nil for other tables. JSON key `image_column`.
      public let image: TableColumn?
      /// Whether there is a column of labels: texts for a decoder need none.
      public let hasLabels: Bool
      /// JSON key `test_path`; default null: a part of the rows is split off.
      public let testPath: String?
      /// A file of the same columns whose rows are public. JSON key `public_path`; default null.
      public let publicPath: String?
      /// What a client's private choices for the scales of estimated columns spend, over its ε: each of k choices this
      /// part divided by √k. JSON key `scale_epsilon_ratio`; above 0 to 1, default 0.2.
      public let scaleEpsilonRatio: Double
    }
  }
}

// MARK: - What is known before loading

extension Scenario.DataSet {
  /// The name as the scenario writes it.
  public var name: String { known.name }

  public var isImageSet: Bool { known.isImageSet }

  public var isTextSet: Bool { known.isTextSet }

  /// What an example looks like; nil where only the files can say.
  public var shape: ExampleShape? {
    known.shape ?? synthetic.map { .features(count: $0.features) }
  }

  /// Height, width and channels of the images; nil for other sets and where only the files can say.
  public var imageShape: (height: Int, width: Int, channels: Int)? {
    guard case .image(let height, let width, let channels)? = shape else { return nil }
    return (height, width, channels)
  }

  /// Classes; nil where only the files can say.
  public var classes: Int? {
    known.classCount ?? synthetic?.classes ?? statedClasses ?? table?.format.classes?.count
  }

  /// Names of the classes; empty where they have none or only the files can say.
  public var classNames: [String] { table?.format.classes ?? known.classNames }

  /// Input features; nil where only the files can say.
  public var features: Int? { shape?.valueCount }

  /// Training examples, the public ones among them; nil where only the files can say.
  public var trainExamples: Int? {
    synthetic?.trainExamples ?? (path == nil ? known.publishedCounts?.train : nil)
  }

  /// Test examples; nil where only the files can say.
  public var testExamples: Int? {
    synthetic?.testExamples ?? (path == nil ? known.publishedCounts?.test : nil)
  }

  /// Whether the examples are a published or a drawn set's, and not the user's own.
  public var isPublished: Bool { path == nil }

  /// Whether there are public examples to pretrain on.
  public var hasPublicExamples: Bool { publicExamples > 0 || table?.publicPath != nil }
}

// MARK: - Format

extension Scenario.DataSet {
  private static let path: Key = .defaults(
    "path", .null, .nullable(.text(1...4096)),
    "Folder or file that holds the set; null looks in the usual place of the installed set.")

  private static func publicExamples(_ count: Int) -> Key {
    .defaults(
      "public_examples", .integer(count), .integer(0...10_000_000),
      "Training examples that are public: used for pretraining, never dealt to clients.")
  }

  static let shape = TaggedShape(
    tag: "name", description: "Which data set.",
    branches: KnownDataset.all.map { .init($0.name, $0.title + ".", keys(of: $0)) })

  private static func keys(of set: KnownDataset) -> [Key] {
    switch set.format {
    case .idx where set.classCount == nil:
      [
        path, publicExamples(10_000),
        .required(
          "classes", .integer(2...Dataset.mostClasses), "Classes; labels count from 0."),
      ]
    case .idx, .cifar10: [path, publicExamples(10_000)]
    case .table: [path, publicExamples(0)]
    case .csv: Table.keys + [publicExamples(0)]
    case .text: Table.textKeys + [publicExamples(0)]
    case .images: Table.imageKeys + [publicExamples(0)]
    case .synthetic:
      [
        .defaults(
          "synthetic", [:], .object(syntheticShape), "What the synthetic set looks like."),
        publicExamples(0),
      ]
    }
  }

  private static let syntheticShape = Shape([
    .defaults("classes", 4, .integer(SyntheticRequest.classRange), "Classes."),
    .defaults("features", 16, .integer(SyntheticRequest.featureRange), "Input features."),
    .defaults(
      "separation", 4,
      .number(
        .from(
          SyntheticRequest.separationRange.lowerBound,
          to: SyntheticRequest.separationRange.upperBound)),
      "Distance of every class mean from the origin, in a random direction, in standard deviations "
        + "of a class; in many dimensions two means are 1.41 times as far apart."),
    .defaults(
      "train_examples", 4000, .integer(SyntheticRequest.exampleRange), "Training examples."),
    .defaults("test_examples", 1000, .integer(SyntheticRequest.exampleRange), "Test examples."),
  ])

  init(_ fields: Fields) throws(ScenarioError) {
    let name = try fields.string("name")
    known = KnownDataset.all.first { $0.name == name } ?? .synthetic
    path = try fields.optionalString("path")
    publicExamples = try fields.integer("public_examples")
    table = [.csv, .text, .images].contains(known.format) ? try Table(fields) : nil
    statedClasses = known == .idx ? try fields.integer("classes") : nil
    synthetic =
      known.format == .synthetic ? try SyntheticRequest(try fields.fields("synthetic")) : nil
  }
}

extension SyntheticRequest {
  fileprivate init(_ fields: Fields) throws(ScenarioError) {
    self.init(
      classes: try fields.integer("classes"), features: try fields.integer("features"),
      separation: try fields.number("separation"),
      trainExamples: try fields.integer("train_examples"),
      testExamples: try fields.integer("test_examples"))
  }
}
