// What a kind of adapter says of itself in a scenario: its name, its keys, and the facts that checks, forecasts, reports
// and exports ask for. How it is built stands in Federation (`BuildableAdapter`).

/// The settings of one kind, as `adapter` of a scenario names it.
public protocol AdapterSettings: Sendable, Hashable {
  /// As scenarios write it, such as "ia3".
  static var name: String { get }
  /// One sentence for the schema and docs/scenario.md.
  static var summary: String { get }
  /// The keys beside `type`.
  static var keys: [Key] { get }
  /// - Parameter fields: checked against `keys`, defaults filled in.
  init(_ fields: Fields) throws(ScenarioError)
  var traits: AdapterTraits { get }
  /// What is wrong with these settings in this scenario.
  func problems(in scenario: Scenario) -> [SettingProblem]
}

extension AdapterSettings {
  public func problems(in scenario: Scenario) -> [SettingProblem] { [] }
}

/// The facts about a kind of adapter that others ask for.
public struct AdapterTraits: Sendable, Hashable {
  /// What a client trains, in words.
  public var trains: String
  /// Whether the model depends linearly on what is trained, so that the mean of clients' numbers is the mean of
  /// their weights.
  public var isLinear: Bool
  /// Names of the adapted layers, in full or their last parts.
  public var targetModules: [String] = []
  /// Layers that are trained whole beside the adapter.
  public var modulesToSave: [String] = []
  /// Rank r; 0 for kinds without one.
  public var rank = 0
  /// α of the scale α/r; the rank itself where there is no scale.
  public var loraAlpha: Double = 0
  /// What there is to say of LoRA's A and B, which rules of aggregation read; nil for kinds with other tensors.
  public var factors: FactorTraits?
  /// How clients' adapters are averaged.
  public var aggregation: Scenario.Adapter.Aggregation = .mean
  /// Whether tensors are shared by several layers, so that groups of layers cannot bound them.
  public var sharesTensors = false
  /// Whether the trained tensors are in layers that no target module names: the model's own, or rows of its embedding.
  public var trainsModelTensors = false
  /// Rows that every text gets; nil for kinds that change weights.
  public var softRows: Int?

  public init(trains: String, isLinear: Bool) {
    self.trains = trains
    self.isLinear = isLinear
  }

  /// With what the usual keys say that these fields have: `target_modules`, `modules_to_save`, `r`, `lora_alpha`.
  ///
  /// - Throws: `ScenarioError` if a field was not checked against its key.
  public init(_ fields: Fields, trains: String, isLinear: Bool) throws(ScenarioError) {
    self.init(trains: trains, isLinear: isLinear)
    if fields.optional("target_modules") != nil {
      targetModules = try fields.strings("target_modules")
    }
    if fields.optional("modules_to_save") != nil {
      modulesToSave = try fields.strings("modules_to_save")
    }
    rank = try fields.optionalInteger("r") ?? 0
    loraAlpha = try fields.optionalNumber("lora_alpha") ?? Double(rank)
  }
}

/// The facts about A and B of W + s·B A.
public struct FactorTraits: Sendable, Hashable {
  /// Rank of each target module in turn, instead of r.
  public var layerRanks: [Int]?
  /// Ranks of the clients, client k taking the entry k modulo their number; nil gives everybody r.
  public var clientRanks: [Int]?
  /// Whether the scale is α/√r instead of α/r.
  public var useRSLoRA = false
  /// Whether the scenario chooses by `freeze_a` or `aggregation` what of A and B is trained.
  public var choosesFactors = false
  /// Hidden units of the networks that emit A and B; nil where they are trained themselves.
  public var generatorWidth: Int?

  public init() {}
}

/// Keys that several kinds have.
public enum AdapterKeys {
  public static let rank: Key = .required("r", .integer(1...1024), "Rank.")
  public static let targetModules: Key = .required(
    "target_modules", .list(of: .identifier, count: 1...256, distinct: true),
    "Layers to adapt, by their names or the last parts of them.",
    hint: layers)
  /// What there is to name.
  static let layers =
    "layers are fc of logistic, conv1, conv2 and fc of cnn, fc1, fc2 and so on of mlp, and such as query and value "
    + "of a language model"
  public static let modulesToSave: Key = .absent(
    "modules_to_save", .list(of: .identifier, count: 1...16, distinct: true),
    "Layers that are trained whole beside the adapter, such as a fresh classifier.")
  public static let loraAlpha: Key = .required(
    "lora_alpha", .number(.above(0, to: 10_000)), "Numerator of the scale lora_alpha / r.")
}
