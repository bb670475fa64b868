// One line of the privacy ledger: what was released, by whom, in which round, with which parameters.

/// The mechanism of a ledger entry.
public enum LedgerMechanism: String, Codable, Hashable, Sendable, CaseIterable {
  /// Gaussian noise on a sum over all records.
  case gaussian
  /// Gaussian noise on a sum over a Poisson-sampled batch.
  case poissonSampledGaussian = "poisson-sampled-gaussian"
  case exponentialMechanism = "exponential-mechanism"
  /// A release without noise.
  case nonPrivate = "non-private"
  /// A low-rank adapter trained without noise, for which no ε can be stated.
  case noiseFreeLowRank = "noise-free-low-rank"
}

/// What a release was for.
public enum ReleasePurpose: String, Codable, Hashable, Sendable, CaseIterable {
  case training
  case clusterSelection = "cluster-selection"
  case threshold
  case evaluation
  case aggregation
  /// Scales of a table's columns.
  case scaling
  /// Gradients by which the mask of a sparse adapter is chosen.
  case mask
  /// In which shares models explain a client's examples.
  case posterior
}

/// A release and how often it happened, one after another, with the same parameters.
///
/// Made by the factories below, which keep the fields consistent; what was stored goes through `init(round:…)`,
/// which checks them.
public struct LedgerEntry: Hashable, Sendable {
  public let round: Int
  /// The client that released; nil for a release of the server's (client-level noise).
  public let client: Int?
  public let purpose: ReleasePurpose
  public let mechanism: LedgerMechanism
  /// Noise standard deviation over sensitivity; Gaussian mechanisms only.
  public let noiseMultiplier: Double?
  /// The probability with which each record entered the batch; 1 for a full batch.
  public let sampleRate: Double
  /// The ε of one selection; exponential mechanism only.
  public let selectionEpsilon: Double?
  /// How far the released statistic moves when one record is added or removed: the L2 norm for a sum,
  /// the largest single change for utilities.
  public let sensitivity: Double
  /// The clip norm, where one was used.
  public let maxGradNorm: Double?
  /// The rank of a noise-free low-rank release, or of the random projection of which alone a noisy sum left.
  public let rank: Int?
  /// Columns of that projection's matrix (`RandomProjection`); nil where all of the sum left.
  public let dimension: Int?
  /// Where counts of unclipped gradients went out together with a sum, for adaptive thresholds: the noise
  /// multiplier of the counts alone. `noiseMultiplier` is that of sum and counts together.
  public let thresholdNoiseMultiplier: Double?
  public internal(set) var count: Int

  /// A noisy sum of clipped contributions, as DP-SGD takes one per step.
  ///
  /// - Parameters:
  ///   - noiseMultiplier: of everything that went out, counts of unclipped gradients included.
  ///   - sensitivity: the clip norm.
  ///   - thresholdNoiseMultiplier: of such counts alone; nil where there were none.
  ///   - projection: of which alone the noisy sum left; nil where all of it did.
  public static func gaussian(
    round: Int, client: Int?, purpose: ReleasePurpose = .training, noiseMultiplier: Double,
    sampleRate: Double = 1, maxGradNorm: Double?, sensitivity: Double,
    thresholdNoiseMultiplier: Double? = nil, projection: RandomProjection? = nil, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose,
      mechanism: sampleRate == 1 ? .gaussian : .poissonSampledGaussian,
      noiseMultiplier: noiseMultiplier, sampleRate: sampleRate, selectionEpsilon: nil,
      sensitivity: sensitivity, maxGradNorm: maxGradNorm, rank: projection?.rank,
      dimension: projection?.dimension, thresholdNoiseMultiplier: thresholdNoiseMultiplier,
      count: count)
  }

  /// A private choice among candidates.
  public static func exponentialMechanism(
    round: Int, client: Int?, purpose: ReleasePurpose = .clusterSelection, epsilon: Double,
    sensitivity: Double, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose, mechanism: .exponentialMechanism,
      noiseMultiplier: nil, sampleRate: 1, selectionEpsilon: epsilon, sensitivity: sensitivity,
      maxGradNorm: nil, rank: nil, dimension: nil, thresholdNoiseMultiplier: nil, count: count)
  }

  /// A release without noise: it makes ε infinite, and is recorded for that reason.
  public static func nonPrivate(
    round: Int, client: Int?, purpose: ReleasePurpose, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose, mechanism: .nonPrivate, noiseMultiplier: nil,
      sampleRate: 1, selectionEpsilon: nil, sensitivity: 0, maxGradNorm: nil, rank: nil,
      dimension: nil, thresholdNoiseMultiplier: nil, count: count)
  }

  /// A low-rank adapter trained without noise: accountants refuse a ledger with such an entry.
  public static func noiseFreeLowRank(
    round: Int, client: Int?, purpose: ReleasePurpose = .training, rank: Int, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose, mechanism: .noiseFreeLowRank,
      noiseMultiplier: nil, sampleRate: 1, selectionEpsilon: nil, sensitivity: 0, maxGradNorm: nil,
      rank: rank, dimension: nil, thresholdNoiseMultiplier: nil, count: count)
  }

  /// What the entry costs.
  public var event: PrivacyEvent {
    count == 1 ? release.event : .selfComposed(event: release.event, count: count)
  }

  /// What one repetition releases, as far as its cost goes.
  var release: CostedRelease {
    CostedRelease(
      mechanism: mechanism, sampleRate: sampleRate,
      parameter: noiseMultiplier ?? selectionEpsilon ?? Double(rank ?? 0), projection: projection)
  }

  /// What of the noisy sum left; nil where nothing was taken away.
  private var projection: RandomProjection? {
    guard let rank, let dimension, rank < dimension else { return nil }
    return RandomProjection(rank: rank, dimension: dimension)
  }

  /// Whether the two entries differ in nothing but how often they happened.
  func isSameRelease(as other: LedgerEntry) -> Bool {
    var twin = other
    twin.count = count
    return self == twin
  }
}

extension LedgerEntry: Codable {
  private enum CodingKeys: String, CodingKey {
    case round
    case client
    case purpose
    case mechanism
    case noiseMultiplier = "noise_multiplier"
    case sampleRate = "sample_rate"
    case selectionEpsilon = "selection_epsilon"
    case sensitivity
    case maxGradNorm = "max_grad_norm"
    case rank
    case dimension
    case thresholdNoiseMultiplier = "threshold_noise_multiplier"
    case count
  }

  public init(from decoder: any Decoder) throws {
    let box = try decoder.container(keyedBy: CodingKeys.self)
    do {
      try self.init(
        round: box.decode(Int.self, forKey: .round),
        client: box.decodeIfPresent(Int.self, forKey: .client),
        purpose: box.decode(String.self, forKey: .purpose),
        mechanism: box.decode(String.self, forKey: .mechanism),
        noiseMultiplier: box.decodeIfPresent(Double.self, forKey: .noiseMultiplier),
        sampleRate: box.decode(Double.self, forKey: .sampleRate),
        selectionEpsilon: box.decodeIfPresent(Double.self, forKey: .selectionEpsilon),
        sensitivity: box.decode(Double.self, forKey: .sensitivity),
        maxGradNorm: box.decodeIfPresent(Double.self, forKey: .maxGradNorm),
        rank: box.decodeIfPresent(Int.self, forKey: .rank),
        dimension: box.decodeIfPresent(Int.self, forKey: .dimension),
        thresholdNoiseMultiplier: box.decodeIfPresent(
          Double.self, forKey: .thresholdNoiseMultiplier),
        count: box.decode(Int.self, forKey: .count))
    } catch let error as LedgerEntryError {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath, debugDescription: error.description))
    }
  }
}

// MARK: - Validity

/// Fields that make no entry: accountants could not tell what was released, or would state too small an ε.
public struct LedgerEntryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Which field is wrong, and how.
  public let description: String
}

extension LedgerEntry {
  /// An entry from fields that were stored. The only place that says which fields belong together.
  ///
  /// - Throws: `LedgerEntryError` for an unknown purpose or mechanism, a parameter that its mechanism needs and
  ///   lacks or has and must not have, and numbers out of range.
  public init(
    round: Int, client: Int?, purpose: String, mechanism: String, noiseMultiplier: Double?,
    sampleRate: Double, selectionEpsilon: Double?, sensitivity: Double, maxGradNorm: Double?,
    rank: Int?, dimension: Int?, thresholdNoiseMultiplier: Double?, count: Int
  ) throws(LedgerEntryError) {
    func check(_ isRight: Bool, _ what: String) throws(LedgerEntryError) {
      guard isRight else {
        throw LedgerEntryError(description: "ledger entry of mechanism \(mechanism): \(what)")
      }
    }
    func isAmount(_ value: Double) -> Bool { value >= 0 && value.isFinite }
    guard let knownPurpose = ReleasePurpose(rawValue: purpose) else {
      throw LedgerEntryError(description: "unknown purpose \(purpose.debugDescription)")
    }
    guard let kind = LedgerMechanism(rawValue: mechanism) else {
      throw LedgerEntryError(description: "unknown mechanism \(mechanism.debugDescription)")
    }
    let isGaussian = kind == .gaussian || kind == .poissonSampledGaussian
    try check(round >= 0 && (client ?? 0) >= 0, "round and client are counted from 0")
    try check(count >= 1, "count must be at least 1, got \(count)")
    try check(
      isGaussian == (noiseMultiplier != nil) && isAmount(noiseMultiplier ?? 0),
      "noise_multiplier belongs to Gaussian mechanisms, from 0")
    try check(
      kind == .poissonSampledGaussian ? (0..<1).contains(sampleRate) : sampleRate == 1,
      "sample_rate must be 1 without sampling and below 1 with it, got \(sampleRate)")
    try check(
      (kind == .exponentialMechanism) == (selectionEpsilon != nil)
        && isAmount(selectionEpsilon ?? 0),
      "selection_epsilon belongs to the exponential mechanism, from 0")
    try check(
      (kind == .noiseFreeLowRank || dimension != nil) == (rank != nil) && (rank ?? 1) >= 1,
      "rank belongs to low-rank releases without noise and to projections, from 1")
    try check(
      dimension == nil || isGaussian && (rank ?? 1) <= (dimension ?? 1),
      "dimension belongs to projected Gaussian mechanisms, from rank on")
    try check(
      isAmount(sensitivity) && isAmount(maxGradNorm ?? 0)
        && isAmount(thresholdNoiseMultiplier ?? 0),
      "sensitivity, max_grad_norm and threshold_noise_multiplier must be at least 0 and finite")
    self.init(
      round: round, client: client, purpose: knownPurpose, mechanism: kind,
      noiseMultiplier: noiseMultiplier, sampleRate: sampleRate, selectionEpsilon: selectionEpsilon,
      sensitivity: sensitivity, maxGradNorm: maxGradNorm, rank: rank,
      dimension: dimension, thresholdNoiseMultiplier: thresholdNoiseMultiplier, count: count)
  }
}
