// Values of clients or clusters with their weights, and the summaries of one set of values.
//
// Every summary ignores missing values, is nil where it is not defined, and never NaN. Formulas and
// edge cases are in docs/metrics.md.

import RealModule

/// One number a client (or a cluster), each with a weight such as its sample count.
public struct FairnessValues: Sendable, Hashable {
  /// The values that are present, with their positive weights, in ascending order of value.
  private let sorted: [(value: Double, weight: Double)]

  public static func == (a: FairnessValues, b: FairnessValues) -> Bool {
    a.sorted.elementsEqual(b.sorted) { $0.value == $1.value && $0.weight == $1.weight }
  }

  public func hash(into hasher: inout Hasher) {
    for entry in sorted {
      hasher.combine(entry.value)
      hasher.combine(entry.weight)
    }
  }

  /// - Parameters:
  ///   - values: nil and numbers that are not finite count as missing.
  ///   - weights: nil for equal weights; an entry with a weight that is not positive and finite is
  ///     left out.
  ///
  /// Throws `unequalCounts` if the two arrays differ in length.
  public init(_ values: [Double?], weights: [Double]? = nil) throws(ClusteringError) {
    if let weights, weights.count != values.count {
      throw .unequalCounts(what: "weights", expected: values.count, found: weights.count)
    }
    var present: [(value: Double, weight: Double)] = []
    for (index, value) in values.enumerated() {
      let weight = weights?[index] ?? 1
      guard let value, value.isFinite, weight > 0, weight.isFinite else { continue }
      present.append((value, weight))
    }
    // Relative weights: only ratios matter, and their sum cannot leave the range of doubles.
    let heaviest = present.reduce(0) { Swift.max($0, $1.weight) }
    sorted = present.map { ($0.value, $0.weight / heaviest) }
      .sorted { ($0.value, $0.weight) < ($1.value, $1.weight) }
  }

  /// How many values are present.
  public var count: Int { sorted.count }
  private var totalWeight: Double { sorted.reduce(0) { $0 + $1.weight } }

  /// Smallest and largest value; nil without values.
  public var min: Double? { sorted.first?.value }
  public var max: Double? { sorted.last?.value }

  /// max − min; 0 for one value, nil without values.
  public var gap: Double? {
    guard let min, let max else { return nil }
    return finite(max - min)
  }

  /// Σ w x / Σ w, never outside the values, however it is rounded; nil without values.
  public var mean: Double? {
    guard let min, let max else { return nil }
    let total = totalWeight
    return sorted.reduce(0) { $0 + $1.weight / total * $1.value }.held(between: min, and: max)
  }

  /// √(Σ w (x − mean)² / Σ w), the population form; 0 for one value, nil without values.
  public var standardDeviation: Double? {
    guard let mean else { return nil }
    let total = totalWeight
    return finite(
      Double.sqrt(
        sorted.reduce(0) { $0 + $1.weight / total * ($1.value - mean) * ($1.value - mean) }))
  }

  /// Values near the end of the range of doubles can have a spread beyond it.
  private func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }

  /// The mean of the lowest `share` of the weight, cutting the entry on the border in parts.
  ///
  /// With equal weights and share·n = m + f the m lowest count whole and the next one f, so it is
  /// defined for every n: below 1/share values it is the lowest value. `share` in (0, 1]; nil
  /// without values or outside that range.
  public func lowerTailMean(share: Double) -> Double? {
    tailMean(share: share, entries: sorted)
  }

  /// The same for the highest values: the tail that matters for losses.
  public func upperTailMean(share: Double) -> Double? {
    tailMean(share: share, entries: sorted.reversed())
  }

  private func tailMean(
    share: Double, entries: [(value: Double, weight: Double)]
  ) -> Double? {
    guard let min, let max, share > 0, share <= 1 else { return nil }
    let wanted = share * totalWeight
    var left = wanted
    var sum = 0.0
    for entry in entries where left > 0 {
      let part = Swift.min(entry.weight, left)
      sum += part / wanted * entry.value
      left -= part
    }
    // What rounding left over belongs to the last entry.
    let mean = left > 0 ? sum + left / wanted * (entries.last?.value ?? 0) : sum
    return mean.held(between: min, and: max)
  }

  /// Mean of the bottom 10 %.
  public var bottom10Mean: Double? { lowerTailMean(share: 0.1) }

  /// CVaR₂₀, the mean of the worst 20 % where low is bad (accuracy).
  public var cvar20: Double? { lowerTailMean(share: 0.2) }

  /// Jain's index (Σ w x)² / (Σ w · Σ w x²) in (0, 1]; 1 if all values are 0; nil without values or
  /// with a negative one.
  public var jain: Double? {
    guard let mean, let min, min >= 0, let max else { return nil }
    guard max > 0 else { return 1 }
    let total = totalWeight
    // Relative to the largest value, so that no square leaves the range of doubles.
    let square = sorted.reduce(0) { $0 + $1.weight / total * ($1.value / max) * ($1.value / max) }
    return Swift.min((mean / max) * (mean / max) / square, 1)
  }

  /// Gini coefficient Σ_i Σ_j w_i w_j |x_i − x_j| / (2 (Σ w)² mean) in [0, 1); 0 if all values are 0;
  /// nil without values or with a negative one.
  public var gini: Double? {
    guard let mean, let min, min >= 0, let max else { return nil }
    guard max > 0 else { return 0 }
    let total = totalWeight
    // In ascending order Σ_i<j w_i w_j (x_j − x_i) needs one pass with running sums.
    var below = 0.0
    var belowSum = 0.0
    var pairs = 0.0
    for entry in sorted {
      let weight = entry.weight / total
      let value = entry.value / max
      pairs += weight * (value * below - belowSum)
      below += weight
      belowSum += weight * value
    }
    return Swift.max(pairs / (mean / max), 0)
  }
}
