// What many runs with one canary each show about ε: error rates of an attack, and what they rule out.
//
// Jagielski, Ullman, Oprea, "Auditing differentially private machine learning" (NeurIPS 2020); Gaussian trade-offs: Nasr
// et al., "Tight auditing of differentially private machine learning" (USENIX Security 2023).

import Kernels

/// An attack judged on runs that did not choose its threshold. Bounds hold with the stated confidence together.
public struct RepeatedVerdict: Sendable, Hashable, Codable {
  /// Runs with the canary that were judged, and those in which it was recognised.
  public let positives: Int
  public let truePositives: Int
  /// Runs without it, and those in which it was taken to be there.
  public let negatives: Int
  public let falsePositives: Int
  /// ε is at least this at `delta`, whatever the mechanism.
  public let lowerBound: Double
  /// ε is at least this if the trade-off is a Gaussian one.
  public let gaussianLowerBound: Double
  /// The lower bound if no guess had been wrong.
  public let bestPossible: Double
  /// Whether no mechanism that keeps the claim lets an attack err so rarely.
  public let refutesClaim: Bool
  public let delta: Double

  /// Every other run chooses the threshold, the rest is judged.
  ///
  /// - Parameters:
  ///   - trials: one a run; a score is larger where the canary seems to be there. Runs may differ in data and seeds: what
  ///     bounds the error rates of each bounds their means.
  ///   - delta: of the lower bounds, in (0, 1).
  ///   - significance: the probability, in (0, 1), with which anything may be wrong.
  public init(
    on trials: [(isIncluded: Bool, score: Double)], delta: Double, claim: PrivacyClaim,
    significance: Double
  ) {
    self.delta = delta
    let teachers = trials.indices.filter { $0 % 2 == 0 }.map { trials[$0] }
    let judged = trials.indices.filter { $0 % 2 == 1 }.map { trials[$0] }
    let threshold = EngineTest.bestThreshold(for: teachers)
    positives = judged.count(where: \.isIncluded)
    negatives = judged.count - positives
    truePositives = judged.count { $0.isIncluded && $0.score > threshold }
    falsePositives = judged.count { !$0.isIncluded && $0.score > threshold }
    guard positives > 0, negatives > 0 else {
      lowerBound = 0
      gaussianLowerBound = 0
      bestPossible = 0
      refutesClaim = false
      return
    }
    let shown = Audit.clopperPearson(
      truePositives: truePositives, positives: positives, falsePositives: falsePositives,
      negatives: negatives, significance: significance, delta: delta)
    lowerBound = shown.epsilon
    bestPossible =
      Audit.clopperPearson(
        truePositives: positives, positives: positives, falsePositives: 0, negatives: negatives,
        significance: significance, delta: delta
      ).epsilon
    let (missed, alarmed) = (shown.falseNegativeRate, shown.falsePositiveRate)
    let mu =
      missed + alarmed < 1 ? -Normal.quantile(missed) - Normal.quantile(alarmed) : 0
    gaussianLowerBound = mu > 0 ? GaussianTradeoff(mu: mu).epsilon(delta: delta) : 0
    // An event with probability 1 − missed with the canary has at least so much without it.
    refutesClaim =
      claim.leastMass(1 - missed) > alarmed || claim.leastMass(1 - alarmed) > missed
  }
}
