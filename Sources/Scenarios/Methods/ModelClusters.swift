// The settings of clusters of adapters.

extension Scenario {
  /// Clusters clients by the adapters that they release first (model-based clustering; Ostapenko et al.,
  /// arXiv:2405.11157); clients then stay, and each cluster trains one adapter.
  public struct ModelClusters: MethodSettings {
    public static let name = "mbc"
    public static let summary =
      "Clusters clients by the cosines of their first released adapters (model-based clustering)."
    public static let keys: [Key] = [
      .defaults(
        "num_clusters", .null, .nullable(.integer(1...1000)),
        "Number of clusters; null takes that of the candidates with the largest silhouette."),
      .defaults(
        "candidate_clusters", .null,
        .nullable(.list(of: .integer(2...1000), count: 1...64, distinct: true)),
        "Numbers of clusters to choose from; null = 2 to 6, fewer than there are clients."),
      .defaults(
        "first_round", "full-batch", .choice(FirstRound.allCases.map(\.rawValue)),
        "What is clustered: one full-batch step, or an adapter trained for one round as in all others."
      ),
      .defaults(
        "first_round_noise_ratio", 2, .number(.from(0.01, to: 1000)),
        "Noise multiplier of a full-batch round 1 over that of the later rounds."),
      .defaults(
        "zeroed_share", 0.5, .number(.from(0, below: 1)),
        "Share of an adapter's numbers, the smallest, that count as zero; products of two trained factors "
          + "are compared whole."),
      .defaults("starts", 10, .integer(1...1000), "Starts of k-means, of which the best is kept."),
    ]

    /// What clients release to be clustered.
    public enum FirstRound: String, Sendable, Hashable, CaseIterable {
      case training
      case fullBatch = "full-batch"
    }

    /// Nil chooses among the candidates.
    public let numClusters: Int?
    public let candidateClusters: [Int]
    public let firstRound: FirstRound
    /// Of a full-batch first round; 1 for a round of training, whose noise is that of all rounds.
    public let firstRoundNoiseRatio: Double
    public let zeroedShare: Double
    public let starts: Int

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      numClusters = try fields.optionalInteger("num_clusters")
      candidateClusters =
        fields.optional("candidate_clusters") == nil
        ? (2...6).filter { $0 < scope.clientCount } : try fields.integers("candidate_clusters")
      firstRound = try fields.choice("first_round")
      firstRoundNoiseRatio =
        firstRound == .fullBatch ? try fields.number("first_round_noise_ratio") : 1
      zeroedShare = try fields.number("zeroed_share")
      starts = try fields.integer("starts")
    }

    public var traits: MethodTraits {
      var traits = MethodTraits(
        clusters: .found, models: max(numClusters ?? candidateClusters.max() ?? 1, 1))
      traits.knownClusterCount = numClusters
      traits.clustersFirstRound = firstRound == .fullBatch
      traits.beginsWithFullParticipation = true
      traits.modelsGrow = true
      return traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      let clients = scenario.clientCount
      var problems = [
        SettingProblem.oneRound(scenario, for: "mbc, whose first round finds the clusters"),
        numClusters.flatMap { .above(clients: clients, $0, at: "method.num_clusters") },
      ]
      if numClusters == nil, candidateClusters.isEmpty {
        problems.append(
          SettingProblem(
            "population.clusters",
            "mbc needs at least 3 clients to tell clusters apart, got \(clients)"))
      }
      problems += candidateClusters.enumerated().map {
        .above(clients: clients, $1, at: "method.candidate_clusters[\($0)]")
      }
      if firstRound == .training {
        problems.append(
          .ownExchange(scenario, for: "mbc after a round of training, which compares them"))
      }
      return problems.compactMap(\.self)
    }
  }
}
