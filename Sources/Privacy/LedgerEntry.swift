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
}

/// A release and how often it happened, one after another, with the same parameters.
///
/// Made by the factories below, which keep the fields consistent; decoding checks them again.
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
  /// The rank of a noise-free low-rank release.
  public let rank: Int?
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
  public static func gaussian(
    round: Int, client: Int?, purpose: ReleasePurpose = .training, noiseMultiplier: Double,
    sampleRate: Double = 1, maxGradNorm: Double?, sensitivity: Double,
    thresholdNoiseMultiplier: Double? = nil, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose,
      mechanism: sampleRate == 1 ? .gaussian : .poissonSampledGaussian,
      noiseMultiplier: noiseMultiplier, sampleRate: sampleRate, selectionEpsilon: nil,
      sensitivity: sensitivity, maxGradNorm: maxGradNorm, rank: nil,
      thresholdNoiseMultiplier: thresholdNoiseMultiplier, count: count)
  }

  /// A private choice among candidates.
  public static func exponentialMechanism(
    round: Int, client: Int?, purpose: ReleasePurpose = .clusterSelection, epsilon: Double,
    sensitivity: Double, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose, mechanism: .exponentialMechanism,
      noiseMultiplier: nil, sampleRate: 1, selectionEpsilon: epsilon, sensitivity: sensitivity,
      maxGradNorm: nil, rank: nil, thresholdNoiseMultiplier: nil, count: count)
  }

  /// A release without noise: it makes ε infinite, and is recorded for that reason.
  public static func nonPrivate(
    round: Int, client: Int?, purpose: ReleasePurpose, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose, mechanism: .nonPrivate, noiseMultiplier: nil,
      sampleRate: 1, selectionEpsilon: nil, sensitivity: 0, maxGradNorm: nil, rank: nil,
      thresholdNoiseMultiplier: nil, count: count)
  }

  /// A low-rank adapter trained without noise: accountants refuse a ledger with such an entry.
  public static func noiseFreeLowRank(
    round: Int, client: Int?, purpose: ReleasePurpose = .training, rank: Int, count: Int = 1
  ) -> LedgerEntry {
    LedgerEntry(
      round: round, client: client, purpose: purpose, mechanism: .noiseFreeLowRank,
      noiseMultiplier: nil, sampleRate: 1, selectionEpsilon: nil, sensitivity: 0, maxGradNorm: nil,
      rank: rank, thresholdNoiseMultiplier: nil, count: count)
  }

  /// What the entry costs.
  public var event: PrivacyEvent {
    let single: PrivacyEvent
    switch mechanism {
    case .gaussian: single = .gaussian(noiseMultiplier: noiseMultiplier ?? 0)
    case .poissonSampledGaussian:
      single = .poissonSampled(
        sampleRate: sampleRate, event: .gaussian(noiseMultiplier: noiseMultiplier ?? 0))
    case .exponentialMechanism: single = .exponentialMechanism(epsilon: selectionEpsilon ?? 0)
    case .nonPrivate: single = .nonPrivate
    case .noiseFreeLowRank: single = .noiseFreeLowRank(rank: rank ?? 0)
    }
    return count == 1 ? single : .selfComposed(event: single, count: count)
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
    case thresholdNoiseMultiplier = "threshold_noise_multiplier"
    case count
  }

  public init(from decoder: any Decoder) throws {
    let box = try decoder.container(keyedBy: CodingKeys.self)
    round = try box.decode(Int.self, forKey: .round)
    client = try box.decodeIfPresent(Int.self, forKey: .client)
    purpose = try box.decode(ReleasePurpose.self, forKey: .purpose)
    mechanism = try box.decode(LedgerMechanism.self, forKey: .mechanism)
    noiseMultiplier = try box.decodeIfPresent(Double.self, forKey: .noiseMultiplier)
    sampleRate = try box.decode(Double.self, forKey: .sampleRate)
    selectionEpsilon = try box.decodeIfPresent(Double.self, forKey: .selectionEpsilon)
    sensitivity = try box.decode(Double.self, forKey: .sensitivity)
    maxGradNorm = try box.decodeIfPresent(Double.self, forKey: .maxGradNorm)
    rank = try box.decodeIfPresent(Int.self, forKey: .rank)
    thresholdNoiseMultiplier = try box.decodeIfPresent(
      Double.self, forKey: .thresholdNoiseMultiplier)
    count = try box.decode(Int.self, forKey: .count)
    let isComplete =
      switch mechanism {
      case .gaussian: noiseMultiplier != nil && sampleRate == 1
      case .poissonSampledGaussian: noiseMultiplier != nil
      case .exponentialMechanism: selectionEpsilon != nil
      case .nonPrivate: true
      case .noiseFreeLowRank: rank != nil
      }
    guard isComplete, count >= 0 else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "ledger entry of mechanism \(mechanism.rawValue): "
            + "a parameter of the mechanism is missing, or the count is negative"))
    }
  }
}
