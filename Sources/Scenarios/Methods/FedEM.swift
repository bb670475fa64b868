// The settings of FedEM.

extension Scenario {
  /// FedEM (Marfoq et al., arXiv:2108.10252, Algorithm 1): the data of each client are a mixture, in shares of its own, of
  /// distributions that all have in common. Every example counts for each model by its posterior.
  public struct FedEM: MethodSettings {
    public static let name = "fedem"
    public static let summary =
      "Every client trains all models, each example counting for each by its posterior (FedEM)."
    public static let keys: [Key] = [
      .defaults(
        "num_clusters", .null, .nullable(.integer(2...1000)),
        "Number of models; null = the number of true clusters, or 2."),
      .defaults(
        "posterior_noise_ratio", 10, .number(.from(0.01, to: 1000)),
        "Noise multiplier of a client's shares of the mixture over that of its steps."),
    ]

    /// Number of models. JSON key `num_clusters`; 2 to 1000, default null: the number of true clusters, at least 2,
    /// already filled in here.
    public let numClusters: Int
    /// Noise multiplier of the release of a client's shares, over that of training. JSON key `posterior_noise_ratio`;
    /// 0.01 to 1000, default 10.
    public let posteriorNoiseRatio: Double

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      numClusters = try fields.optionalInteger("num_clusters") ?? max(scope.clusterCount, 2)
      posteriorNoiseRatio = try fields.number("posterior_noise_ratio")
    }

    public var traits: MethodTraits {
      var traits = MethodTraits(clusters: .found, models: numClusters)
      traits.knownClusterCount = numClusters
      traits.trainsUnusedModels = true
      traits.trainsEveryModel = true
      return traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      let reason = "fedem, which clips the gradients of one example for all models together"
      var problems = [
        SettingProblem.above(
          clients: scenario.clientCount, numClusters, at: "method.num_clusters"),
        .ownExchange(scenario, for: reason),
      ]
      if scenario.privacy.individual {
        problems.append(SettingProblem("privacy.individual", "must be false for \(reason)"))
      }
      if case .adaptive = scenario.privacy.clipping {
        problems.append(
          SettingProblem(
            "privacy.clipping.name",
            "must not be adaptive for fedem, whose models would each pay for their counts; use \"per-layer\" or \"flat\""
          ))
      }
      if scenario.projectionRank != nil {
        problems.append(
          SettingProblem(
            "adapter.type",
            "must not be \"random-projection\" for fedem: the projected sums of several models are no release of that "
              + "mechanism; use \"linear_probe\""))
      }
      if scenario.privacy.randomness == .system {
        problems.append(
          SettingProblem(
            "privacy.randomness",
            "must be \"seeded\" for fedem, whose models share their batches"))
      }
      return problems.compactMap(\.self)
    }
  }
}
