// The settings of IFCA.

extension Scenario {
  /// Iterative clustering by private loss (IFCA, arXiv:2006.04088) with the same selection
  /// mechanism as R-DPCFL.
  public struct Ifca: MethodSettings {
    public static let name = "ifca"
    public static let summary = "Clusters by private selection only."
    public static let keys: [Key] =
      [
        .defaults(
          "num_clusters", .null, .nullable(.integer(1...1000)),
          "Number of models; null = the number of true clusters.")
      ] + MethodTraits.Selection.keys
    public static let protectsClients = true

    /// Number of models. JSON key `num_clusters`; 1 up to the number of clients, default null: the
    /// number of true clusters, already filled in here.
    public let numClusters: Int
    /// As for R-DPCFL.
    public let selection: MethodTraits.Selection

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      numClusters = try fields.optionalInteger("num_clusters") ?? scope.clusterCount
      selection = try MethodTraits.Selection(fields)
    }

    public var traits: MethodTraits {
      var traits = MethodTraits(clusters: .found, models: numClusters)
      traits.knownClusterCount = numClusters
      traits.selection = selection
      return traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      [.above(clients: scenario.clientCount, numClusters, at: "method.num_clusters")]
        .compactMap(\.self)
    }
  }
}
