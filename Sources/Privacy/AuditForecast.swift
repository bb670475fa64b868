// What an audit of one run can be expected to show, before anything is run.

import Kernels

/// The power of an audit with so many canaries.
public struct AuditForecast: Sendable, Hashable {
  public let canaries: Int
  /// The claim: ε at `delta`.
  public let claimedEpsilon: Double
  public let delta: Double
  /// How far the bound for every mechanism can reach, and what would let it reach further.
  public let reach: AuditReach
  /// The lower bounds, for every mechanism and for Gaussian ones, with as many right guesses as are to be expected of a
  /// Gaussian mechanism that loses the whole claim.
  public let lowerBound: Double
  public let gaussianLowerBound: Double

  /// The lower bound on ε if every guess is right.
  public var bestPossible: Double { reach.bestPossible }

  /// - Parameters:
  ///   - canaries: at least 1; each with noise of its own, as made gradients have.
  ///   - claimedEpsilon: above 0, at `delta` in (0, 1).
  ///   - significance: the probability, in (0, 1), with which any of the bounds may be wrong.
  public init(canaries: Int, claimedEpsilon: Double, delta: Double, significance: Double) {
    (self.canaries, self.claimedEpsilon, self.delta) = (canaries, claimedEpsilon, delta)
    reach = AuditReach(canaries: canaries, delta: delta, significance: significance)
    let mu = GaussianTradeoff.signal(epsilon: claimedEpsilon, delta: delta)
    var (bound, gaussian) = (0.0, 0.0)
    let level = significance / Double(OneRunAudit.shares.count)
    for share in OneRunAudit.shares {
      let guesses = share.high(of: canaries) + share.low(of: canaries)
      guard guesses > 0 else { continue }
      let rate = Self.rightShare(amongHighest: share.part / 2, signal: mu)
      let correct = Int((rate * Double(guesses)).rounded(.down))
      bound = max(
        bound,
        Audit.oneRun(
          canaries: canaries, guesses: guesses, correct: correct, significance: level,
          delta: delta))
      gaussian = max(
        gaussian,
        TradeOffTest(
          canaries: canaries, guesses: guesses, correct: correct, significance: level
        ).gaussianEpsilon(delta: delta))
    }
    (lowerBound, gaussianLowerBound) = (bound, gaussian)
  }

  /// Of the scores N(0, 1) of those who are out and N(μ, 1) of as many who are in, how many of the highest belong to
  /// those who are in; the lowest mirror them.
  ///
  /// - Parameter part: of all scores, in (0, ½].
  static func rightShare(amongHighest part: Double, signal mu: Double) -> Double {
    var (low, high) = (-40.0, mu + 40)
    for _ in 0..<80 {
      let middle = low + (high - low) / 2
      if (Normal.cumulative(-middle) + Normal.cumulative(mu - middle)) / 2 > part {
        low = middle
      } else {
        high = middle
      }
    }
    return min(Normal.cumulative(mu - low) / (2 * part), 1)
  }
}

extension GaussianTradeoff {
  /// The μ whose curve goes through (ε, δ).
  static func signal(epsilon: Double, delta: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while GaussianTradeoff(mu: high).epsilon(delta: delta) < epsilon, high < 1e3 {
      (low, high) = (high, 2 * high)
    }
    for _ in 0..<60 {
      let middle = low + (high - low) / 2
      if GaussianTradeoff(mu: middle).epsilon(delta: delta) < epsilon {
        low = middle
      } else {
        high = middle
      }
    }
    return low
  }
}
