// What a method says of itself in a scenario: its name, its keys, and the facts that checks, forecasts and the server
// ask for. How it runs stands in Federation (`FederatedMethod`).

/// The settings of one method, as `method` of a scenario names it.
///
/// A type is all that a method tells the rest: schema, documentation, checks, forecasts and the server read from here.
public protocol MethodSettings: Sendable, Hashable {
  /// As scenarios write it, such as "ifca".
  static var name: String { get }
  /// One sentence for the schema and docs/scenario.md.
  static var summary: String { get }
  /// The keys beside `name`.
  static var keys: [Key] { get }
  /// Whether the server may protect whole clients (`privacy.unit: "client"`): what it releases must be one sum over
  /// clients a round.
  static var protectsClients: Bool { get }
  /// - Parameter fields: checked against `keys`, defaults filled in.
  init(_ fields: Fields, scope: MethodScope) throws(ScenarioError)
  var traits: MethodTraits { get }
  /// What is wrong with these settings in this scenario.
  func problems(in scenario: Scenario) -> [SettingProblem]
}

extension MethodSettings {
  public static var keys: [Key] { [] }
  public static var protectsClients: Bool { false }
  public func problems(in scenario: Scenario) -> [SettingProblem] { [] }
}

/// What a method's defaults may depend on.
public struct MethodScope: Sendable {
  public let clientCount: Int
  /// True clusters.
  public let clusterCount: Int
  /// `local.learning_rate`.
  public let learningRate: Double
}

/// The facts about a method that others ask for.
public struct MethodTraits: Sendable, Hashable {
  /// What its models have to do with clusters of clients.
  public enum Clusters: Sendable, Hashable {
    /// Nothing.
    case none
    /// They are the clusters that it finds.
    case found
    /// They are the true clusters, which it is given.
    case given
  }

  /// Private choices among models.
  public struct Selection: Sendable, Hashable {
    /// Share of the rounds in which clients select; 0 to 1.
    public let roundsRatio: Double
    /// ε of one selection over the target ε.
    public let epsilonRatio: Double

    public init(roundsRatio: Double, epsilonRatio: Double) {
      self.roundsRatio = roundsRatio
      self.epsilonRatio = epsilonRatio
    }

    /// Rounds in which clients select, of so many: at least one unless the share is zero.
    public func rounds(of rounds: Int) -> Int {
      guard roundsRatio > 0 else { return 0 }
      return min(rounds, max(1, Int((roundsRatio * Double(rounds)).rounded())))
    }
  }

  public var clusters: Clusters
  /// Models that the server or the clients hold, at most.
  public var models: Int
  /// Whether it begins with one model and makes others as it finds clusters.
  public var modelsGrow = false
  /// The number of clusters where the method is told, instead of finding it.
  public var knownClusterCount: Int?
  /// Whether the server moves models by means of several clients' updates.
  public var averages = true
  /// Nil where clients never choose.
  public var selection: Selection?
  /// Whether the first round takes everybody, with all data at once, and clusters by their updates.
  public var clustersFirstRound = false
  /// Clients of whose first updates the clusters are found, at most, where others are placed among them; nil holds the
  /// first updates of all at once.
  public var clusteringSample: Int?
  /// Whether everybody takes part in the first round, whatever the cohort's size.
  public var beginsWithFullParticipation = false
  /// Whether local training is drawn to other models or corrected by updates of others, place by place: a trained
  /// number must then mean the same for all clients.
  public var pullsModels = false
  /// Whether clients train models besides the one that they use.
  public var trainsUnusedModels = false
  /// Whether a client trains all models in each of its rounds, as parts of a mixture of its own, which also answers for it.
  public var trainsEveryModel = false
  /// Which of several ways of one method, for tables; nil where there is one.
  public var variant: String?
  /// Whether it repeats published code with its faults, which calibrates its own noise.
  public var repeatsPublishedCode = false

  public init(clusters: Clusters = .none, models: Int) {
    self.clusters = clusters
    self.models = models
  }

  /// Whether models of clusters stand beside one another.
  public var trainsSeveralModels: Bool { clusters != .none && models > 1 }

}

extension MethodTraits {
  /// The JSON key of `clusteringSample`.
  static let clusteringSampleKey = Key.defaults(
    "clustering_sample", 2000, .integer(4...20_000),
    "Clients of whose first updates the clusters are found; of more, others are placed among them.")
}

/// Something in a scenario that a kind refuses.
public struct SettingProblem: Sendable, Hashable {
  /// From the root of the scenario, such as `method.num_clusters`.
  public let path: String
  /// What is wrong and how to fix it, going on from the path.
  public let message: String

  public init(_ path: String, _ message: String) {
    self.path = path
    self.message = message
  }

  /// That there are fewer than two rounds; nil if there are not.
  ///
  /// - Parameter reason: who needs two, and why.
  static func oneRound(_ scenario: Scenario, for reason: String) -> SettingProblem? {
    guard scenario.rounds < 2 else { return nil }
    return SettingProblem("rounds", "must be at least 2 for \(reason), got \(scenario.rounds)")
  }

  /// That a server optimiser is set where none may be; nil if there is none.
  static func serverOptimizer(_ scenario: Scenario, _ message: String) -> SettingProblem? {
    scenario.serverOptimizer == .fedAvg ? nil : SettingProblem("server.optimizer", message)
  }

  /// That the rule of aggregation changes what clients send; nil if it does not.
  ///
  /// - Parameter reason: who needs updates as they are, and why.
  static func ownExchange(_ scenario: Scenario, for reason: String) -> SettingProblem? {
    guard let adapter = scenario.adapter, adapter.hasOwnExchange else { return nil }
    return SettingProblem(
      adapter.exchangePath,
      "must leave updates as they are for \(reason); use \(adapter.plainExchange)")
  }

  /// That a number of clusters, models or components is above the number of clients; nil if it is not.
  static func above(clients: Int, _ count: Int, at path: String) -> SettingProblem? {
    guard count > clients else { return nil }
    return SettingProblem(path, "must be at most the number of clients, \(clients), got \(count)")
  }

  /// That a number of clusters or components is above the number of clients that clusters are found of; nil if not.
  static func above(sample: Int, _ count: Int, at path: String) -> SettingProblem? {
    guard count > sample else { return nil }
    return SettingProblem(path, "must be at most clustering_sample, \(sample), got \(count)")
  }
}

extension Scenario {
  /// What the server does with the clients' updates. JSON key `method`; its `name` is required.
  public struct Method: Sendable, Hashable {
    /// Held by reference: a scenario is copied often, and settings are of any size.
    private final class Choice: Sendable {
      let settings: any MethodSettings
      let traits: MethodTraits

      init(_ settings: any MethodSettings) {
        self.settings = settings
        traits = settings.traits
      }
    }
    private let choice: Choice

    public var settings: any MethodSettings { choice.settings }
    public var traits: MethodTraits { choice.traits }

    init(_ settings: any MethodSettings) { choice = Choice(settings) }

    /// The name as the scenario writes it.
    public var name: String { type(of: settings).name }

    /// Whether the server may protect whole clients.
    public var protectsClients: Bool { type(of: settings).protectsClients }

    public static func == (left: Method, right: Method) -> Bool {
      AnyHashable(left.settings) == AnyHashable(right.settings)
    }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(AnyHashable(settings))
    }
  }
}

extension Scenario.Method {
  init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
    let name = try fields.string("name")
    guard let type = MethodCatalog.all.first(where: { $0.name == name }) else {
      throw ScenarioError(fields.path + "name", "names no known method, got \"\(name)\"")
    }
    self.init(try type.init(fields, scope: scope))
  }

  static var shape: TaggedShape {
    TaggedShape(
      tag: "name", description: "Which method.",
      branches: MethodCatalog.all.map { .init($0.name, $0.summary, $0.keys) },
      refused: MethodCatalog.refused)
  }
}
