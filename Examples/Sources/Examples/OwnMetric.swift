// A metric of your own: how many points the clients in the smallest true cluster are behind the others.

import Federation

extension RunResult {
  /// Mean accuracy of the other clients minus that of the smallest cluster, in percentage points; nil with one cluster.
  var smallestClusterPrice: Double? {
    let sizes = Dictionary(grouping: clients, by: \.cluster)
    guard sizes.count > 1,
      let smallest = sizes.min(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) })
    else { return nil }
    func mean(_ clients: [ClientResult]) -> Double {
      clients.reduce(0) { $0 + $1.accuracy } / Double(clients.count)
    }
    return 100 * (mean(clients.filter { $0.cluster != smallest.key }) - mean(smallest.value))
  }
}
