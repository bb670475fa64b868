// Lower bounds on epsilon from attacks: what an accountant claims must never be below what an attacker shows.

import Kernels

/// An empirical lower bound on ε with the error rates that gave it.
public struct AuditBound: Codable, Hashable, Sendable {
  public let epsilon: Double
  /// Upper confidence limits on the attacker's error rates.
  public let falseNegativeRate: Double
  public let falsePositiveRate: Double
}

/// Audits of a mechanism from the outcome of membership guesses.
public enum Audit {
  /// Clopper–Pearson audit (Jagielski et al. 2020; Nasr et al. 2021).
  ///
  /// ε ≥ ln((1 − FNR − δ)/FPR) and the same with the rates exchanged; both rates at their upper limits, each
  /// with half of the significance. The threshold of the attack must come from other data.
  ///
  /// - Parameters:
  ///   - truePositives: runs with the record, of `positives`, that the attacker recognised.
  ///   - falsePositives: runs without it, of `negatives`, that the attacker took for one with it.
  ///   - significance: the probability, in (0, 1), with which the bound may be wrong.
  public static func clopperPearson(
    truePositives: Int, positives: Int, falsePositives: Int, negatives: Int,
    significance: Double = 0.05, delta: Double
  ) -> AuditBound {
    let missed = upperLimit(
      successes: positives - truePositives, trials: positives, significance: significance / 2)
    let alarmed = upperLimit(
      successes: falsePositives, trials: negatives, significance: significance / 2)
    func bound(_ miss: Double, _ alarm: Double) -> Double {
      let power = 1 - miss - delta
      return power > 0 ? Elementary.log(power / alarm) : 0
    }
    return AuditBound(
      epsilon: max(0, bound(missed, alarmed), bound(alarmed, missed)), falseNegativeRate: missed,
      falsePositiveRate: alarmed)
  }

  /// The one-run audit of Steinke, Nasr, Jagielski (NeurIPS 2023): the largest ε that `correct` right guesses
  /// out of `guesses`, on `canaries` canaries included by fair coins, rule out at the significance.
  public static func oneRun(
    canaries: Int, guesses: Int, correct: Int, significance: Double = 0.05, delta: Double
  ) -> Double {
    let coefficients = Binomial.logCoefficients(trials: guesses)
    func isRuledOut(_ epsilon: Double) -> Bool {
      oneRunPValue(
        epsilon: epsilon, canaries: canaries, correct: correct, delta: delta,
        coefficients: coefficients) <= significance
    }
    guard isRuledOut(0) else { return 0 }
    var (low, high) = (0.0, 1.0)
    while isRuledOut(high), high < 64 { (low, high) = (high, high * 2) }
    for _ in 0..<60 {
      let middle = low + (high - low) / 2
      if isRuledOut(middle) { low = middle } else { high = middle }
    }
    return low
  }

  /// The probability, at most, of so many right guesses under (ε, δ)-privacy: with v right guesses and
  /// B ~ Bin(guesses, e^ε/(1 + e^ε)), P[B ≥ v] + 2mδ·max_i P[v − i ≤ B < v]/i.
  public static func oneRunPValue(
    epsilon: Double, canaries: Int, guesses: Int, correct: Int, delta: Double
  ) -> Double {
    oneRunPValue(
      epsilon: epsilon, canaries: canaries, correct: correct, delta: delta,
      coefficients: Binomial.logCoefficients(trials: guesses))
  }

  private static func oneRunPValue(
    epsilon: Double, canaries: Int, correct: Int, delta: Double, coefficients: [Double]
  ) -> Double {
    let law = Binomial(
      logCoefficients: coefficients, probability: 1 / (1 + Elementary.exp(-epsilon)))
    var tail = 0.0
    for value in Swift.stride(from: law.trials, through: correct, by: -1) { tail += law[value] }
    var steepest = 0.0
    var sum = 0.0
    for distance in 1...max(1, correct) where distance <= correct {
      sum += law[correct - distance]
      steepest = max(steepest, sum / Double(distance))
    }
    return min(1, tail + 2 * Double(canaries) * delta * steepest)
  }

  /// The Clopper–Pearson upper limit: the rate at which so few successes have probability `significance`.
  package static func upperLimit(successes: Int, trials: Int, significance: Double) -> Double {
    precondition(
      trials > 0 && successes >= 0 && successes <= trials, "Successes are some of the trials.")
    guard successes < trials else { return 1 }
    let coefficients = Binomial.logCoefficients(trials: trials)
    var (low, high) = (Double(successes) / Double(trials), 1.0)
    for _ in 0..<60 {
      let middle = low + (high - low) / 2
      let law = Binomial(logCoefficients: coefficients, probability: middle)
      var below = 0.0
      for value in 0...successes { below += law[value] }
      if below > significance { low = middle } else { high = middle }
    }
    return high
  }
}

/// The binomial law, from logarithms of factorials.
struct Binomial {
  /// ln (n over k) for every k.
  private let logCoefficients: [Double]
  private let logSuccess: Double
  private let logFailure: Double

  var trials: Int { logCoefficients.count - 1 }

  init(trials: Int, probability: Double) {
    self.init(logCoefficients: Self.logCoefficients(trials: trials), probability: probability)
  }

  /// - Parameter coefficients: of `logCoefficients(trials:)`, for those who ask at many probabilities.
  init(logCoefficients coefficients: [Double], probability: Double) {
    logCoefficients = coefficients
    logSuccess = Elementary.log(probability)
    logFailure = Elementary.log(onePlus: -probability)
  }

  static func logCoefficients(trials: Int) -> [Double] {
    let logFactorials = (0...trials).map { Elementary.logGamma(Double($0) + 1) }
    return (0...trials).map {
      logFactorials[trials] - logFactorials[$0] - logFactorials[trials - $0]
    }
  }

  subscript(value: Int) -> Double {
    let rest = trials - value
    let successes = value == 0 ? 0 : Double(value) * logSuccess
    let failures = rest == 0 ? 0 : Double(rest) * logFailure
    return Elementary.exp(logCoefficients[value] + successes + failures)
  }
}
