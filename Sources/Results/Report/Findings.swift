// What a comparison shows, in sentences. Every number in them is computed from the runs.

import Clustering
import Federation

extension Comparison {
  /// Plain-language findings, the most important first.
  public var findings: [String] {
    var sentences: [String] = []
    for settings in settings {
      let prefix = settings.isEmpty ? "" : "\(settings): "
      for part in [bestMethods, frontierFinding, prices, detections, mistakes] {
        sentences += part(settings).map { prefix + $0 }
      }
    }
    return sentences + caution
  }

  private func bestMethods(_ settings: String) -> [String] {
    epsilons.compactMap { epsilon in
      let rivals = cells.filter {
        $0.settings == settings && $0.epsilon == epsilon && !$0.isOracle
      }
      guard rivals.count > 1,
        let best = best(.worstClusterAccuracy, settings: settings, epsilon: epsilon)
      else { return nil }
      let estimate = best.estimate(.worstClusterAccuracy)
      return "\(Self.budget(epsilon)): of \(rivals.count) methods \(best.method) serves the "
        + "worst-off cluster best, with \(Self.words(estimate)) accuracy."
    }
  }

  private func frontierFinding(_ settings: String) -> [String] {
    guard let knee = Self.knee(of: frontier(settings: settings)) else { return [] }
    return [
      "The knee of the frontier is ε \(knee.epsilon.label) with \(knee.method): "
        + "\(NumberText.percent(knee.worstClusterAccuracy)) for the worst-off cluster; beyond it more "
        + "ε buys less accuracy."
    ]
  }

  private func prices(_ settings: String) -> [String] {
    cells.filter { $0.settings == settings && !$0.isOracle }.compactMap { cell in
      guard let price = priceOfPrivacy(cell), price.cost.clientMean.mean != nil else { return nil }
      let worst = price.cost.clusters.enumerated().max {
        ($0.element.mean ?? -2) < ($1.element.mean ?? -2)
      }
      var text =
        "Privacy at ε \(cell.epsilon.label) costs the clients of \(cell.method) "
        + "\(Self.points(price.cost.clientMean.mean)) of accuracy on average "
        + "(n = \(price.cost.pairs))"
      if let worst, cell.clusters.indices.contains(worst.offset) {
        let cluster = cell.clusters[worst.offset]
        text +=
          "; it costs \(cluster.name)\(cluster.minority ? ", a minority," : "") most: "
          + Self.points(worst.element.mean)
      }
      if let minority = Self.mean(price, of: cell, minority: true),
        let others = Self.mean(price, of: cell, minority: false)
      {
        text +=
          "; minority clusters pay \(Self.points(minority)), the others \(Self.points(others))"
      }
      return text + "."
    }
  }

  private func detections(_ settings: String) -> [String] {
    methods.compactMap { method in
      let counts = cells.filter {
        $0.settings == settings && $0.method == method && !$0.isOracle
      }.compactMap { cell -> String? in
        let values = cell.runs.compactMap { $0.result.agreement?.minorityIsolated }
        guard !values.isEmpty else { return nil }
        return "\(values.count { $0 }) of \(values.count) at ε \(cell.epsilon.label)"
      }
      guard !counts.isEmpty else { return nil }
      return "Seeds in which \(method) gave the minority a model of its own: "
        + counts.joined(separator: ", ") + "."
    }
  }

  private func mistakes(_ settings: String) -> [String] {
    cells.filter { $0.settings == settings }.compactMap { cell in
      guard cell.estimate(.ari).count > 0, let cost = priceOfMistakes(cell)?.clientMean,
        let mean = cost.mean
      else { return nil }
      return "Knowing the true clusters would change \(cell.method) at ε \(cell.epsilon.label) by "
        + "\(Self.points(mean)) on average (n = \(cost.count))."
    }
  }

  private var caution: [String] {
    guard let most = cells.map(\.runs.count).max(), most < 6 else { return [] }
    return [
      "No cell has more than \(NumberText.count(most, "seed")): differences between methods cannot "
        + "reach a p-value of 0.05 before 6 seeds, and the intervals are too narrow."
    ]
  }

  /// Unweighted mean price of the clusters that are minorities, or of the others.
  private static func mean(
    _ price: PrivacyPrice, of cell: ComparisonCell, minority: Bool
  ) -> Double? {
    let prices = zip(cell.clusters, price.cost.clusters).compactMap { cluster, price in
      cluster.minority == minority ? price.mean : nil
    }
    return prices.isEmpty ? nil : prices.reduce(0, +) / Double(prices.count)
  }

  private static func points(_ difference: Double?) -> String {
    percent(difference) + " points"
  }

  private static func budget(_ epsilon: EpsilonTarget) -> String {
    epsilon.isNone ? "Without privacy" : "With ε \(epsilon.label)"
  }

  private static func words(_ estimate: SeedEstimate) -> String {
    var text = NumberText.percent(estimate.mean)
    if let lower = estimate.lower, let upper = estimate.upper {
      text += " (\(NumberText.decimal(100 * lower, 1)) to \(NumberText.percent(upper)), "
      return text + "n = \(estimate.count))"
    }
    return text + " (n = \(estimate.count))"
  }
}
