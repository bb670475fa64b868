// The clients of a scenario one by one, with what is in force for each.

import Datasets

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

  /// Whether only the table knows who the clients are.
  public var isOpen: Bool { population.clusters.isEmpty && data.table?.format.client != nil }

  /// Whether the true clusters are known.
  public var knowsClusters: Bool {
    guard let format = data.table?.format, format.client != nil else { return true }
    return format.cluster != nil
  }

  /// Whether any client has a budget, one that comes after training among them.
  public var hasBudget: Bool {
    population.clusters.isEmpty
      ? privacy.budget.targetEpsilon != nil
      : (clients + arrivingClients).contains { $0.budget.targetEpsilon != nil }
  }

  /// The scenario with the clients that its table names: everything else as it was.
  ///
  /// - Parameter clusters: for each true cluster its name, and the name and training examples of each client.
  /// - Throws: `ScenarioError` if the scenario asks for what these clients do not allow.
  public func closed(
    over clusters: [(name: String, clients: [(name: String, examples: Int)])]
  ) throws(ScenarioError) -> Scenario {
    var members: [JSONValue] = []
    for cluster in clusters {
      members.append([
        "name": .string(cluster.name), "clients": .integer(cluster.clients.count),
        "client_names": .array(cluster.clients.map { .string($0.name) }),
        "examples_per_client": .array(cluster.clients.map { .integer($0.examples) }),
      ])
    }
    guard case .object(var document) = resolved,
      case .object(var population)? = document["population"]
    else { return self }
    population["clusters"] = .array(members)
    document["population"] = .object(population)
    var scenario = try Scenario(document: .object(document))
    scenario.folder = folder
    return scenario
  }

  /// What tables call a client: its own name, or its number.
  public func name(ofClient index: Int) -> String {
    var first = 0
    for cluster in population.clusters {
      if index < first + cluster.clients {
        return cluster.clientNames.map { $0[index - first] } ?? "\(index)"
      }
      first += cluster.clients
    }
    return "\(index)"
  }

  /// What tables call every client; nil where none has a name.
  public var clientNames: [String]? {
    guard population.clusters.contains(where: { $0.clientNames != nil }) else { return nil }
    return (0..<clientCount).map { name(ofClient: $0) }
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

  /// Clients that come after training: numbers and clusters go on behind those of `clients`.
  public var arrivingClients: [Client] {
    var clients: [Client] = []
    for (place, cluster) in population.arriving.enumerated() {
      for index in 0..<cluster.clients {
        clients.append(
          Client(
            index: clientCount + clients.count, cluster: population.clusters.count + place,
            indexInCluster: index, budget: cluster.budget(ofClient: index),
            exampleRange: cluster.exampleRange(ofClient: index)))
      }
    }
    return clients
  }

  /// For clusters whose data change, the first round (from 1) with the new ones.
  public var changeRounds: [Int: Int] {
    Dictionary(
      uniqueKeysWithValues: population.clusters.enumerated().compactMap { index, cluster in
        cluster.shift.fromRound.map { (index, $0) }
      })
  }

  /// Rounds (from 1) after which the data of a cluster change.
  public var roundsBeforeChanges: Set<Int> { Set(changeRounds.values.map { $0 - 1 }) }

  /// The true cluster of every client.
  public var trueClusters: [Int] { clients.map(\.cluster) }
}
