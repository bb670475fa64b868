// Clusters of more clients than can be held at once: found of the first updates of a sample, among which all others are
// placed as their updates come. Both look at released updates alone: it is post-processing and costs no privacy.

import Kernels

/// Clusters that were found of some clients' updates.
struct SampledClusters: Sendable {
  /// Where the clients of the sample lie, in their order; clients × coordinates.
  let points: Matrix
  /// The coordinates of a clustering signal (`MethodContext.clusteringSignal`).
  let place: @Sendable ([Float]) throws -> [Double]
  /// Takes the clusters over, with the coordinates of all clients, clients × coordinates.
  let adopt: @Sendable (Matrix, inout FederatedState) -> Void
}

/// A method whose first round can do with the updates of `MethodTraits.clusteringSample` clients at once.
protocol SamplingMethod: FederatedMethod {
  func sampledClusters(
    of sample: [ClientUpdate], state: FederatedState, context: MethodContext
  ) throws -> SampledClusters
}
