// How figures of a comparison are written wherever they stand: in sentences, tables and charts.

package import Clustering
import Federation
import Formatting

/// What stands beside a mean over seeds.
public enum Spread: String, Sendable, CaseIterable {
  /// Student's interval at 95 %, from three seeds on.
  case interval
  /// The standard deviation (n − 1), from two seeds on.
  case standardDeviation = "sd"
}

extension Comparison {
  /// "1.74 (0.46–3.85)".
  package static func effect(_ effect: EffectSize) -> String {
    let to = effect.lower < 0 || effect.upper < 0 ? " to " : "–"
    return "\(NumberText.decimal(effect.value, 2)) (\(NumberText.decimal(effect.lower, 2))\(to)"
      + "\(NumberText.decimal(effect.upper, 2)))"
  }

  /// "63.2 (60.1–66.0)"; the mean alone where there is no interval.
  package static func interval(_ estimate: SeedEstimate?) -> String {
    guard let estimate, let mean = estimate.mean else { return "–" }
    guard let lower = estimate.lower, let upper = estimate.upper else { return percent(mean) }
    let to = lower < 0 || upper < 0 ? " to " : "–"
    return "\(percent(mean)) (\(percent(lower))\(to)\(percent(upper)))"
  }

  /// A mean with what is asked for beside it: "63.2 (60.1–66.0)" or "63.2 ± 2.4"; the mean alone where there are too few
  /// seeds for that.
  package static func text(_ estimate: SeedEstimate?, _ spread: Spread) -> String {
    guard spread == .standardDeviation else { return interval(estimate) }
    guard let deviation = estimate?.standardDeviation else { return percent(estimate?.mean) }
    return "\(percent(estimate?.mean)) ± \(percent(deviation))"
  }

  package static func percent(_ share: Double?) -> String {
    let text = NumberText.decimal(share.map { 100 * $0 }, 1)
    return text == "-0.0" ? "0.0" : text
  }

  /// Unweighted mean price of the clusters that are minorities, or of the others.
  package static func mean(_ price: PrivacyPrice, of cell: ComparisonCell, minority: Bool)
    -> Double?
  {
    let prices = zip(cell.clusters, price.cost.clusters).compactMap { cluster, price in
      cluster.minority == minority ? price.mean : nil
    }
    return prices.isEmpty ? nil : prices.reduce(0, +) / Double(prices.count)
  }

  /// "49.3 % (48.8 to 49.8 %, n = 3)".
  package static func words(_ estimate: SeedEstimate) -> String {
    var text = NumberText.percent(estimate.mean)
    if let lower = estimate.lower, let upper = estimate.upper {
      text += " (\(percent(lower)) to \(NumberText.percent(upper)), "
      return text + "n = \(estimate.count))"
    }
    return text + " (n = \(estimate.count))"
  }
}

extension [ClusterResult] {
  /// The names with the minorities marked; equal names get their number.
  package var labels: [String] { ClusterLabels.of(map { ($0.name, $0.minority) }) }
}

/// What charts and sentences call the true clusters.
package enum ClusterLabels {
  /// The names with the minorities marked; equal names get their number.
  package static func of(_ clusters: [(name: String, minority: Bool)]) -> [String] {
    clusters.enumerated().map { index, cluster in
      let isUnique = clusters.count { $0.name == cluster.name } == 1
      return cluster.name + (isUnique ? "" : " \(index)") + (cluster.minority ? " (minority)" : "")
    }
  }
}

extension ComparedGroup {
  package var label: String { "\(attribute): \(name)" }
}
