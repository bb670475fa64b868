// The settings of the methods without clustering, and of the one that is given the clusters.

extension Scenario {
  /// DP FedAvg, one model for everybody.
  public struct Global: MethodSettings {
    public static let name = "global"
    public static let summary = "One model for everybody (DP FedAvg)."
    public static let protectsClients = true
    public let traits = MethodTraits(models: 1)

    public init(_ fields: Fields, scope: MethodScope) {}
  }

  /// No exchange: every client trains alone.
  public struct LocalModels: MethodSettings {
    public static let name = "local"
    public static let summary = "Every client alone."
    public let traits: MethodTraits

    public init(_ fields: Fields, scope: MethodScope) {
      var traits = MethodTraits(models: scope.clientCount)
      traits.averages = false
      self.traits = traits
    }
  }

  /// Mean-regularised personal models (MR-MTL): f_i(w) + λ/2 ‖w - w̄‖². JSON key `lambda`;
  /// 0 to 1000, default 0.02.
  public struct MeanRegularized: MethodSettings {
    public static let name = "mr-mtl"
    public static let summary = "Personal models drawn to their mean."
    public static let keys: [Key] = [
      .defaults("lambda", 0.02, .number(.from(0, to: 1000)), "Weight of the pull to the mean.")
    ]
    public let lambda: Double
    public let traits: MethodTraits

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      lambda = try fields.number("lambda")
      var traits = MethodTraits(models: scope.clientCount)
      traits.averages = false
      traits.pullsModels = true
      self.traits = traits
    }
  }

  /// The true clusters, one model each: the upper bound no method can know.
  public struct Oracle: MethodSettings {
    public static let name = "oracle"
    public static let summary = "The true clusters, known from the start."
    public static let protectsClients = true
    public let traits: MethodTraits

    public init(_ fields: Fields, scope: MethodScope) {
      var traits = MethodTraits(clusters: .given, models: scope.clusterCount)
      traits.knownClusterCount = scope.clusterCount
      self.traits = traits
    }
  }
}
