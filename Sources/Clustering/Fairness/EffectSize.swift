// How large a difference between two methods is, in units of how much it varies over seeds.
//
// Hedges and Olkin, "Statistical methods for meta-analysis" (1985), sections 5.B and 5.C; intervals from the non-central t
// law: Cumming and Finch, "A primer on the understanding, use, and calculation of confidence intervals" (2001).

/// The standardised mean of paired differences.
public struct EffectSize: Sendable, Hashable, Codable {
  /// Hedges's g of differences: their mean over their standard deviation, corrected for few pairs.
  public let value: Double
  /// Bounds of the interval, uncorrected for bias as is usual.
  public let lower: Double
  public let upper: Double
  /// Nominal coverage of the interval.
  public let level: Double

  /// Nil with fewer than three differences, or where they do not vary.
  public init?(of differences: [Double], level: Double = 0.95) {
    let count = differences.count
    guard count > 2, let mean = SeedEstimate.average(differences) else { return nil }
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = (squares / Double(count - 1)).squareRoot()
    let scale = differences.reduce(0) { max($0, abs($1)) }
    // Differences that are equal but for rounding have no scale of their own.
    guard deviation > 1e-9 * scale, deviation.isFinite else { return nil }
    let degrees = count - 1
    let root = Double(count).squareRoot()
    let t = root * mean / deviation
    value = (1 - 3 / Double(4 * degrees - 1)) * mean / deviation
    lower = Self.noncentrality(of: t, degrees: degrees, cumulative: (1 + level) / 2) / root
    upper = Self.noncentrality(of: t, degrees: degrees, cumulative: (1 - level) / 2) / root
    self.level = level
  }

  /// The λ under which T ≤ t has the probability; it falls as λ grows.
  private static func noncentrality(of t: Double, degrees: Int, cumulative: Double) -> Double {
    var (low, high) = (t - 10 - abs(t), t + 10 + abs(t))
    for _ in 0..<40 {
      let middle = low + (high - low) / 2
      if StudentLaw.cumulative(t, degrees: degrees, noncentrality: middle) > cumulative {
        low = middle
      } else {
        high = middle
      }
    }
    return low + (high - low) / 2
  }
}
