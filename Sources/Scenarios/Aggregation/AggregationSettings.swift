// What a rule that averages adapters says of itself: its name, and the facts that checks, exports and reports ask for.
// What the server computes stands in Federation (`AggregationRule`).

/// One rule, as `adapter.aggregation` of a scenario names it; docs/lora-and-privacy.md compares them.
public protocol AggregationSettings: Sendable {
  /// As scenarios write it, such as "flexlora".
  static var name: String { get }
  static var traits: AggregationTraits { get }
  init()
}

/// The facts about a rule that others ask for.
public struct AggregationTraits: Sendable, Hashable {
  /// What clients train.
  public let trains: String
  /// What they send.
  public let sends: String
  /// What the server makes of it.
  public let averages: String
  /// What the guarantee covers.
  public var privacy =
    "whatever the server computes, it computes from noisy releases: post-processing, at no cost"
  /// Whether models are more than a vector of trained parameters that is averaged as it is.
  public var hasOwnExchange = true
  /// Whether A stays at its shared random value and only B is trained.
  public var freezesA = false
  /// Whether clients train the same parameters in every round and phase.
  public var trainsOneSet = true
  /// Whether the mean of the models of several clients, parameter by parameter, is a model: none of them
  /// has its factors in a basis of its own, or part of its change outside of the factors.
  public var meansAreModels = true
  /// Whether the server needs no more than one sum over clients a round: what secure aggregation and the
  /// protection of whole clients give.
  public var needsOneSumOnly = true
  /// Whether clients may have different ranks.
  public var takesUnequalRanks = false
  /// Whether B stays with its client, so that no cluster has an adapter.
  public var keepsBLocal = false
  /// Whether noise in A and noise in B multiply while the products do not average.
  public var multipliesNoise = false

  public init(trains: String, sends: String, averages: String) {
    self.trains = trains
    self.sends = sends
    self.averages = averages
  }

  /// With some of the facts changed.
  func with(_ change: (inout AggregationTraits) -> Void) -> AggregationTraits {
    var traits = self
    change(&traits)
    return traits
  }
}

extension Scenario.Adapter {
  /// The rule by which clients' adapters are averaged.
  public struct Aggregation: Sendable, Hashable {
    public let settings: any AggregationSettings.Type
    public let traits: AggregationTraits

    public init(_ settings: any AggregationSettings.Type) {
      self.settings = settings
      traits = settings.traits
    }

    /// - Throws: `ScenarioError` if no rule of adapters with A and B has this name.
    init(named name: String, at path: JSONPath) throws(ScenarioError) {
      guard let settings = AggregationCatalog.all.first(where: { $0.name == name }) else {
        throw ScenarioError(path, "names no known rule, got \"\(name)\"")
      }
      self.init(settings)
    }

    public var name: String { settings.name }

    public static func == (left: Aggregation, right: Aggregation) -> Bool {
      left.name == right.name
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  }
}

/// The rules that adapters with A and B may name.
public enum AggregationCatalog {
  private static let kinds = KindCatalog<any AggregationSettings.Type>(
    [
      Scenario.FedIT.self, Scenario.FFALoRA.self, Scenario.RoLoRA.self, Scenario.FlexLoRA.self,
      Scenario.FLoRA.self, Scenario.FedSALoRA.self, Scenario.FedExLoRA.self,
      Scenario.LoRAFAIR.self, Scenario.DEeR.self, Scenario.FedSVD.self, Scenario.FedASK.self,
    ], key: "aggregation", name: { $0.name }, isSame: { $0 == $1 })

  /// In the order of the documentation.
  public static var all: [any AggregationSettings.Type] { kinds.all }

  /// Lets scenarios name one more rule.
  ///
  /// - Throws: `ScenarioError` if another rule has its name.
  package static func add(_ rule: any AggregationSettings.Type) throws(ScenarioError) {
    try kinds.add(rule)
  }
}
