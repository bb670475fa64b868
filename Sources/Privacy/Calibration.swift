// The smallest noise multiplier for a budget, only ever rounded up.

import Kernels

/// A noise multiplier that meets its budget, with the bound that shows it.
public struct CalibratedNoise: Codable, Hashable, Sendable {
  /// Exactly representable as a Float, so that the noise generator uses this very number.
  public let noiseMultiplier: Double
  /// The bound at `noiseMultiplier`; its epsilon is at most the target.
  public let bound: EpsilonBound
}

/// Searches for noise multipliers.
public enum Calibration {
  /// The smallest multiplier that is ever returned; a plan that is cheap enough without noise still gets it.
  public static let smallestNoiseMultiplier = 0.05
  /// The largest multiplier that is tried: above it there is no signal left to train on.
  public static let largestNoiseMultiplier = 1_048_576.0

  /// The smallest noise multiplier, within `tolerance` and rounded up to a Float, at which the plan's ε is
  /// at most `targetEpsilon`.
  ///
  /// Brackets by doubling or halving, or beside the multiplier that Rényi divergences ask for, then narrows the
  /// bracket on the logarithmic scale while keeping ε(high) ≤ target < ε(low); the result is checked once more
  /// with the accountant as given.
  ///
  /// - Parameters:
  ///   - targetEpsilon: the whole budget, in nats; positive and finite.
  ///   - delta: for the whole composition.
  ///   - accountant: whose bound must meet the target.
  ///   - tolerance: the relative width at which the search stops.
  ///   - plan: everything that will be released at a given noise multiplier; its ε must not grow with it.
  /// - Throws: `AccountingError.unreachableBudget` if even the largest multiplier costs more, whatever the
  ///   accountant throws for the plan's events, or `.invalid` for a target out of range.
  public static func calibrate(
    targetEpsilon: Double, delta: Double, accountant: any PrivacyAccountant,
    tolerance: Double = 1e-6, plan: (_ noiseMultiplier: Double) -> PrivacyEvent
  ) throws(AccountingError) -> CalibratedNoise {
    guard targetEpsilon > 0, targetEpsilon.isFinite else {
      throw .invalid(
        reason: "target epsilon \(targetEpsilon): must be positive and finite; "
          + "for training without privacy use no noise and no epsilon")
    }
    let bracket = try bracket(
      targetEpsilon: targetEpsilon, delta: delta, accountant: accountant, plan: plan)
    var high = bracket.high.noiseMultiplier
    if let low = bracket.low {
      high = try narrow(
        low: low, high: bracket.high, target: targetEpsilon, tolerance: tolerance
      ) { noiseMultiplier throws(AccountingError) in
        try accountant.epsilon(of: plan(noiseMultiplier), delta: delta)
      }
    }
    return try confirm(
      high, targetEpsilon: targetEpsilon, delta: delta, accountant: accountant,
      tolerance: tolerance, plan: plan)
  }

  private struct Point {
    var noiseMultiplier: Double
    var epsilon: Double
  }

  /// Multipliers with the target between their ε; no `low` if the smallest will do.
  private static func bracket(
    targetEpsilon: Double, delta: Double, accountant: any PrivacyAccountant,
    plan: (Double) -> PrivacyEvent
  ) throws(AccountingError) -> (low: Point?, high: Point) {
    let quick = try quickBracket(
      targetEpsilon: targetEpsilon, delta: delta, accountant: accountant, plan: plan)
    if let quick { return quick }
    return try wideBracket(
      targetEpsilon: targetEpsilon, delta: delta, accountant: accountant, plan: plan)
  }

  /// Multipliers at and a little below what Rényi divergences ask for, which is found in a thousandth of the
  /// time; nil where that is no start for the accountant.
  private static func quickBracket(
    targetEpsilon: Double, delta: Double, accountant: any PrivacyAccountant,
    plan: (Double) -> PrivacyEvent
  ) throws(AccountingError) -> (low: Point?, high: Point)? {
    guard accountant.kind != .rdp,
      let start = try? calibrate(
        targetEpsilon: targetEpsilon, delta: delta, accountant: RDPAccountant(), tolerance: 1e-3,
        plan: plan)
    else { return nil }
    func point(_ noiseMultiplier: Double) throws(AccountingError) -> Point {
      Point(
        noiseMultiplier: noiseMultiplier,
        epsilon: try accountant.epsilon(of: plan(noiseMultiplier), delta: delta))
    }
    var high = try point(start.noiseMultiplier)
    guard high.epsilon <= targetEpsilon else { return nil }
    var factor = 0.93
    while high.noiseMultiplier > smallestNoiseMultiplier {
      let low = try point(max(smallestNoiseMultiplier, high.noiseMultiplier * factor))
      if low.epsilon > targetEpsilon { return (low, high) }
      high = low
      factor = max(0.5, factor * factor)
    }
    return (nil, high)
  }

  /// Multipliers a factor of two apart with the target between their ε; no `low` if the smallest will do.
  private static func wideBracket(
    targetEpsilon: Double, delta: Double, accountant: any PrivacyAccountant,
    plan: (Double) -> PrivacyEvent
  ) throws(AccountingError) -> (low: Point?, high: Point) {
    func point(_ noiseMultiplier: Double) throws(AccountingError) -> Point {
      Point(
        noiseMultiplier: noiseMultiplier,
        epsilon: try accountant.epsilon(of: plan(noiseMultiplier), delta: delta))
    }
    var current = try point(1)
    if current.epsilon > targetEpsilon {
      while true {
        // What the noise does not touch may cost too much already; ask once instead of twenty times.
        if current.noiseMultiplier == 64 {
          let last = try point(largestNoiseMultiplier)
          guard last.epsilon <= targetEpsilon else {
            throw .unreachableBudget(
              target: targetEpsilon, epsilon: last.epsilon,
              noiseMultiplier: last.noiseMultiplier)
          }
        }
        let next = try point(current.noiseMultiplier * 2)
        if next.epsilon <= targetEpsilon { return (current, next) }
        current = next
      }
    }
    while current.noiseMultiplier > smallestNoiseMultiplier {
      let next = try point(max(smallestNoiseMultiplier, current.noiseMultiplier / 2))
      if next.epsilon > targetEpsilon { return (next, current) }
      current = next
    }
    return (nil, current)
  }

  /// The method of false position on (ln σ, ln ε), where the curve is nearly straight; the Illinois rule
  /// frees an end that is stuck, and steps aim a little past the root so that the bracket closes from both
  /// sides. Every eighth step bisects.
  private static func narrow(
    low: Point, high: Point, target: Double, tolerance: Double,
    epsilon: (Double) throws(AccountingError) -> Double
  ) throws(AccountingError) -> Double {
    // An infinite or zero ε has no logarithm; any value of the right sign keeps the method going.
    func excess(_ epsilon: Double) -> Double {
      Elementary.log(min(max(epsilon, 1e-300), 1e300) / target)
    }
    var (left, right) = (Elementary.log(low.noiseMultiplier), Elementary.log(high.noiseMultiplier))
    var (leftValue, rightValue) = (excess(low.epsilon), excess(high.epsilon))
    var lastSide = 0.0
    var steps = 0
    while right - left > tolerance {
      steps += 1
      let width = right - left
      var middle = left + width * leftValue / (leftValue - rightValue)
      // Past the root as seen from the end that moved last: that end then stays, the other one jumps.
      middle += lastSide * 0.4 * tolerance
      if steps % 8 == 0 || !middle.isFinite { middle = left + width / 2 }
      let margin = min(0.4 * tolerance, 0.1 * width)
      middle = min(max(middle, left + margin), right - margin)
      let value = excess(try epsilon(Elementary.exp(middle)))
      if value <= 0 {
        (right, rightValue) = (middle, value)
        if lastSide < 0 { leftValue /= 2 }
        lastSide = -1
      } else {
        (left, leftValue) = (middle, value)
        if lastSide > 0 { rightValue /= 2 }
        lastSide = 1
      }
    }
    return Elementary.exp(right)
  }

  /// Rounds up to a Float and nudges further up while the full accountant still sees the target exceeded.
  private static func confirm(
    _ noiseMultiplier: Double, targetEpsilon: Double, delta: Double,
    accountant: any PrivacyAccountant, tolerance: Double, plan: (Double) -> PrivacyEvent
  ) throws(AccountingError) -> CalibratedNoise {
    var candidate = noiseMultiplier
    var nudge = tolerance
    while true {
      let rounded = Double(Float(roundedUp: candidate))
      let bound = try accountant.bound(for: plan(rounded), delta: delta)
      if bound.epsilon <= targetEpsilon {
        return CalibratedNoise(noiseMultiplier: rounded, bound: bound)
      }
      guard rounded < largestNoiseMultiplier else {
        throw .unreachableBudget(
          target: targetEpsilon, epsilon: bound.epsilon, noiseMultiplier: rounded)
      }
      candidate = rounded * (1 + nudge)
      nudge *= 2
    }
  }
}
