// Whether private choices are as random as the mechanism in the ledger makes them, for an auditor who knows what every
// candidate is worth.

import Kernels

/// A test of many choices by the exponential mechanism.
///
/// Under the mechanism a candidate is chosen with probability ∝ e^s, s = ε · utility / (2 · sensitivity). An engine that
/// leaves out noise, or lets records move utilities further than the sensitivity, all alike, chooses as if ε were larger:
/// ∝ e^(k·s), k > 1. The product of the likelihood ratios of k against 1 has mean 1 under the mechanism, however earlier
/// choices steer later ones, and so has the mean of several such products; by Markov's inequality it is above 1/α with
/// probability α at most (Ville; Shafer 2021, "Testing by betting").
public struct ChoiceTest: Sendable, Hashable, Codable {
  public let choices: Int
  /// How many took a candidate of the largest utility, and how many would under the mechanism, on average.
  public let best: Int
  public let expectedBest: Double
  /// The probability, at most, of such choices under the mechanism.
  public let pValue: Double
  public let isRefuted: Bool

  /// How many times too large ε may seem; the last one stands for no noise at all.
  static let excesses = [2, 4, 16, 1e9]

  /// - Parameter choices: of each, s of every candidate, finite, and the place of the one that was chosen.
  public init(on choices: [(scores: [Double], chosen: Int)], significance: Double) {
    var logRatios = [Double](repeating: 0, count: Self.excesses.count)
    var (best, expected) = (0, 0.0)
    for choice in choices {
      let own = Self.logProbabilities(choice.scores)
      let largest = choice.scores.max() ?? 0
      if choice.scores[choice.chosen] == largest { best += 1 }
      for (score, logProbability) in zip(choice.scores, own) where score == largest {
        expected += Elementary.exp(logProbability)
      }
      for (place, excess) in Self.excesses.enumerated() {
        // Differences, or large multiples would have no digits left for them.
        let other = Self.logProbabilities(choice.scores.map { excess * ($0 - largest) })
        logRatios[place] += other[choice.chosen] - own[choice.chosen]
      }
    }
    let top = logRatios.max() ?? 0
    let mean =
      logRatios.reduce(0) { $0 + Elementary.exp($1 - top) } / Double(Self.excesses.count)
    self.choices = choices.count
    (self.best, expectedBest) = (best, expected)
    pValue = min(1, Elementary.exp(-top) / mean)
    isRefuted = pValue <= significance
  }

  private static func logProbabilities(_ scores: [Double]) -> [Double] {
    let largest = scores.max() ?? 0
    let total = Elementary.log(scores.reduce(0) { $0 + Elementary.exp($1 - largest) })
    return scores.map { $0 - largest - total }
  }
}
