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
    /// Held by reference: a scenario is copied often, and settings are of any size.
    private final class Choice: Sendable {
      let settings: any DatasetSettings
      let traits: DatasetTraits

      init(_ settings: any DatasetSettings) {
        self.settings = settings
        traits = settings.traits
      }
    }
    private let choice: Choice

    public var settings: any DatasetSettings { choice.settings }

    /// A table of the user's.
    public struct Table: Sendable, Hashable {
      public let format: TableFormat
      /// The column of the texts; nil for tables of numbers and words. JSON key `text_column`.
      public let text: TableColumn?
      /// The column of the number of a row's image; nil for other tables. JSON key `image_column`.
      public let image: TableColumn?
      /// Whether there is a column of labels: texts for a decoder need none.
      public let hasLabels: Bool
      /// Whether what is stated about columns and classes was read from the rows. JSON key `from_rows`; default false.
      public let isFromRows: Bool
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

  /// How a table of the user's is read; nil for other sets.
  public var table: Table? { (settings as? OwnTable)?.table }

  /// Whether the scenario alone decides the data: no file can change them.
  public var isGenerated: Bool { choice.traits.isGenerated }

  /// What an example looks like; nil where only the files can say.
  public var shape: ExampleShape? { choice.traits.shape ?? known.shape }

  /// Height, width and channels of the images; nil for other sets and where only the files can say.
  public var imageShape: (height: Int, width: Int, channels: Int)? {
    guard case .image(let height, let width, let channels)? = shape else { return nil }
    return (height, width, channels)
  }

  /// Classes; nil where only the files can say.
  public var classes: Int? { choice.traits.classes ?? known.classCount }

  /// Names of the classes; empty where they have none or only the files can say.
  public var classNames: [String] { choice.traits.classNames ?? known.classNames }

  /// Input features; nil where only the files can say.
  public var features: Int? { shape?.valueCount }

  /// Training examples, the public ones among them; nil where only the files can say.
  public var trainExamples: Int? {
    choice.traits.trainExamples ?? (path == nil ? known.publishedCounts?.train : nil)
  }

  /// Test examples; nil where only the files can say.
  public var testExamples: Int? {
    choice.traits.testExamples ?? (path == nil ? known.publishedCounts?.test : nil)
  }

  /// Whether the examples are a published or a drawn set's, and not the user's own.
  public var isPublished: Bool { path == nil && (isGenerated || !known.files.isEmpty) }

  /// Whether there are public examples to pretrain on.
  public var hasPublicExamples: Bool { publicExamples > 0 || table?.publicPath != nil }

  public static func == (left: Self, right: Self) -> Bool {
    left.known == right.known && left.path == right.path
      && left.publicExamples == right.publicExamples
      && AnyHashable(left.settings) == AnyHashable(right.settings)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(known)
    hasher.combine(path)
    hasher.combine(publicExamples)
    hasher.combine(AnyHashable(settings))
  }
}

// MARK: - Format

extension Scenario.DataSet {
  static var shape: TaggedShape {
    TaggedShape(
      tag: "name", description: "Which data set.",
      branches: KnownDataset.all.compactMap { known in
        guard let settings = DatasetKinds.settings(of: known) else { return nil }
        return .init(
          known.name, known.title + ".",
          settings.keys(of: known) + [publicExamples(settings.publicExamples(of: known))])
      })
  }

  private static func publicExamples(_ count: Int) -> Key {
    .defaults(
      "public_examples", .integer(count), .integer(0...10_000_000),
      "Training examples that are public: used for pretraining, never dealt to clients.")
  }

  init(_ fields: Fields) throws(ScenarioError) {
    let name = try fields.string("name")
    guard let known = KnownDataset.all.first(where: { $0.name == name }),
      let settings = DatasetKinds.settings(of: known)
    else {
      throw ScenarioError(fields.path + "name", "names no known data set, got \"\(name)\"")
    }
    self.known = known
    path = try fields.optionalString("path")
    publicExamples = try fields.integer("public_examples")
    choice = Choice(try settings.init(fields, of: known))
  }
}
