// How many clusters there are: every candidate is fitted and scored, one rule picks.

public import Kernels

/// The rule that picks the number of clusters among the candidates.
public enum ClusterCountCriterion: Sendable, Hashable, Codable {
  /// The largest minimum separation score, as published; the smallest candidate among equals.
  case separation
  /// The lowest BIC; the smallest candidate among equals.
  case bic
  /// The most clusters that are all at least this far apart (the published threshold is 2) and of
  /// which none has collapsed; the largest minimum separation score if no candidate is.
  case mostSeparated(minScore: Double)
}

/// The outcome of the choice, with the score of every candidate.
public struct ClusterCount: Sendable, Hashable, Codable {
  public struct Candidate: Sendable, Hashable, Codable {
    /// M.
    public var clusters: Int
    /// Nil if there are fewer points than clusters.
    public var fit: MixtureFit?
    public var separation: Separation?
    /// Lower is better; nil without a fit.
    public var bic: Double?

    /// Whether the fit has all its clusters, none collapsed or empty.
    public var isWhole: Bool {
      guard let fit, let separation else { return false }
      return !fit.collapsed && separation.emptyComponents.isEmpty
    }
  }

  /// In ascending order of M, without repeats.
  public var candidates: [Candidate]
  /// Index of the chosen candidate; it has a fit.
  public var chosenIndex: Int

  /// The minimum separation score that noise alone hardly reaches under the recommended settings;
  /// docs/clustering.md has the trials.
  public static let noiseScore = 5.0

  /// Whether the chosen clusters are whole and further apart than noise alone puts them. If not,
  /// they may be noise; one cluster, which has no score, counts as confident.
  public var isConfident: Bool {
    chosen.isWhole && (chosen.separation?.minScore ?? .infinity) >= ClusterCount.noiseScore
  }

  public var chosen: Candidate { candidates[chosenIndex] }
  public var clusters: Int { chosen.clusters }

  /// Fits every candidate number of clusters to the points and picks one.
  ///
  /// Candidates that exceed the number of points are reported without a fit. A single candidate is
  /// chosen without question. Throws `empty`, `notFinite`, `invalidOption` (no candidates, or one
  /// below 1), and `tooFewPoints` if no candidate can be fitted.
  public static func choose(
    _ points: Matrix, candidates: [Int], criterion: ClusterCountCriterion, seed: UInt64,
    round: Int = 0, options: MixtureOptions = MixtureOptions()
  ) throws(ClusteringError) -> ClusterCount {
    try choose(points, candidates: candidates, criterion: criterion, options: options) {
      (clusters) throws(ClusteringError) in
      try GaussianMixture.fit(
        points, components: clusters, seed: seed, round: round, options: options)
    }
  }

  /// The same with the one-start mixture of the released code (`GaussianMixture.fitAsReleased`).
  public static func chooseAsReleased(
    _ points: Matrix, candidates: [Int], criterion: ClusterCountCriterion, seed: UInt64,
    round: Int = 0
  ) throws(ClusteringError) -> ClusterCount {
    try choose(points, candidates: candidates, criterion: criterion, options: MixtureOptions()) {
      (clusters) throws(ClusteringError) in
      try GaussianMixture.fitAsReleased(points, components: clusters, seed: seed, round: round)
    }
  }

  private static func choose(
    _ points: Matrix, candidates: [Int], criterion: ClusterCountCriterion,
    options: MixtureOptions, fit: (Int) throws(ClusteringError) -> MixtureFit
  ) throws(ClusteringError) -> ClusterCount {
    let ascending = Set(candidates).sorted()
    guard let smallest = ascending.first, smallest >= 1 else {
      throw .invalidOption(
        name: "candidates", requirement: "at least one number of clusters, each at least 1",
        found: "\(candidates)")
    }
    try GaussianMixture.checkPoints(points)
    guard smallest <= points.rows else {
      throw .tooFewPoints(points: points.rows, needed: smallest)
    }
    var scored: [Candidate] = []
    for clusters in ascending {
      guard clusters <= points.rows else {
        scored.append(Candidate(clusters: clusters))
        continue
      }
      let fit = try fit(clusters)
      scored.append(
        Candidate(
          clusters: clusters, fit: fit, separation: Separation(of: fit),
          bic: fit.bic(options: options)))
    }
    return ClusterCount(candidates: scored, chosenIndex: pick(scored, criterion: criterion))
  }

  /// Applies a criterion to scored candidates, at least one of which has a fit.
  static func pick(
    _ candidates: [Candidate], criterion: ClusterCountCriterion
  ) -> Int {
    let fitted = candidates.indices.filter { candidates[$0].fit != nil }
    // One cluster has no pair to be separated from; it wins only if there is nothing else.
    func score(_ index: Int) -> Double { candidates[index].separation?.minScore ?? -1 }
    let whole = fitted.filter { candidates[$0].isWhole }
    let pool = whole.isEmpty ? fitted : whole
    let first = pool.first ?? 0
    let bestSeparated = pool.reduce(first) { score($1) > score($0) ? $1 : $0 }
    switch criterion {
    case .separation:
      return bestSeparated
    case .bic:
      func value(_ index: Int) -> Double { candidates[index].bic ?? .infinity }
      return pool.reduce(first) { value($1) < value($0) ? $1 : $0 }
    case .mostSeparated(let minScore):
      return whole.last { score($0) >= minScore } ?? bestSeparated
    }
  }
}
