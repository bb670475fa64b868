// Private choice of the best of several candidates: the exponential mechanism as Gumbel noise and argmax.
//
// McSherry, Talwar, "Mechanism design via differential privacy" (2007); bounded range: Dong, Durfee, Rogers,
// "Optimal differential privacy composition for exponential mechanisms" (2020).

import Kernels
import RealModule

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
      : epsilon / Double.expMinusOne(epsilon) - 1
    return excess - Double.log(onePlus: excess)
  }
}
