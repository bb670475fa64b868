// What is reported of a two-class model beside its accuracy: how well its scores order and how far they can be believed.
//
// Area under the ROC curve as the Mann–Whitney statistic: Hanley and McNeil, "The meaning and use of the area under a
// receiver operating characteristic (ROC) curve" (1982). Calibration error: Naeini, Cooper, Hauskrecht, "Obtaining well
// calibrated probabilities using Bayesian binning" (2015), with ten bins of equal width.

import Kernels

/// Figures of scored examples of two classes, of which class 1 is the positive one.
public struct BinaryFigures: Sendable, Hashable, Codable {
  public static let calibrationBins = 10

  /// Probability that a positive example is scored above a negative one, ties counting half; nil without both.
  public let auc: Double?
  /// Mean of (p − label)², from 0 to 1.
  public let brier: Double
  /// Mean over examples of |share of positives − mean p| of the bin of p; from 0 to 1.
  public let calibrationError: Double

  public init(auc: Double?, brier: Double, calibrationError: Double) {
    self.auc = auc
    self.brier = brier
    self.calibrationError = calibrationError
  }

  /// - Parameters:
  ///   - labels: 0 or 1 of each example; others count as 0.
  ///   - margins: logit of class 1 minus that of class 0; a margin that is no number counts as 0.
  ///
  /// Nil without examples. Throws `unequalCounts`.
  public init?(labels: [Int], margins: [Double]) throws(ClusteringError) {
    guard labels.count == margins.count else {
      throw .unequalCounts(what: "margins", expected: labels.count, found: margins.count)
    }
    guard !labels.isEmpty else { return nil }
    let scored = zip(labels, margins).map { (isPositive: $0 == 1, margin: $1.isNaN ? 0 : $1) }
    auc = Self.auc(scored)
    var bins = [(count: Int, positives: Int, sum: Double)](
      repeating: (0, 0, 0), count: Self.calibrationBins)
    var squares = 0.0
    for (isPositive, margin) in scored {
      let p = 1 / (1 + Elementary.exp(-margin))
      let error = p - (isPositive ? 1 : 0)
      squares += error * error
      let bin = min(Int(p * Double(bins.count)), bins.count - 1)
      bins[bin].count += 1
      bins[bin].positives += isPositive ? 1 : 0
      bins[bin].sum += p
    }
    let count = Double(scored.count)
    brier = squares / count
    calibrationError = bins.reduce(0) { $0 + abs(Double($1.positives) - $1.sum) } / count
  }

  /// Sum of the positives' mid-ranks, less the least it can be, over the pairs.
  private static func auc(_ scored: [(isPositive: Bool, margin: Double)]) -> Double? {
    let positives = scored.count(where: \.isPositive)
    let pairs = Double(positives) * Double(scored.count - positives)
    guard pairs > 0 else { return nil }
    let sorted = scored.sorted { $0.margin < $1.margin }
    var ranks = 0.0
    var start = 0
    while start < sorted.count {
      var end = start
      var tied = 0
      while end < sorted.count, sorted[end].margin == sorted[start].margin {
        tied += sorted[end].isPositive ? 1 : 0
        end += 1
      }
      ranks += Double(tied) * Double(start + end + 1) / 2
      start = end
    }
    return (ranks - Double(positives) * Double(positives + 1) / 2) / pairs
  }
}
