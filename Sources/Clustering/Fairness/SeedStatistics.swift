// What a few seeds say about a metric and about the difference of two methods.
//
// Student's interval: "Student", "The probable error of a mean" (1908).
// Sign-flip test: Fisher, "The design of experiments" (1935), section 21.

import Kernels

/// A mean over seeds with a confidence interval and the number of seeds behind it.
public struct SeedEstimate: Sendable, Hashable, Codable {
  /// Seeds with a value.
  public var count: Int
  /// Nil without values.
  public var mean: Double?
  /// Bounds of the interval; nil with so few values that they say next to nothing about spread.
  public var lower: Double?
  public var upper: Double?
  /// Of the values around their mean (n − 1); nil for fewer than two.
  public var standardDeviation: Double?
  /// Nominal coverage of the interval, for instance 0.95.
  public var level: Double

  /// The mean with Student's interval, which takes values as normal: none for two values and fewer, whose interval would be
  /// some nine standard deviations wide.
  ///
  /// Missing values and numbers that are not finite are left out.
  /// Throws `invalidOption` unless 0 < level < 1.
  public static func interval(
    _ values: [Double?], level: Double = 0.95
  ) throws(ClusteringError) -> SeedEstimate {
    guard level > 0, level < 1 else {
      throw .invalidOption(name: "level", requirement: "between 0 and 1", found: "\(level)")
    }
    let present = values.compactMap { $0 }.filter(\.isFinite)
    let mean = average(present)
    guard let mean, present.count > 1 else {
      return SeedEstimate(count: present.count, mean: mean, level: level)
    }
    let squares = present.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let count = Double(present.count)
    let deviation = (squares / (count - 1)).squareRoot()
    guard present.count > 2 else {
      return SeedEstimate(
        count: present.count, mean: mean, standardDeviation: deviation, level: level)
    }
    let half =
      StudentLaw.quantile(within: level, degrees: present.count - 1)
      * (squares / (count - 1) / count).squareRoot()
    return SeedEstimate(
      count: present.count, mean: mean, lower: mean - half, upper: mean + half,
      standardDeviation: deviation, level: level)
  }

  /// Σ x / n without overflow, never outside the values; nil if there is nothing.
  static func average(_ values: [Double]) -> Double? {
    guard let least = values.min(), let most = values.max() else { return nil }
    return values.reduce(0) { $0 + $1 / Double(values.count) }.held(between: least, and: most)
  }
}

/// Two methods compared seed by seed.
public struct PairedComparison: Sendable, Hashable, Codable {
  /// Mean of first − second over the seeds that have both, with its interval.
  public var difference: SeedEstimate
  /// Two-sided p-value of the sign-flip test of no difference; nil without a complete pair. It is at
  /// least 2^(1 − n): five seeds cannot go below 0.0625.
  public var pValue: Double?
  /// Whether all 2ⁿ sign patterns were counted (n ≤ 16) or 65,536 drawn ones.
  public var isExact: Bool
  /// The difference in units of its variation over seeds; nil where that is not known.
  public var effect: EffectSize?

  /// n, the number of complete pairs.
  public var count: Int { difference.count }

  /// - Parameters: one entry a seed, in the same order for both methods; a nil drops its pair.
  ///
  /// Throws `unequalCounts`, and `invalidOption` as `SeedEstimate.interval`.
  ///
  /// - Parameter seed: of the sign patterns, where they are drawn.
  public init(
    first: [Double?], second: [Double?], level: Double = 0.95, seed: UInt64
  ) throws(ClusteringError) {
    guard first.count == second.count else {
      throw .unequalCounts(
        what: "seeds of the second method", expected: first.count, found: second.count)
    }
    let differences = zip(first, second).compactMap { a, b -> Double? in
      guard let a, let b, (a - b).isFinite else { return nil }
      return a - b
    }
    difference = try .interval(differences, level: level)
    isExact = differences.count <= 16
    effect = EffectSize(of: differences, level: level)
    pValue = PairedComparison.signFlip(differences, exact: isExact, seed: seed)
  }

  private static func signFlip(_ differences: [Double], exact: Bool, seed: UInt64) -> Double? {
    guard !differences.isEmpty else { return nil }
    let scale = differences.reduce(0) { max($0, abs($1)) }
    guard scale > 0 else { return 1 }
    let shares = differences.map { $0 / scale }
    // Sums that differ by rounding alone are ties, and ties count against the finding.
    let observed = abs(shares.reduce(0, +)) - 1e-12 * Double(shares.count)
    let patterns = 1 << min(shares.count, 16)
    var stream = RandomStream(seed: seed, purpose: .bootstrap, step: 1)
    var asLarge = 0
    for pattern in 0..<patterns {
      var sum = 0.0
      if exact {
        for (bit, share) in shares.enumerated() {
          sum += pattern >> bit & 1 == 0 ? share : -share
        }
      } else {
        for share in shares { sum += stream.nextUnit() < 0.5 ? share : -share }
      }
      if abs(sum) >= observed { asLarge += 1 }
    }
    // The observed pattern is one of all when they are counted, and one more when they are drawn.
    return exact
      ? Double(asLarge) / Double(patterns) : Double(asLarge + 1) / Double(patterns + 1)
  }
}
