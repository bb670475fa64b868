// A private quantile: the exponential mechanism over public candidates.
//
// Smith, "Privacy-preserving statistical estimation with optimal convergence rates" (STOC 2011), section 3, on an even
// grid of candidates instead of an interval, so that what is drawn is one of finitely many indices.

import Kernels

/// Chooses a public candidate near a quantile of values, by how many values lie at or below it.
public struct QuantileChoice: Hashable, Sendable {
  /// Candidates between the bounds, both bounds among them.
  public static let candidateCount = 512
  /// Which quantile, above 0 and below 1.
  public let level: Double

  public init(level: Double) {
    precondition(level > 0 && level < 1, "A quantile's level lies between 0 and 1.")
    self.level = level
  }

  /// How far one added or removed value moves the utility of a candidate: n · level moves by the level, and the
  /// number of values at or below the candidate by 0 or 1.
  public var sensitivity: Double { max(level, 1 - level) }

  /// Where candidate `index` lies between bounds of −1 and 1.
  public static func candidate(_ index: Int) -> Double {
    -1 + 2 * Double(index) / Double(candidateCount - 1)
  }

  /// −|number of values at or below the candidate − level · n| for every candidate.
  ///
  /// - Parameter values: those beyond −1 and 1 count as that bound.
  public func utilities(of values: [Double]) -> [Double] {
    let sorted = values.sorted()
    let target = level * Double(sorted.count)
    var below = 0
    return (0..<Self.candidateCount).map { index in
      let candidate = Self.candidate(index)
      let isLast = index == Self.candidateCount - 1
      while below < sorted.count, isLast || sorted[below] <= candidate { below += 1 }
      return -abs(Double(below) - target)
    }
  }

  /// A candidate, between −1 and 1.
  ///
  /// - Throws: `AccountingError.invalid` if a value is not a number.
  public func release(
    of values: [Double], epsilon: Double, using generator: inout some RandomNumberGenerator
  ) throws(AccountingError) -> Released<Double> {
    guard values.allSatisfy({ !$0.isNaN }) else {
      throw .invalid(reason: "values: a quantile is of numbers")
    }
    let mechanism = ExponentialMechanism(epsilon: epsilon, sensitivity: sensitivity)
    let choice = try mechanism.release(utilities: utilities(of: values), using: &generator)
    return Released(Self.candidate(choice.value))
  }

  /// The candidate of the highest utility, the lowest of them: without privacy.
  public func exactly(of values: [Double]) -> Unprotected<Double> {
    let utilities = utilities(of: values)
    let best = utilities.max().flatMap { utilities.firstIndex(of: $0) } ?? 0
    return Unprotected(Self.candidate(best))
  }

  /// How many values lie between the quantile and the choice, at most, with at least the given probability, where
  /// values lie close to one another: 2 · sensitivity · ln(candidates / (1 − probability)) / ε.
  public func rankError(epsilon: Double, probability: Double) -> Double {
    2 * sensitivity * Elementary.log(Double(Self.candidateCount) / (1 - probability)) / epsilon
  }
}
