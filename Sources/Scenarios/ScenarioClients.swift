// The clients of a scenario one by one, with what is in force for each.

extension Scenario {
  /// A client and everything the scenario says about it.
  public struct Client: Sendable, Hashable {
    /// Place among all clients, from 0, through the clusters in the order of the file.
    public let index: Int
    /// Place of its true cluster in `population.clusters`.
    public let cluster: Int
    /// Place within its cluster, from 0.
    public let indexInCluster: Int
    /// Its budget, with every override in place.
    public let budget: Budget
    /// The fewest and the most training examples it can be dealt, before any quantity skew.
    public let exampleRange: ClosedRange<Int>
  }

  /// Clients in all clusters.
  public var clientCount: Int { population.clusters.reduce(0) { $0 + $1.clients } }

  /// Every client, in order.
  public var clients: [Client] {
    var clients: [Client] = []
    clients.reserveCapacity(clientCount)
    for (place, cluster) in population.clusters.enumerated() {
      for index in 0..<cluster.clients {
        clients.append(
          Client(
            index: clients.count, cluster: place, indexInCluster: index,
            budget: cluster.budget(ofClient: index),
            exampleRange: cluster.exampleRange(ofClient: index)))
      }
    }
    return clients
  }

  /// The true cluster of every client.
  public var trueClusters: [Int] { clients.map(\.cluster) }
}
