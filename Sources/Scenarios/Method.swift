// The methods a scenario can name, each with the settings only it has.

extension Scenario {
  /// What the server does with the clients' updates. JSON key `method`; its `name` is required.
  public enum Method: Sendable, Hashable {
    /// R-DPCFL: clusters from the first full-batch round, then private selection.
    case robustClustered(RobustClustered)
    /// DP FedAvg, one model for everybody.
    case global
    /// No exchange: every client trains alone.
    case local
    /// Iterative clustering by private loss (IFCA, arXiv:2006.04088) with the same selection
    /// mechanism.
    case ifca(Ifca)
    /// Mean-regularised personal models (MR-MTL): f_i(w) + λ/2 ‖w - w̄‖². JSON key `lambda`;
    /// 0 to 1000, default 0.02.
    case meanRegularized(lambda: Double)
    /// The true clusters, one model each: the upper bound no method can know.
    case oracle
  }

  /// The settings of R-DPCFL. The candidates and the first learning rate are already filled in.
  public struct RobustClustered: Sendable, Hashable {
    /// "as-intended" follows the paper with its faults mended; "as-released" repeats the published
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
    /// ε of one private selection over the target ε. JSON key `selection_epsilon_ratio`; above 0,
    /// below 1, default 0.03.
    public let selectionEpsilonRatio: Double
    /// Share of the rounds in which clients select. JSON key `selection_rounds_ratio`; 0 to 1,
    /// default 0.1.
    public let selectionRoundsRatio: Double
    /// Noise multiplier of round 1 over that of the later rounds. JSON key
    /// `first_round_noise_ratio`; 0.01 to 1000, default 2.
    public let firstRoundNoiseRatio: Double
    /// Learning rate of round 1. JSON key `first_round_learning_rate`; above 0, at most 100;
    /// default null, that of `local`.
    public let firstRoundLearningRate: Double

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

  /// The settings of IFCA.
  public struct Ifca: Sendable, Hashable {
    /// Number of models. JSON key `num_clusters`; 1 up to the number of clients, default null: the
    /// number of true clusters, already filled in here.
    public let numClusters: Int
    /// As for R-DPCFL.
    public let selectionEpsilonRatio: Double
    /// As for R-DPCFL.
    public let selectionRoundsRatio: Double
  }
}

extension Scenario.Method {
  /// The name as the scenario writes it.
  public var name: String {
    switch self {
    case .robustClustered: "r-dpcfl"
    case .global: "global"
    case .local: "local"
    case .ifca: "ifca"
    case .meanRegularized: "mr-mtl"
    case .oracle: "oracle"
    }
  }
}

extension Scenario.Method {
  /// Whether the server moves models by means of several clients' updates.
  var averages: Bool {
    switch self {
    case .local, .meanRegularized: false
    case .robustClustered, .global, .ifca, .oracle: true
    }
  }
}

// MARK: - Format

extension Scenario.Method {
  private static let selection: [Key] = [
    .defaults(
      "selection_epsilon_ratio", 0.03, .number(.above(0, below: 1)),
      "Epsilon of one private selection over target_epsilon."),
    .defaults(
      "selection_rounds_ratio", 0.1, .number(.from(0, to: 1)),
      "Share of the rounds in which clients select their cluster."),
  ]

  static let shape = TaggedShape(
    tag: "name", description: "Which method.",
    branches: [
      .init(
        "r-dpcfl", "Clusters from a full-batch first round, then private selection.",
        [
          .defaults(
            "variant", "as-intended",
            .choice(Scenario.RobustClustered.Variant.allCases.map(\.rawValue)),
            "as-intended: the paper with its faults mended; as-released: the published code."),
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
        ] + selection + [
          .defaults(
            "first_round_noise_ratio", 2, .number(.from(0.01, to: 1000)),
            "Noise multiplier of round 1 over that of the later rounds."),
          .defaults(
            "first_round_learning_rate", .null, .nullable(.number(.above(0, to: 100))),
            "Learning rate of round 1; null = local.learning_rate."),
        ]),
      .init("global", "One model for everybody (DP FedAvg)."),
      .init("local", "Every client alone."),
      .init(
        "ifca", "Clusters by private selection only.",
        [
          .defaults(
            "num_clusters", .null, .nullable(.integer(1...1000)),
            "Number of models; null = the number of true clusters.")
        ] + selection),
      .init(
        "mr-mtl", "Personal models drawn to their mean.",
        [.defaults("lambda", 0.02, .number(.from(0, to: 1000)), "Weight of the pull to the mean.")]),
      .init("oracle", "The true clusters, known from the start."),
    ])

  init(
    _ fields: Fields, clientCount: Int, clusterCount: Int, learningRate: Double
  ) throws(ScenarioError) {
    switch try fields.string("name") {
    case "r-dpcfl":
      self = .robustClustered(
        try Scenario.RobustClustered(
          fields, clientCount: clientCount, learningRate: learningRate))
    case "ifca":
      self = .ifca(
        Scenario.Ifca(
          numClusters: try fields.optionalInteger("num_clusters") ?? clusterCount,
          selectionEpsilonRatio: try fields.number("selection_epsilon_ratio"),
          selectionRoundsRatio: try fields.number("selection_rounds_ratio")))
    case "mr-mtl": self = .meanRegularized(lambda: try fields.number("lambda"))
    case "local": self = .local
    case "oracle": self = .oracle
    default: self = .global
    }
  }
}

extension Scenario.RobustClustered {
  fileprivate init(
    _ fields: Fields, clientCount: Int, learningRate: Double
  ) throws(ScenarioError) {
    variant = try fields.choice("variant")
    numClusters = try fields.optionalInteger("num_clusters")
    candidateClusters =
      fields.optional("candidate_clusters") == nil
      ? (2...6).filter { $0 <= clientCount } : try fields.integers("candidate_clusters")
    criterion = try fields.choice("criterion")
    components = try fields.optionalInteger("components")
    mixtureStarts = try fields.integer("mixture_starts")
    selectionEpsilonRatio = try fields.number("selection_epsilon_ratio")
    selectionRoundsRatio = try fields.number("selection_rounds_ratio")
    firstRoundNoiseRatio = try fields.number("first_round_noise_ratio")
    firstRoundLearningRate =
      try fields.optionalNumber("first_round_learning_rate") ?? learningRate
  }
}
