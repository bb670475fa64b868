// How far the bound for every mechanism can reach, whatever a run releases: few canaries and a large δ leave it nothing.

/// What an audit with so many canaries can show at most by the bound that holds for every mechanism, and what keeps it
/// from more. Under that bound each canary may be given away with probability δ, so it loses what canaries times δ come
/// to: beyond a number of canaries more of them cost more than they show.
public struct AuditReach: Sendable, Hashable {
  public let canaries: Int
  public let delta: Double
  /// The lower bound on ε if every guess is right.
  public let bestPossible: Double
  /// The same if δ were next to nothing.
  public let withoutDelta: Double
  /// With how many canaries the bound reaches furthest at this δ: so many as there are or a power of two, up to twice as
  /// many; nil where no number of them shows anything.
  public let bestCanaries: Int?
  /// What it reaches then.
  public let furthest: Double
  /// The largest smaller power of ten that, as δ, would not hold the bound down; nil where δ does not.
  public let sufficientDelta: Double?

  /// More canaries take longer to weigh than a sentence is worth.
  private static let mostTried = 8192
  /// A number below this share of what it would be without δ is held down by it.
  private static let share = 0.9

  /// - Parameters:
  ///   - delta: in (0, 1).
  ///   - significance: the probability, in (0, 1), with which any bound may be wrong.
  public init(canaries: Int, delta: Double, significance: Double) {
    func best(_ canaries: Int, _ delta: Double) -> Double {
      OneRunAudit.bestPossible(canaries: canaries, delta: delta, significance: significance)
    }
    let (own, free) = (best(canaries, delta), best(canaries, 1e-15))
    var found: (canaries: Int?, epsilon: Double) = (own > 0 ? canaries : nil, own)
    var count = 16
    while count <= min(max(2 * canaries, 512), Self.mostTried) {
      let epsilon = best(count, delta)
      if epsilon > found.epsilon { found = (count, epsilon) }
      count *= 2
    }
    (self.canaries, self.delta) = (canaries, delta)
    (bestPossible, withoutDelta) = (own, free)
    (bestCanaries, furthest) = found
    sufficientDelta =
      own < Self.share * free
      ? [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10].first {
        $0 < delta && best(canaries, $0) >= Self.share * free
      } : nil
  }

  /// Whether δ, and not the number of canaries alone, holds the bound down.
  public var isLimitedByDelta: Bool { bestPossible < Self.share * withoutDelta }

  /// Whether more canaries would let the bound reach further at the same δ.
  public var growsWithCanaries: Bool { (bestCanaries ?? 0) > canaries }
}
