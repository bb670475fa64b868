// A metric of your own: how many points the clients in the smallest true cluster are behind the others.

import Analysis
import DPFLSim

extension RunMetric {
  /// Mean accuracy of the other clients minus that of the smallest cluster; nil with one cluster.
  static let smallestClusterPrice = RunMetric(
    "smallest_cluster_price",
    "Mean accuracy of the other clients minus that of the smallest true cluster.",
    isBetterHigh: false
  ) { result in
    let sizes = Dictionary(grouping: result.clients, by: \.cluster)
    guard sizes.count > 1,
      let smallest = sizes.min(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) })
    else { return nil }
    func mean(_ clients: [ClientResult]) -> Double {
      clients.reduce(0) { $0 + $1.accuracy } / Double(clients.count)
    }
    return mean(result.clients.filter { $0.cluster != smallest.key }) - mean(smallest.value)
  }
}
