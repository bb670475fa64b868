// The settings of the built-in data sets. Tables of the user's have theirs in DataTable.swift.

public import Datasets

extension Scenario.DataSet {
  static let pathKey: Key = .defaults(
    "path", .null, .nullable(.text(1...4096)),
    "Folder or file that holds the set; null looks in the usual place of the installed set.")

  /// Sets that were published: nothing but a path is to be said of them.
  public struct PublishedSet: DatasetSettings {
    public static var sets: [KnownDataset] { KnownDataset.published }
    public static func keys(of set: KnownDataset) -> [Key] { [pathKey] }
    public static func publicExamples(of set: KnownDataset) -> Int {
      set.isImageSet ? 10_000 : 0
    }

    public init(_ fields: Fields, of set: KnownDataset) {}

    public func complete(_ request: inout DatasetRequest, in scenario: Scenario) {}
  }

  /// Four IDX files of the user's.
  public struct OwnIDX: DatasetSettings {
    public static let sets = [KnownDataset.idx]
    public static func keys(of set: KnownDataset) -> [Key] {
      [
        pathKey,
        .required(
          "classes", .integer(2...Dataset.mostClasses), "Classes; labels count from 0."),
      ]
    }
    public static func publicExamples(of set: KnownDataset) -> Int { 10_000 }

    /// Labels count from 0.
    public let classes: Int

    public init(_ fields: Fields, of set: KnownDataset) throws(ScenarioError) {
      classes = try fields.integer("classes")
    }

    public var traits: DatasetTraits {
      var traits = DatasetTraits()
      traits.classes = classes
      return traits
    }

    public func complete(_ request: inout DatasetRequest, in scenario: Scenario) {
      request.classCount = classes
    }
  }

  /// A table of the user's: of numbers and words, of texts, or beside images.
  public struct OwnTable: DatasetSettings {
    public static let sets = [KnownDataset.images, .csv, .text]
    public static func keys(of set: KnownDataset) -> [Key] {
      switch set.kind {
      case .numbers: Table.keys
      case .texts: Table.textKeys
      case .images: Table.imageKeys
      }
    }

    public let table: Table

    public init(_ fields: Fields, of set: KnownDataset) throws(ScenarioError) {
      table = try Table(fields)
    }

    public var traits: DatasetTraits {
      var traits = DatasetTraits()
      traits.classNames = table.format.classes
      traits.classes = table.format.classes?.count
      return traits
    }

    public func complete(_ request: inout DatasetRequest, in scenario: Scenario) {
      request.testPath = scenario.opened(table.testPath)
      request.publicPath = scenario.opened(table.publicPath)
      request.table = table.format
      request.classCount = traits.classes
      if let image = table.image {
        request.imageTable = ImageFormat(table: table.format, image: image)
      }
    }
  }

  /// One Gaussian cloud for each class. JSON key `synthetic`. The seed is the scenario's.
  public struct Synthetic: DatasetSettings {
    public static let sets = [KnownDataset.synthetic]
    public static func keys(of set: KnownDataset) -> [Key] {
      [.defaults("synthetic", [:], .object(shape), "What the synthetic set looks like.")]
    }

    /// What to draw.
    public let request: SyntheticRequest

    public init(_ fields: Fields, of set: KnownDataset) throws(ScenarioError) {
      request = try SyntheticRequest(try fields.fields("synthetic"))
    }

    public var traits: DatasetTraits {
      var traits = DatasetTraits()
      traits.shape = .features(count: request.features)
      traits.classes = request.classes
      traits.trainExamples = request.trainExamples
      traits.testExamples = request.testExamples
      traits.isGenerated = true
      return traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      let numbers = (request.trainExamples + request.testExamples) * request.features
      guard numbers > SyntheticRequest.mostValues else { return [] }
      return [
        SettingProblem(
          "data.synthetic",
          "examples times features must be at most \(SyntheticRequest.mostValues), got \(numbers); "
            + "make it smaller")
      ]
    }

    public func complete(_ request: inout DatasetRequest, in scenario: Scenario) {
      request.synthetic = self.request
      request.synthetic?.seed = scenario.seed
    }

    private static let shape = Shape([
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
  }
}

extension Scenario.DataSet {
  /// Texts of a toy arithmetic; the kinds are the groups "larger" and "smaller". The seed is the scenario's.
  public struct OperatorTexts: DatasetSettings {
    public static let sets = [KnownDataset.toyOperators]
    public static func keys(of set: KnownDataset) -> [Key] {
      [
        .defaults(
          "train_examples", 40_000, .integer(ToyOperators.exampleRange),
          "Training texts, half of each kind."),
        .defaults("test_examples", 4000, .integer(ToyOperators.exampleRange), "Test texts."),
      ]
    }

    /// How much to draw.
    public let request: ToyOperators

    public init(_ fields: Fields, of set: KnownDataset) throws(ScenarioError) {
      request = ToyOperators(
        trainExamples: try fields.integer("train_examples"),
        testExamples: try fields.integer("test_examples"))
    }

    public var traits: DatasetTraits {
      var traits = DatasetTraits()
      traits.trainExamples = request.trainExamples
      traits.testExamples = request.testExamples
      traits.isGenerated = true
      return traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      var problems: [SettingProblem] = []
      if scenario.model.input == .texts, !scenario.model.isDecoder {
        problems.append(
          SettingProblem(
            "data.name", "\"toy-operators\" has texts without labels; use the model \"gpt\""))
      }
      if scenario.model.path != nil {
        problems.append(
          SettingProblem(
            "model.path",
            "reads other tokens than the 14 of \"toy-operators\"; leave it out, and pretrain"))
      }
      if let maximum = scenario.model.maximumTokens, maximum < ToyOperators.length {
        problems.append(
          SettingProblem(
            "model.max_tokens",
            "must be at least \(ToyOperators.length), the tokens of each text of \"toy-operators\", got "
              + "\(maximum)"))
      }
      return problems
    }

    public func complete(_ request: inout DatasetRequest, in scenario: Scenario) {
      request.toyOperators = self.request
      request.toyOperators?.seed = scenario.seed
    }
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
