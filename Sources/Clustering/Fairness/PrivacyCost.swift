// What privacy costs each client or cluster, and how unequally: F_acc and F_loss of the R-DPCFL papers,
// the price of privacy, and its ratio between minority and majority.

/// Costs of privacy from results with and without it, paired by client (or by cluster).
public enum PrivacyCost {
  /// accuracy without DP − accuracy with DP, for each entry; nil where either is missing.
  ///
  /// Throws `unequalCounts` if the arrays differ in length.
  public static func price(
    accuracyWithout: [Double?], accuracyWith: [Double?]
  ) throws(ClusteringError) -> [Double?] {
    try differences(accuracyWithout, accuracyWith)
  }

  /// F_acc = max Δacc − min Δacc with Δacc = acc(without DP) − acc(with DP): 0 means that privacy
  /// costs everybody the same. Nil if no pair is complete.
  public static func accuracyUnfairness(
    accuracyWithout: [Double?], accuracyWith: [Double?]
  ) throws(ClusteringError) -> Double? {
    try FairnessValues(differences(accuracyWithout, accuracyWith)).gap
  }

  /// F_loss = max Δloss − min Δloss with Δloss = loss(with DP) − loss(without DP). Nil if no pair is
  /// complete.
  public static func lossUnfairness(
    lossWithout: [Double?], lossWith: [Double?]
  ) throws(ClusteringError) -> Double? {
    try FairnessValues(differences(lossWith, lossWithout)).gap
  }

  /// Mean price of the minority's entries over that of the others; above 1 privacy costs the minority
  /// more.
  ///
  /// Nil if a group has no price, or the majority's mean price is not positive: a ratio to a cost
  /// that does not exist says nothing, so look at the two prices. Throws `unequalCounts`.
  public static func minorityRatio(
    prices: [Double?], isMinority: [Bool], weights: [Double]? = nil
  ) throws(ClusteringError) -> Double? {
    guard isMinority.count == prices.count else {
      throw .unequalCounts(
        what: "minority marks", expected: prices.count, found: isMinority.count)
    }
    func groupMean(_ minority: Bool) throws(ClusteringError) -> Double? {
      let group = prices.indices.map { isMinority[$0] == minority ? prices[$0] : nil }
      return try FairnessValues(group, weights: weights).mean
    }
    guard let minority = try groupMean(true), let majority = try groupMean(false), majority > 0
    else { return nil }
    let ratio = minority / majority
    return ratio.isFinite ? ratio : nil
  }

  private static func differences(
    _ first: [Double?], _ second: [Double?]
  ) throws(ClusteringError) -> [Double?] {
    guard first.count == second.count else {
      throw .unequalCounts(what: "paired results", expected: first.count, found: second.count)
    }
    return zip(first, second).map { a, b in
      guard let a, let b, a.isFinite, b.isFinite, (a - b).isFinite else { return nil }
      return a - b
    }
  }
}
