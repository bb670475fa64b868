// How sure a share of counted examples is.

/// An interval for a share, from a number of successes in so many independent trials.
///
/// Wilson, "Probable inference, the law of succession, and statistical inference" (1927), equation 5.
public struct ShareInterval: Sendable, Hashable, Codable {
  public let lower: Double
  public let upper: Double

  /// At 95 %; from 0 to 1 without trials.
  ///
  /// - Precondition: `0 <= successes <= trials`.
  public init(successes: Int, trials: Int) {
    precondition((0...trials).contains(successes), "more successes than trials")
    guard trials > 0 else {
      (lower, upper) = (0, 1)
      return
    }
    let (n, z) = (Double(trials), 1.959963984540054)
    let share = Double(successes) / n
    let center = (share + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    // Rounding may leave the ends of nothing and all a hair inside.
    lower = successes == 0 ? 0 : max(0, center - half)
    upper = successes == trials ? 1 : min(1, center + half)
  }
}
