// The settings of methods that cluster clients by their updates alone.

extension Scenario {
  /// k-means on the updates of a full-batch first round; clients then stay. The hard-clustering counterpart of
  /// R-DPCFL, in the manner of Ghosh et al., arXiv:1906.06629.
  public struct KMeansClusters: MethodSettings {
    public static let name = "k-means"
    public static let summary = "Clusters by k-means on the updates of a full-batch first round."
    public static let keys: [Key] = [
      .defaults(
        "num_clusters", .null, .nullable(.integer(1...1000)),
        "Number of clusters; null = the number of true clusters."),
      .defaults("starts", 20, .integer(1...1000), "Starts of k-means, of which the best is kept."),
      .defaults(
        "first_round_noise_ratio", 2, .number(.from(0.01, to: 1000)),
        "Noise multiplier of round 1 over that of the later rounds."),
      MethodTraits.clusteringSampleKey,
    ]
    /// JSON key `num_clusters`; null, the number of true clusters, is already filled in.
    public let numClusters: Int
    /// JSON key `starts`; 1 to 1000, default 20.
    public let starts: Int
    /// JSON key `first_round_noise_ratio`; 0.01 to 1000, default 2.
    public let firstRoundNoiseRatio: Double
    /// JSON key `clustering_sample`; 4 to 20,000, default 2000.
    public let clusteringSample: Int

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      numClusters = try fields.optionalInteger("num_clusters") ?? scope.clusterCount
      starts = try fields.integer("starts")
      firstRoundNoiseRatio = try fields.number("first_round_noise_ratio")
      clusteringSample = try fields.integer("clustering_sample")
    }

    public var traits: MethodTraits {
      var traits = MethodTraits(clusters: .found, models: numClusters)
      traits.clusteringSample = clusteringSample
      traits.knownClusterCount = numClusters
      traits.clustersFirstRound = true
      traits.modelsGrow = true
      return traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      [
        .above(clients: scenario.clientCount, numClusters, at: "method.num_clusters"),
        .above(sample: clusteringSample, numClusters, at: "method.num_clusters"),
        .oneRound(scenario, for: "k-means, whose first round finds the clusters"),
      ].compactMap(\.self)
    }
  }

  /// Clustered federated learning by recursive bipartition (Sattler, Müller, Samek, IEEE TNNLS 2020): a group of
  /// clients whose mean update is small beside its members' is divided in two by the cosines of the updates.
  public struct RecursiveClusters: MethodSettings {
    public static let name = "cfl"
    public static let summary =
      "Recursive bipartition of the clients by the cosines of their updates (CFL)."
    public static let keys: [Key] = [
      .defaults(
        "max_mean_norm_ratio", 0.4, .number(.above(0, to: 1)),
        "A group is divided when the norm of its mean update falls below this share of its largest."
      ),
      .defaults(
        "max_cross_similarity", 1, .number(.from(-1, to: 1)),
        "A division is made when no cosine across it is above this."),
      .defaults("min_cluster_size", 2, .integer(1...1000), "Clients that a part must have."),
      .defaults(
        "first_split_round", 2, .integer(1...100_000), "No division before this round."),
    ]
    /// ε₁ over ε₂ of the paper's conditions 4 and 5, relative to the largest update of the group.
    public let maxMeanNormRatio: Double
    public let maxCrossSimilarity: Double
    public let minClusterSize: Int
    /// From 1.
    public let firstSplitRound: Int
    public let traits: MethodTraits

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      maxMeanNormRatio = try fields.number("max_mean_norm_ratio")
      maxCrossSimilarity = try fields.number("max_cross_similarity")
      minClusterSize = try fields.integer("min_cluster_size")
      firstSplitRound = try fields.integer("first_split_round")
      var traits = MethodTraits(
        clusters: .found, models: max(scope.clientCount / minClusterSize, 1))
      traits.modelsGrow = true
      self.traits = traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      var problems: [SettingProblem] = []
      if scenario.cohortSize != nil {
        problems.append(
          SettingProblem(
            "cohort_size", "must be null for cfl, which compares the updates of all clients"))
      }
      return problems
        + [
          .serverOptimizer(scenario, "remembers models, and cfl divides them; leave it out"),
          .ownExchange(scenario, for: "cfl, which compares them"),
        ].compactMap(\.self)
    }
  }
}
