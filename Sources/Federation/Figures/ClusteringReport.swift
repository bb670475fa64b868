// What clustering found, and how far it agrees with the truth.

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
