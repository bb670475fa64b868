// Private choice of the best of several candidates: the exponential mechanism as Gumbel noise and argmax.
//
// McSherry, Talwar, "Mechanism design via differential privacy" (2007); bounded range: Dong, Durfee, Rogers,
// "Optimal differential privacy composition for exponential mechanisms" (2020).

import Kernels

/// Chooses an index with probability proportional to exp(ε · utility / (2 · sensitivity)).
public struct ExponentialMechanism: Hashable, Sendable {
  public let epsilon: Double
  /// The largest change of any single utility when one record is added or removed.
  public let sensitivity: Double

  public init(epsilon: Double, sensitivity: Double) {
    precondition(epsilon > 0 && epsilon.isFinite, "A selection's epsilon is finite and positive.")
    precondition(
      sensitivity > 0 && sensitivity.isFinite, "A utility's sensitivity is finite and positive.")
    self.epsilon = epsilon
    self.sensitivity = sensitivity
  }

  public var event: PrivacyEvent { .exponentialMechanism(epsilon: epsilon) }

  /// The scale of the Gumbel noise on each utility.
  public var gumbelScale: Double { 2 * sensitivity / epsilon }

  /// The index of the largest noisy utility. Throws `AccountingError.invalid` if there is no candidate or
  /// a utility is not finite: such utilities have no finite sensitivity.
  public func release(
    utilities: [Double], using generator: inout some RandomNumberGenerator
  ) throws(AccountingError) -> Released<Int> {
    guard !utilities.isEmpty else {
      throw .invalid(reason: "utilities: a selection needs at least one candidate")
    }
    var best = (index: 0, score: -Double.infinity)
    for (index, utility) in utilities.enumerated() {
      guard utility.isFinite else {
        throw .invalid(
          reason: "utilities[\(index)]: must be finite; clip the utility to a public range")
      }
      let score = utility + gumbelScale * generator.nextGumbel()
      if score > best.score { best = (index, score) }
    }
    return Released(best.index)
  }
}

extension ExponentialMechanism {
  /// Rényi divergence bound αε²/8: a mechanism of bounded range ε is (ε²/8)-zCDP (Dong et al. 2020;
  /// Rogers, Steinke 2021).
  static func divergence(order: Double, epsilon: Double) -> Double {
    order * epsilon * epsilon / 8
  }

  /// The exact zCDP parameter of the bounded-range family, x − 1 − ln x with x = ε/(e^ε − 1)
  /// (Harrison, Manurangsi 2025); a little below ε²/8.
  public static func concentratedBound(epsilon: Double) -> Double {
    guard epsilon > 0 else { return 0 }
    // x − 1 by its series for small ε, where the quotient loses the digits that count.
    let excess =
      epsilon < 1e-2
      ? epsilon * (-0.5 + epsilon * (1.0 / 12 - epsilon * epsilon / 720))
      : epsilon / Elementary.expMinusOne(epsilon) - 1
    return excess - Elementary.log(onePlus: excess)
  }
}

extension ExponentialMechanism {
  /// The exact ε of `count` selections that do not depend on one another: what no accountant of adaptive
  /// selections can go below (Dong, Durfee, Rogers 2020, section 5).
  public static func nonadaptiveOptimum(epsilon: Double, count: Int, delta: Double) -> Double {
    func hockeyStick(_ total: Double) -> Double {
      (0...count).map { index in
        let shift = min(
          epsilon, max(0, (total + Double(index + 1) * epsilon) / Double(count + 1)))
        return mixtureDelta(epsilon: epsilon, count: count, shift: shift, total: total)
      }.max() ?? 0
    }
    var (low, high) = (0.0, epsilon * Double(count))
    guard hockeyStick(low) > delta else { return 0 }
    for _ in 0..<60 {
      let middle = low + (high - low) / 2
      if hockeyStick(middle) > delta { low = middle } else { high = middle }
    }
    return high
  }

  /// δ at `total` of `count` generalised randomised responses, each with losses `shift` and `shift` − ε.
  private static func mixtureDelta(
    epsilon: Double, count: Int, shift: Double, total: Double
  ) -> Double {
    let high =
      (Elementary.exp(-shift) - Elementary.exp(-epsilon)) / -Elementary.expMinusOne(-epsilon)
    var sum = 0.0
    for index in 0...count {
      let loss = Double(count) * shift - Double(index) * epsilon
      guard loss > total else { break }
      let weight =
        LogFactorial.binomial(count, index)
        + Double(count - index) * Elementary.log(high)
        + (index == 0 ? 0 : Double(index) * Elementary.log(onePlus: -high))
      // High may be 0 at the largest shift; the term then vanishes unless no factor of it is left.
      let mass = high > 0 ? Elementary.exp(weight) : 0
      sum += mass * (Elementary.exp(loss) - Elementary.exp(total))
    }
    return sum
  }
}
