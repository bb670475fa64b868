// A method of your own: clusters that somebody else found, such as the regions of hospitals.
//
// In a scenario: "method": {"name": "fixed-clusters", "clusters": [0, 0, 0, 1, 1]}, one entry for each client.

import DPFLSim

struct FixedClusters: MethodSettings, FederatedMethod, RunnableMethod {
  static let name = "fixed-clusters"
  static let summary = "One model for each of the clusters that are written down."
  static let keys: [Key] = [
    .required(
      "clusters", .list(of: .integer(0...999), count: 1...1000, distinct: false),
      "The cluster of each client, from 0.")
  ]

  let clusters: [Int]

  init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
    clusters = try fields.integers("clusters")
  }

  /// The facts that checks, forecasts and reports ask for.
  var traits: MethodTraits {
    MethodTraits(clusters: .given, models: (clusters.max() ?? 0) + 1)
  }

  /// `check` and `run` say this before anything is trained.
  func problems(in scenario: Scenario) -> [SettingProblem] {
    guard clusters.count != scenario.clientCount else { return [] }
    return [
      SettingProblem(
        "method.clusters",
        "must have an entry for each of the \(scenario.clientCount) clients, got \(clusters.count)")
    ]
  }

  /// What is released, what clients are asked and how their updates are averaged is the usual: training in every
  /// round, the assigned model, the mean.
  func start(_ context: MethodContext) -> FederatedState {
    FederatedState(
      models: [[Float]](repeating: context.initial, count: traits.models), assignment: clusters)
  }
}
