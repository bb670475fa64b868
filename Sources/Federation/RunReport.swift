// What a run tells the outside: one report a round while it goes, one result at the end. The figures
// are of two kinds, and the types keep them apart: what clients released (accounted in the ledger), and
// what only a simulator can see (true clusters, test accuracy of single clients, losses).

public import Clustering
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

/// The final figures of a client.
public struct ClientResult: Codable, Hashable, Sendable {
  public let client: Int
  /// Index of its true cluster.
  public let cluster: Int
  /// Index of the model it ends with.
  public let model: Int
  public let trainExamples: Int
  public let testExamples: Int
  public let accuracy: Double
  public let loss: Double
  /// The ε that the ledger proves, at `delta`; nil without privacy (ε is infinite).
  public let epsilon: Double?
  public let delta: Double
  public let targetEpsilon: Double?
  /// Noise multiplier of the training steps, and of the full-batch round where it has its own.
  public let noiseMultiplier: Double?
  public let firstRoundNoiseMultiplier: Double?
  /// The accountant whose bound `epsilon` is.
  public let accountant: String?
  /// Test examples by true and predicted label.
  public let confusion: ConfusionCounts
  /// Of the scores of two classes; not part of the digest, since they follow from the model.
  public let scores: BinaryFigures?

  public init(
    client: Int, cluster: Int, model: Int, trainExamples: Int, testExamples: Int, accuracy: Double,
    loss: Double, epsilon: Double?, delta: Double, targetEpsilon: Double?,
    noiseMultiplier: Double?, firstRoundNoiseMultiplier: Double?, accountant: String?,
    confusion: ConfusionCounts, scores: BinaryFigures? = nil
  ) {
    self.scores = scores
    self.client = client
    self.cluster = cluster
    self.model = model
    self.trainExamples = trainExamples
    self.testExamples = testExamples
    self.accuracy = accuracy
    self.loss = loss
    self.epsilon = epsilon
    self.delta = delta
    self.targetEpsilon = targetEpsilon
    self.noiseMultiplier = noiseMultiplier
    self.firstRoundNoiseMultiplier = firstRoundNoiseMultiplier
    self.accountant = accountant
    self.confusion = confusion
  }
}

/// The final figures of a true cluster.
public struct ClusterResult: Codable, Hashable, Sendable {
  public let name: String
  public let clients: Int
  /// Training examples of all its clients.
  public let samples: Int
  /// Unweighted means over its clients.
  public let accuracy: Double
  public let loss: Double
  public let minority: Bool
  /// exp(loss) of models that predict next tokens; nil for others.
  public let perplexity: Double?
  /// Of the scores of two classes, over all test examples of its clients.
  public let scores: BinaryFigures?

  public init(
    name: String, clients: Int, samples: Int, accuracy: Double, loss: Double, minority: Bool,
    perplexity: Double? = nil, scores: BinaryFigures? = nil
  ) {
    self.scores = scores
    self.name = name
    self.clients = clients
    self.samples = samples
    self.accuracy = accuracy
    self.loss = loss
    self.minority = minority
    self.perplexity = perplexity
  }
}

/// What clustering by the first updates found.
public struct ClusteringReport: Codable, Hashable, Sendable {
  public struct Candidate: Codable, Hashable, Sendable {
    public let clusters: Int
    /// Minimum separation score; nil where it is not defined (one cluster, a failed fit).
    public let minSeparationScore: Double?
    public let maxPairwiseOverlap: Double?
    public let bic: Double?
    public let emIterations: Int?
    /// Mean silhouette, where clusters are found by cosines.
    public let silhouette: Double?

    public init(
      clusters: Int, minSeparationScore: Double?, maxPairwiseOverlap: Double?, bic: Double?,
      emIterations: Int?, silhouette: Double? = nil
    ) {
      self.silhouette = silhouette
      self.clusters = clusters
      self.minSeparationScore = minSeparationScore
      self.maxPairwiseOverlap = maxPairwiseOverlap
      self.bic = bic
      self.emIterations = emIterations
    }
  }

  /// Models that the method trained.
  public let chosenClusters: Int
  public let candidates: [Candidate]
  /// Minimum separation score and maximum pairwise overlap of the chosen mixture.
  public let mss: Double?
  public let mpo: Double?
  /// Last round of soft clustering, E_c.
  public let switchRound: Int?
  /// Whether the clusters are further apart than noise alone puts them.
  public let isConfident: Bool
  /// Coordinates of the clients' first updates, `clients × components`, for plots.
  public var projection: [[Double]]
  /// Where they would lie without noise, in two components of their own, `clients × 2`: the truth of
  /// the simulator, not private and in no ledger. Nil without privacy, where `projection` shows it.
  public var projectionWithoutNoise: [[Double]]?
  /// Posterior probabilities, `clients × chosenClusters`.
  public var posteriors: [[Double]]

  public init(
    chosenClusters: Int, candidates: [Candidate], mss: Double?, mpo: Double?, switchRound: Int?,
    isConfident: Bool, projection: [[Double]], projectionWithoutNoise: [[Double]]? = nil,
    posteriors: [[Double]]
  ) {
    self.chosenClusters = chosenClusters
    self.candidates = candidates
    self.mss = mss
    self.mpo = mpo
    self.switchRound = switchRound
    self.isConfident = isConfident
    self.projection = projection
    self.projectionWithoutNoise = projectionWithoutNoise
    self.posteriors = posteriors
  }
}

/// How well the final assignment agrees with the truth.
public struct AgreementReport: Codable, Hashable, Sendable {
  /// Adjusted Rand index, normalised mutual information, purity; nil where undefined.
  public let ari: Double?
  public let nmi: Double?
  public let purity: Double?
  public var misassignedClients: [Int]
  /// First round after which the found clusters equalled the true ones and stayed so.
  public let firstCorrectRound: Int?
  /// Whether every minority cluster has a model of its own, shared with nobody else.
  public let minorityIsolated: Bool?

  public init(
    ari: Double?, nmi: Double?, purity: Double?, misassignedClients: [Int],
    firstCorrectRound: Int?, minorityIsolated: Bool?
  ) {
    self.ari = ari
    self.nmi = nmi
    self.purity = purity
    self.misassignedClients = misassignedClients
    self.firstCorrectRound = firstCorrectRound
    self.minorityIsolated = minorityIsolated
  }
}

/// How the adapters of a run were averaged, and how well.
public struct AdapterResult: Codable, Hashable, Sendable {
  /// The rule as the scenario names it.
  public let aggregation: String
  public let facts: AggregationFacts
  /// Error against the exact average of products, relative to it: of the last round that has one, and the
  /// largest of all rounds. Nil where products are personal or the server added noise.
  public let lastError: Double?
  public let largestError: Double?

  public init(
    aggregation: String, facts: AggregationFacts, lastError: Double?, largestError: Double?
  ) {
    self.aggregation = aggregation
    self.facts = facts
    self.lastError = lastError
    self.largestError = largestError
  }
}

/// Everything that a finished run says.
public struct RunResult: Codable, Hashable, Sendable {
  public let scenario: String
  public let scenarioHash: String
  public let method: String
  /// "as-released" where the faults of the published code are reproduced on purpose.
  public let variant: String?
  public let seed: UInt64
  public let rounds: Int
  public var clients: [ClientResult]
  public let clusters: [ClusterResult]
  /// Of the groups that `data.group_columns` names; nil without any.
  public var groups: [AttributeResult]?
  public var clustering: ClusteringReport?
  public var agreement: AgreementReport?
  public let unit: PrivacyUnit
  public let relation: Adjacency
  public let sampling: String
  public let bytesUp: Int
  public let bytesDown: Int
  /// Averages of the examples' own ε; nil unless `privacy.individual` asks for them.
  public let individual: IndividualResult?
  /// How adapters were averaged; nil without adapters.
  public let adapter: AdapterResult?
  /// Clusters whose data changed during the run; nil where none did.
  public var changes: [ChangeResult]?
  /// Clusters that came after training; nil where none did.
  public var arrivals: [ArrivalResult]?
  /// SHA-256 over the final parameters of every model and every figure of every round.
  public let resultDigest: String
  /// What the digest covers: digests of different versions cannot be compared. 2 with more than 10,000 clients; 1, and
  /// nil in results of earlier versions, otherwise.
  public let digestVersion: Int?
  /// "portable" or "native": with portable arithmetic every processor comes to the same digest. Nil, in results of
  /// earlier versions, means native.
  public let arithmetic: String?
  /// Whether the same scenario, seed and data give the same digest again: false where the operating system
  /// gave the randomness; nil, in results of earlier versions, means true.
  public let isReproducible: Bool?
  /// Critical findings of the check that were allowed by name: they belong beside every ε. Nil, in results of
  /// earlier versions and of runs without the check, means none is known.
  public let allowedFindings: [CheckReport.Finding]?
  /// Sentences that a reader of the figures must know.
  public let notes: [String]

  public init(
    scenario: String, scenarioHash: String, method: String, variant: String?, seed: UInt64,
    rounds: Int, clients: [ClientResult], clusters: [ClusterResult],
    groups: [AttributeResult]? = nil, clustering: ClusteringReport?, agreement: AgreementReport?,
    unit: PrivacyUnit,
    relation: Adjacency, sampling: String, bytesUp: Int, bytesDown: Int,
    individual: IndividualResult? = nil, adapter: AdapterResult? = nil, resultDigest: String,
    digestVersion: Int? = 1, arithmetic: String? = nil, isReproducible: Bool? = true,
    allowedFindings: [CheckReport.Finding]? = nil,
    notes: [String]
  ) {
    self.scenario = scenario
    self.scenarioHash = scenarioHash
    self.method = method
    self.variant = variant
    self.seed = seed
    self.rounds = rounds
    self.clients = clients
    self.clusters = clusters
    self.groups = groups
    self.clustering = clustering
    self.agreement = agreement
    self.unit = unit
    self.relation = relation
    self.sampling = sampling
    self.bytesUp = bytesUp
    self.bytesDown = bytesDown
    self.individual = individual
    self.adapter = adapter
    self.resultDigest = resultDigest
    self.digestVersion = digestVersion
    self.arithmetic = arithmetic
    self.isReproducible = isReproducible
    self.allowedFindings = allowedFindings
    self.notes = notes
  }
}
