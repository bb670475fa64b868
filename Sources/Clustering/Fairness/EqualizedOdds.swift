// How differently clusters are treated given the true class: the equalised-odds gap.
//
// Hardt, Price, Srebro, "Equality of opportunity in supervised learning" (2016), with the largest
// difference over groups and over classes, one against the rest.

/// The counts of true and predicted classes in one cluster.
public struct ConfusionMatrix: Sendable, Hashable, Codable {
  /// counts[true][predicted], square.
  public let counts: [[Int]]

  /// Throws `invalidOption` if the table is not square or holds a negative count.
  public init(counts: [[Int]]) throws(ClusteringError) {
    guard counts.allSatisfy({ $0.count == counts.count && $0.allSatisfy { $0 >= 0 } }) else {
      throw .invalidOption(
        name: "confusion matrix", requirement: "square with counts of at least 0",
        found: "\(counts)")
    }
    self.counts = counts
  }

  public var classes: Int { counts.count }

  /// Share of the class's examples that are predicted as such; nil if there are none.
  public func truePositiveRate(of label: Int) -> Double? {
    let total = counts[label].reduce(0.0) { $0 + Double($1) }
    return total > 0 ? Double(counts[label][label]) / total : nil
  }

  /// Share of all examples that are predicted as this class; nil if there are none.
  public func predictedShare(of label: Int) -> Double? {
    let total = counts.reduce(0.0) { $0 + $1.reduce(0.0) { $0 + Double($1) } }
    return total > 0 ? counts.reduce(0.0) { $0 + Double($1[label]) } / total : nil
  }

  /// Share of the other classes' examples that are predicted as this one; nil if there are none.
  public func falsePositiveRate(of label: Int) -> Double? {
    var hits = 0.0
    var total = 0.0
    for truth in 0..<classes where truth != label {
      hits += Double(counts[truth][label])
      total += counts[truth].reduce(0.0) { $0 + Double($1) }
    }
    return total > 0 ? hits / total : nil
  }
}

/// The largest difference of rates between clusters.
public struct EqualizedOddsGap: Sendable, Hashable, Codable {
  /// max over classes of (max − min over clusters) of the true positive rate; nil if no class has it
  /// in two clusters.
  public var truePositive: Double?
  /// The same for the false positive rate.
  public var falsePositive: Double?

  /// The larger of the two, in [0, 1]; nil if neither is defined.
  public var gap: Double? { [truePositive, falsePositive].compactMap { $0 }.max() }

  /// Throws `unequalCounts` if the clusters have different numbers of classes.
  public init(clusters: [ConfusionMatrix]) throws(ClusteringError) {
    let classes = clusters.first?.classes ?? 0
    for cluster in clusters where cluster.classes != classes {
      throw .unequalCounts(
        what: "classes of a confusion matrix", expected: classes, found: cluster.classes)
    }
    func largest(_ rate: (ConfusionMatrix, Int) -> Double?) -> Double? {
      (0..<classes).compactMap { label -> Double? in
        let rates = clusters.compactMap { rate($0, label) }
        guard rates.count > 1, let low = rates.min(), let high = rates.max() else { return nil }
        return high - low
      }.max()
    }
    truePositive = largest { $0.truePositiveRate(of: $1) }
    falsePositive = largest { $0.falsePositiveRate(of: $1) }
  }
}

/// How differently groups are predicted, whatever the truth: demographic parity.
///
/// Dwork, Hardt, Pitassi, Reingold, Zemel, "Fairness through awareness" (2012), as the largest difference over groups and
/// over classes.
public struct DemographicParityGap: Sendable, Hashable, Codable {
  /// max over classes of (max − min over groups) of the share of examples predicted as the class, in [0, 1]; nil with
  /// fewer than two groups that have examples.
  public var gap: Double?

  /// Throws `unequalCounts` if the groups have different numbers of classes.
  public init(groups: [ConfusionMatrix]) throws(ClusteringError) {
    let classes = groups.first?.classes ?? 0
    for group in groups where group.classes != classes {
      throw .unequalCounts(
        what: "classes of a confusion matrix", expected: classes, found: group.classes)
    }
    gap = (0..<classes).compactMap { label -> Double? in
      let shares = groups.compactMap { $0.predictedShare(of: label) }
      guard shares.count > 1, let low = shares.min(), let high = shares.max() else { return nil }
      return high - low
    }.max()
  }
}
