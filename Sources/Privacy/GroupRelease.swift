// The gate for sums whose groups of parameters were clipped apart, with the counts of unclipped
// gradients that let thresholds follow a quantile.
//
// He et al., ICLR 2023, sections 3 and 4. Sum and counts belong to one batch, so together they are one
// Gaussian release of multiplier (Σ C_k²/s_k² + K/(2σ_b)²)^(−1/2).

/// Parameters that are clipped together.
public struct SumGroup: Sendable, Hashable {
  /// Where they lie in the sum.
  public let ranges: [Range<Int>]
  /// C_k, finite and positive.
  public let maxGradNorm: Float

  public init(ranges: [Range<Int>], maxGradNorm: Float) {
    precondition(
      maxGradNorm > 0 && maxGradNorm.isFinite, "A clip norm is finite and positive.")
    self.ranges = ranges
    self.maxGradNorm = maxGradNorm
  }

  public var size: Int { ranges.reduce(0) { $0 + $1.count } }
}

/// A sum of gradients, clipped group by group, that has not been noised yet.
public struct ClippedGroups: ~Copyable {
  var values: [Float]
  let groups: [SumGroup]

  /// - Parameter values: the sum; every record's share of group k has L2 norm at most that group's bound.
  public init(values: consuming [Float], groups: [SumGroup]) {
    self.values = values
    self.groups = groups
  }
}

/// The groups' counts of one batch, not noised yet.
public struct CentredCounts: ~Copyable {
  var values: [Double]

  /// - Parameter values: Σ (1 if within the threshold, else 0) − ½ over the batch, for every group: multiples
  ///   of ½ that one record moves by ½.
  public init(values: consuming [Double]) { self.values = values }
}

/// Gaussian noise on groups of parameters, and on their counts.
public struct GroupMechanism: Hashable, Sendable {
  /// The multiplier of sum and counts together: what the release is accounted as.
  public let noiseMultiplier: Double
  public let allocation: NoiseAllocation
  /// The share of the release's budget, in units of μ², that the counts take; nil without counts.
  public let countShare: Double?

  /// - Parameters:
  ///   - noiseMultiplier: finite and at least 0.
  ///   - countShare: between 0 and 1, both excluded.
  public init(noiseMultiplier: Double, allocation: NoiseAllocation, countShare: Double? = nil) {
    precondition(
      noiseMultiplier >= 0 && noiseMultiplier.isFinite,
      "A noise multiplier is finite and at least 0.")
    precondition(countShare.map { $0 > 0 && $0 < 1 } ?? true, "A share is between 0 and 1.")
    self.noiseMultiplier = noiseMultiplier
    self.allocation = allocation
    self.countShare = countShare
  }

  /// What one release costs, on a full batch.
  public var event: PrivacyEvent { .gaussian(noiseMultiplier: noiseMultiplier) }

  /// The multiplier of the sum alone: σ/√(1 − r), rounded up.
  public var sumNoiseMultiplier: Double {
    guard let countShare else { return noiseMultiplier }
    return Double(Float(roundedUp: noiseMultiplier / (1 - countShare).squareRoot() * Self.slack))
  }

  /// The multiplier of all counts together, noise over their joint sensitivity √K/2: σ/√r, rounded up.
  public var countNoiseMultiplier: Double? {
    countShare.map { Double(Float(roundedUp: noiseMultiplier / $0.squareRoot() * Self.slack)) }
  }

  /// σ_b: the noise of each of so many counts.
  public func countStandardDeviation(groups: Int) -> Double? {
    countNoiseMultiplier.map { $0 * Double(groups).squareRoot() / 2 * Self.slack }
  }

  /// s_k of every group, rounded up.
  public func standardDeviations(of groups: [SumGroup]) -> [Float] {
    GroupClipping.standardDeviations(
      noiseMultiplier: sumNoiseMultiplier, thresholds: groups.map { Double($0.maxGradNorm) },
      dimensions: groups.map(\.size), allocation: allocation
    ).map { Float(roundedUp: $0 * Self.slack) }
  }

  /// Covers the rounding of the formulas, so that no noise comes out weaker than it is accounted.
  private static let slack = 1 + 1e-12

  /// Noises a sum and lets it leave.
  ///
  /// - Parameter addNoise: adds independent normal numbers of the given standard deviation to the elements
  ///   of the range; it must change nothing else. It is not called for a standard deviation of 0.
  public func release(
    _ sum: consuming ClippedGroups,
    addNoise: (inout [Float], _ range: Range<Int>, _ standardDeviation: Float) -> Void
  ) -> Released<[Float]> {
    for (group, deviation) in zip(sum.groups, standardDeviations(of: sum.groups))
    where deviation > 0 {
      for range in group.ranges { addNoise(&sum.values, range, deviation) }
    }
    return Released(sum.values)
  }

  /// Noises the counts of the same batch and lets them leave.
  ///
  /// - Parameter noise: an independent normal number of the given standard deviation for a group.
  public func release(
    _ counts: consuming CentredCounts,
    noise: (_ group: Int, _ standardDeviation: Double) -> Double
  ) -> Released<[Double]> {
    guard let deviation = countStandardDeviation(groups: counts.values.count) else {
      preconditionFailure("Counts are released with a share of the budget.")
    }
    for k in counts.values.indices { counts.values[k] += noise(k, deviation) }
    return Released(counts.values)
  }
}
