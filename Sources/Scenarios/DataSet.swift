// The data of a scenario: which set, where it lies, and how much of it is public.

extension Scenario {
  /// The data set whose training examples are dealt to the clients.
  public struct DataSet: Sendable, Hashable {
    /// Which set. JSON key `name`; required.
    public let kind: Kind
    /// The folder or file that holds the set; a relative path begins at the folder of the scenario file. JSON key
    /// `path`; default null, the usual place of the
    /// installed set (for csv required, for synthetic there is none).
    public let path: String?
    /// How many training examples are public: set aside for pretraining and never dealt to clients.
    /// JSON key `public_examples`; 0 to 10^7, default 10000 for image sets and 0 for the others.
    public let publicExamples: Int

    /// The known data sets, with the settings that only some of them have.
    public enum Kind: Sendable, Hashable {
      case fashionMNIST
      case mnist
      case emnist
      case cifar10
      case adult
      case csv(Table)
      case synthetic(Synthetic)
    }

    /// How a CSV file is read.
    public struct Table: Sendable, Hashable {
      /// The column that holds the label. JSON key `label_column`; required for csv.
      public let labelColumn: Column
      /// Whether the first row holds the names of the columns. JSON key `header`; default true.
      public let header: Bool
    }

    /// A column of a table.
    public enum Column: Sendable, Hashable {
      case named(String)
      /// Counted from 0.
      case index(Int)
    }

    /// A Gaussian set with one spherical class-conditional distribution a class. JSON key
    /// `synthetic`.
    public struct Synthetic: Sendable, Hashable {
      /// Classes; 2 to 1000, default 4.
      public let classes: Int
      /// Input features; 1 to 10000, default 16.
      public let features: Int
      /// Distance between class means in standard deviations; 0 to 100, default 4.
      public let separation: Double
      /// Training examples; 1 to 10^6, default 4000.
      public let trainExamples: Int
      /// Test examples; 1 to 10^6, default 1000.
      public let testExamples: Int
    }
  }
}

// MARK: - What is known before loading

extension Scenario.DataSet {
  /// Height, width and channels of the images; nil for tables and the synthetic set.
  public var imageShape: (height: Int, width: Int, channels: Int)? {
    switch kind {
    case .fashionMNIST, .mnist, .emnist: (28, 28, 1)
    case .cifar10: (32, 32, 3)
    case .adult, .csv, .synthetic: nil
    }
  }

  /// Classes; nil where only the files can say.
  public var classes: Int? {
    switch kind {
    case .fashionMNIST, .mnist, .cifar10: 10
    case .adult: 2
    case .synthetic(let synthetic): synthetic.classes
    case .emnist, .csv: nil
    }
  }

  /// Input features; nil where only the files can say.
  public var features: Int? {
    if let shape = imageShape { return shape.height * shape.width * shape.channels }
    if case .synthetic(let synthetic) = kind { return synthetic.features }
    return nil
  }

  /// Training examples, the public ones among them; nil where only the files can say.
  public var trainExamples: Int? {
    switch kind {
    case .fashionMNIST, .mnist: 60_000
    case .cifar10: 50_000
    case .synthetic(let synthetic): synthetic.trainExamples
    case .emnist, .adult, .csv: nil
    }
  }

  /// Test examples; nil where only the files can say.
  public var testExamples: Int? {
    switch kind {
    case .fashionMNIST, .mnist, .cifar10: 10_000
    case .synthetic(let synthetic): synthetic.testExamples
    case .emnist, .adult, .csv: nil
    }
  }

  /// The name as the scenario writes it.
  public var name: String {
    switch kind {
    case .fashionMNIST: "fashion-mnist"
    case .mnist: "mnist"
    case .emnist: "emnist"
    case .cifar10: "cifar-10"
    case .adult: "adult"
    case .csv: "csv"
    case .synthetic: "synthetic"
    }
  }
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
    branches: [
      .init(
        "fashion-mnist", "Fashion-MNIST, 60000 + 10000 images.", [path, publicExamples(10_000)]),
      .init("mnist", "MNIST, 60000 + 10000 images.", [path, publicExamples(10_000)]),
      .init("emnist", "EMNIST in IDX files of the user's.", [path, publicExamples(10_000)]),
      .init("cifar-10", "CIFAR-10, 50000 + 10000 images.", [path, publicExamples(10_000)]),
      .init("adult", "UCI Adult, a table.", [path, publicExamples(0)]),
      .init(
        "csv", "A table of the user's.",
        [
          .required("path", .text(1...4096), "The CSV file."),
          .required(
            "label_column", .either([.text(1...256), .integer(0...100_000)]),
            "Column of the label, by name or counted from 0."),
          .defaults("header", true, .boolean, "Whether the first row names the columns."),
          publicExamples(0),
        ]),
      .init(
        "synthetic", "Gaussian classes, made on the spot.",
        [
          .defaults(
            "synthetic", [:], .object(syntheticShape),
            "What the synthetic set looks like."),
          publicExamples(0),
        ]),
    ])

  private static let syntheticShape = Shape([
    .defaults("classes", 4, .integer(2...1000), "Classes."),
    .defaults("features", 16, .integer(1...10_000), "Input features."),
    .defaults(
      "separation", 4, .number(.from(0, to: 100)),
      "Distance between class means, in standard deviations of a class."),
    .defaults("train_examples", 4000, .integer(1...1_000_000), "Training examples."),
    .defaults("test_examples", 1000, .integer(1...1_000_000), "Test examples."),
  ])

  init(_ fields: Fields) throws(ScenarioError) {
    switch try fields.string("name") {
    case "fashion-mnist": kind = .fashionMNIST
    case "mnist": kind = .mnist
    case "emnist": kind = .emnist
    case "cifar-10": kind = .cifar10
    case "adult": kind = .adult
    case "csv":
      let column: Column =
        if case .integer(let index) = try fields.value("label_column") {
          .index(index)
        } else {
          .named(try fields.string("label_column"))
        }
      kind = .csv(Table(labelColumn: column, header: try fields.boolean("header")))
    default: kind = .synthetic(try Synthetic(try fields.fields("synthetic")))
    }
    path = try fields.optionalString("path")
    publicExamples = try fields.integer("public_examples")
  }
}

extension Scenario.DataSet.Synthetic {
  fileprivate init(_ fields: Fields) throws(ScenarioError) {
    classes = try fields.integer("classes")
    features = try fields.integer("features")
    separation = try fields.number("separation")
    trainExamples = try fields.integer("train_examples")
    testExamples = try fields.integer("test_examples")
  }
}
