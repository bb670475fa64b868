// What a finished run says: figures of clients and clusters, and how they came about.

public import Clustering
public import Privacy

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
  /// In which shares the predictions of all models are its own, by model; nil where one model serves it.
  public let mixtureWeights: [Double]?
  /// Of the scores of two classes; not part of the digest, since they follow from the model.
  public let scores: BinaryFigures?

  public init(
    client: Int, cluster: Int, model: Int, trainExamples: Int, testExamples: Int, accuracy: Double,
    loss: Double, epsilon: Double?, delta: Double, targetEpsilon: Double?,
    noiseMultiplier: Double?, firstRoundNoiseMultiplier: Double?, accountant: String?,
    confusion: ConfusionCounts, mixtureWeights: [Double]? = nil, scores: BinaryFigures? = nil
  ) {
    self.mixtureWeights = mixtureWeights
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
  /// Critical findings of the check that were allowed by name, and in a result that is read back why its scenario is
  /// refused today: they belong beside every ε. Nil, in results of earlier versions and of runs without the check, means
  /// none is known.
  public package(set) var allowedFindings: [CheckReport.Finding]?
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

extension RunResult {
  /// Whether all models together serve each client.
  package var hasMixtures: Bool { clients.contains { $0.mixtureWeights != nil } }
}
