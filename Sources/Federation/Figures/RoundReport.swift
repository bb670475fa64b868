// What a run tells the outside after each round. The figures are of two kinds, and the types keep them apart: what
// clients released (accounted in the ledger), and what only a simulator can see (true clusters, test accuracy of single
// clients, losses).

public import Privacy

/// One client in one round.
public struct ClientRound: Codable, Hashable, Sendable {
  public let client: Int
  /// Index of the model that the client uses after this round.
  public var model: Int
  /// Whether it trained in this round.
  public var participated: Bool
  /// Local steps taken.
  public var steps: Int
  /// L2 norm of the released update; nil if it did not take part.
  public var updateNorm: Double?
  /// Mean training loss in nats over the batches it drew (seen by the simulator alone).
  public var trainLoss: Double?
  /// Accuracy and mean loss on its test examples; nil in rounds without evaluation.
  public var testAccuracy: Double?
  public var testLoss: Double?

  public init(client: Int, model: Int) {
    self.client = client
    self.model = model
    participated = false
    steps = 0
  }
}

/// Figures of one true cluster after a round.
public struct ClusterRound: Codable, Hashable, Sendable {
  public let cluster: Int
  /// Unweighted mean over its clients, or over a sample of them; nil in rounds without evaluation.
  public let testAccuracy: Double?
  public let testLoss: Double?
  /// Of `testAccuracy` where a sample of the clients was evaluated; nil where all were.
  public let standardError: Double?

  public init(
    cluster: Int, testAccuracy: Double?, testLoss: Double?, standardError: Double? = nil
  ) {
    self.standardError = standardError
    self.cluster = cluster
    self.testAccuracy = testAccuracy
    self.testLoss = testLoss
  }
}

/// Which part of a method a round belongs to.
public enum RoundStage: String, Codable, Hashable, Sendable {
  /// Every client's whole data set as one batch, to be clustered by its update.
  case fullBatch = "full-batch"
  /// Clients train a model drawn from the mixture's posterior.
  case softClustering = "soft-clustering"
  /// Clients choose their model by the exponential mechanism.
  case selection
  /// Assignments are fixed.
  case training
}

/// Everything that one round did.
public struct RoundReport: Codable, Hashable, Sendable {
  /// From 1.
  public let round: Int
  public let stage: RoundStage
  /// Clients that trained, were evaluated or changed their model, ascending; in the first round all. Whoever is not
  /// here did nothing and keeps its model.
  public var clients: [ClientRound]
  public var clusters: [ClusterRound]
  /// Entries that this round added to the ledgers, by client.
  public var ledger: [LedgerEntry]
  /// Whether the found clusters equal the true ones; nil where the method has no clusters.
  public var clustersAreTrue: Bool?
  /// Clients that trained and released, and whose update came after the deadline.
  public var lateClients: [Int] = []
  /// Clusters whose data change during the run; nil in other runs, and in rounds without evaluation.
  public var changes: [ChangeRound]?
  public var bytesUp: Int
  public var bytesDown: Int
  /// ‖averaged adapters − exact average of products‖ / ‖exact average‖, over all models and layers; nil
  /// without an adapter, where nothing was averaged, where products are personal, or where the server
  /// added noise. Not part of the digest: it follows from what is.
  public var aggregationError: Double?
  /// Time of the round; not part of the digest.
  public var seconds: Double

  public init(round: Int, stage: RoundStage) {
    self.round = round
    self.stage = stage
    clients = []
    clusters = []
    ledger = []
    bytesUp = 0
    bytesDown = 0
    seconds = 0
  }

  /// What a sample says of all clients; nil where all were evaluated, or none.
  public internal(set) var sampled: SampledAccuracy?

  /// Mean over clients; nil in rounds without evaluation.
  public var clientMeanAccuracy: Double? {
    if let sampled { return sampled.mean }
    let values = clients.compactMap(\.testAccuracy)
    guard values.count == clients.count, !values.isEmpty else { return nil }
    return values.reduce(0, +) / Double(values.count)
  }

  public var worstClusterAccuracy: Double? { clusters.compactMap(\.testAccuracy).min() }
}
