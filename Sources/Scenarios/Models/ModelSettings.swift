// What a model says of itself in a scenario: its name, its keys, and the facts that checks and forecasts ask for. How it
// is built stands in Federation (`BuildableModel`).

/// The settings of one model, as `model` of a scenario names it.
public protocol ModelSettings: Sendable, Hashable {
  /// As scenarios write it, such as "cnn".
  static var name: String { get }
  /// One sentence for the schema and docs/scenario.md.
  static var summary: String { get }
  /// The keys beside `name`, `pretraining` and the `path` of a file of weights.
  static var keys: [Key] { get }
  static var input: ModelInput { get }
  /// Whether `pretraining` may train the base on public examples.
  static var canBePretrained: Bool { get }
  /// Whether `path` may give the base as a file of named tensors.
  static var canBeLoaded: Bool { get }
  /// - Parameter fields: checked against `keys`, defaults filled in.
  init(_ fields: Fields) throws(ScenarioError)
  /// What it has to do with texts; nil for models of numbers.
  var language: LanguageFacts? { get }
  /// The layers that an adapter can target, from input to output; nil where only the built model tells.
  func layers(for data: Scenario.DataSet) -> [ModelLayer]?
  /// What is wrong with these settings in this scenario.
  func problems(in scenario: Scenario) -> [SettingProblem]
}

extension ModelSettings {
  public static var keys: [Key] { [] }
  public static var canBePretrained: Bool { true }
  public static var canBeLoaded: Bool { true }
  public var language: LanguageFacts? { nil }
  public func layers(for data: Scenario.DataSet) -> [ModelLayer]? { nil }
  public func problems(in scenario: Scenario) -> [SettingProblem] { [] }
}

/// What a model is fed with.
public enum ModelInput: Sendable, Hashable {
  /// Rows of a table, or images as rows of their values.
  case numbers
  case images
  /// Rows of tokens.
  case texts
}

/// A layer that an adapter can target, as the matrix its weights form; a side is nil where only the data files can
/// say it.
public struct ModelLayer: Sendable, Hashable {
  public let name: String
  public let outputs: Int?
  public let inputs: Int?

  public init(name: String, outputs: Int?, inputs: Int?) {
    self.name = name
    self.outputs = outputs
    self.inputs = inputs
  }
}

/// What others ask of a model of texts.
public struct LanguageFacts: Sendable, Hashable {
  /// The folder of pretrained weights and vocabulary, as the scenario writes it; nil reads bytes.
  public let path: String?
  /// Texts are cut to so many tokens, those that the tokenizer adds included.
  public let maximumTokens: Int
  /// Whether names of special tokens written in a text are those tokens.
  public let specialInText: Bool
  /// Whether it predicts next tokens, and no labels.
  public let predictsTokens: Bool
  /// How the names of tensors begin that the folder has not, such as a head; nil if it has all.
  public let freshTensors: String?

  public init(
    path: String?, maximumTokens: Int, specialInText: Bool, predictsTokens: Bool,
    freshTensors: String?
  ) {
    self.path = path
    self.maximumTokens = maximumTokens
    self.specialInText = specialInText
    self.predictsTokens = predictsTokens
    self.freshTensors = freshTensors
  }
}
