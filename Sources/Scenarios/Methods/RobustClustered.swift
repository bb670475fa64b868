// The settings of R-DPCFL.

extension Scenario {
  /// The settings of R-DPCFL. The candidates and the first learning rate are already filled in.
  public struct RobustClustered: MethodSettings {
    public static let name = "r-dpcfl"
    public static let summary = "Clusters from a full-batch first round, then private selection."

    /// "as-intended" follows the paper with its faults fixed; "as-released" repeats the published
    /// code. JSON key `variant`; default "as-intended".
    public let variant: Variant
    /// Number of clusters; nil chooses among the candidates. JSON key `num_clusters`; 1 up to the
    /// number of clients, default null.
    public let numClusters: Int?
    /// Numbers of clusters to choose from. JSON key `candidate_clusters`; default null: 2 to 6, no
    /// more than there are clients.
    public let candidateClusters: [Int]
    /// How the number of clusters is chosen. JSON key `criterion`; default "separation".
    public let criterion: Criterion
    /// Principal components the updates are projected to. JSON key `components`; 1 to 64 and at
    /// most the number of clients, default null: as many as the largest candidate needs.
    public let components: Int?
    /// Starts of the mixture fit, of which the best is kept. JSON key `mixture_starts`; 1 to 1000,
    /// default 20.
    public let mixtureStarts: Int
    /// JSON keys `selection_epsilon_ratio`, ε of one private selection over the target ε; above 0,
    /// below 1, default 0.03; and `selection_rounds_ratio`, the share of the rounds in which clients
    /// select; 0 to 1, default 0.1.
    public let selection: MethodTraits.Selection
    /// Noise multiplier of round 1 over that of the later rounds. JSON key
    /// `first_round_noise_ratio`; 0.01 to 1000, default 2.
    public let firstRoundNoiseRatio: Double
    /// Learning rate of round 1. JSON key `first_round_learning_rate`; above 0, at most 100;
    /// default null, that of `local`.
    public let firstRoundLearningRate: Double
    /// Clients of whose first updates the clusters are found; where there are more, the others are placed among them as
    /// their updates come. JSON key `clustering_sample`; 4 to 20,000, default 2000.
    public let clusteringSample: Int

    public enum Variant: String, Sendable, Hashable, CaseIterable {
      case asIntended = "as-intended"
      case asReleased = "as-released"
    }

    /// How the number of clusters is chosen among the candidates.
    public enum Criterion: String, Sendable, Hashable, CaseIterable {
      /// The largest minimum separation score, as the paper says.
      case separation
      /// The Bayesian information criterion of the mixture.
      case bic
      /// A criterion that distrusts a large score at a wrong number of clusters.
      case robust
    }
  }
}

extension Scenario.RobustClustered {
  public static let keys: [Key] =
    [
      .defaults(
        "variant", "as-intended",
        .choice(Scenario.RobustClustered.Variant.allCases.map(\.rawValue)),
        "as-intended: the paper with its faults fixed; as-released: the published code."),
      .defaults(
        "num_clusters", .null, .nullable(.integer(1...1000)),
        "Number of clusters; null chooses among the candidates."),
      .defaults(
        "candidate_clusters", .null,
        .nullable(.list(of: .integer(1...1000), count: 1...64, distinct: true)),
        "Numbers of clusters to choose from; null = 2 to 6, no more than there are clients."),
      .defaults(
        "criterion", "separation",
        .choice(Scenario.RobustClustered.Criterion.allCases.map(\.rawValue)),
        "How the number of clusters is chosen."),
      .defaults(
        "components", .null, .nullable(.integer(1...64)),
        "Principal components of the updates to cluster in; null = as many as the largest "
          + "candidate needs."),
      .defaults("mixture_starts", 20, .integer(1...1000), "Starts of the mixture fit."),
    ] + MethodTraits.Selection.keys + [
      .defaults(
        "first_round_noise_ratio", 2, .number(.from(0.01, to: 1000)),
        "Noise multiplier of round 1 over that of the later rounds."),
      .defaults(
        "first_round_learning_rate", .null, .nullable(.number(.above(0, to: 100))),
        "Learning rate of round 1; null = local.learning_rate."),
      MethodTraits.clusteringSampleKey,
    ]

  public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
    let sample = try fields.integer("clustering_sample")
    clusteringSample = sample
    variant = try fields.choice("variant")
    numClusters = try fields.optionalInteger("num_clusters")
    candidateClusters =
      fields.optional("candidate_clusters") == nil
      ? (2...6).filter { $0 <= min(scope.clientCount, sample) }
      : try fields.integers("candidate_clusters")
    criterion = try fields.choice("criterion")
    components = try fields.optionalInteger("components")
    mixtureStarts = try fields.integer("mixture_starts")
    selection = try MethodTraits.Selection(fields)
    firstRoundNoiseRatio = try fields.number("first_round_noise_ratio")
    firstRoundLearningRate =
      try fields.optionalNumber("first_round_learning_rate") ?? scope.learningRate
  }

  public var traits: MethodTraits {
    var traits = MethodTraits(
      clusters: .found, models: max(numClusters ?? candidateClusters.max() ?? 1, 1))
    traits.knownClusterCount = numClusters
    traits.selection = selection
    traits.clustersFirstRound = true
    traits.modelsGrow = true
    traits.variant = variant.rawValue
    // The published code knows no such thing.
    traits.clusteringSample = variant == .asReleased ? nil : clusteringSample
    traits.repeatsPublishedCode = variant == .asReleased
    return traits
  }

  public func problems(in scenario: Scenario) -> [SettingProblem] {
    let problems = [
      SettingProblem.oneRound(scenario, for: "r-dpcfl, whose first round finds the clusters")
    ].compactMap(\.self)
    let clients = scenario.clientCount
    guard clients >= 2 else {
      return problems + [
        SettingProblem(
          "population.clusters", "r-dpcfl needs at least 2 clients to tell apart, got \(clients)")
      ]
    }
    var counts = [(components, "components"), (numClusters, "num_clusters")]
    counts += candidateClusters.enumerated().map { ($1, "candidate_clusters[\($0)]") }
    return problems
      + counts.compactMap { count, key in
        count.flatMap {
          .above(clients: clients, $0, at: "method.\(key)")
            ?? .above(sample: clusteringSample, $0, at: "method.\(key)")
        }
      }
  }
}
