// What a comparison shows, in sentences. Every number in them is computed from the runs.

import Clustering
import Federation

extension Comparison {
  /// Plain-language findings, the most important first.
  public var findings: [String] {
    var sentences: [String] = []
    for settings in settings {
      let prefix = settings.isEmpty ? "" : "\(settings): "
      for part in [bestMethods, frontierFinding, prices, worstPrices, detections, mistakes] {
        sentences += part(settings).map { prefix + $0 }
      }
    }
    return sentences + caution
  }

  private func bestMethods(_ settings: String) -> [String] {
    let parts = epsilons.compactMap { epsilon -> String? in
      let rivals = cells.filter {
        $0.settings == settings && $0.epsilon == epsilon && !$0.isOracle
      }
      guard rivals.count > 1,
        let best = best(.worstClusterAccuracy, settings: settings, epsilon: epsilon)
      else { return nil }
      return "\(Self.place(epsilon)) \(best.method) with "
        + Self.words(best.estimate(.worstClusterAccuracy))
    }
    guard !parts.isEmpty else { return [] }
    return ["The worst-off cluster is served best " + parts.joined(separator: "; ") + "."]
  }

  private func frontierFinding(_ settings: String) -> [String] {
    guard let knee = Self.knee(of: frontier(settings: settings)) else { return [] }
    return [
      "The knee of the frontier is ε \(knee.epsilon.label) with \(knee.method): "
        + "\(NumberText.percent(knee.worstClusterAccuracy)) for the worst-off cluster; beyond it more "
        + "ε buys less accuracy."
    ]
  }

  /// The methods that serve the worst-off cluster best at some ε: those of which the findings say more.
  private func leaders(_ settings: String) -> [String] {
    let leading = Set(
      epsilons.compactMap { best(.worstClusterAccuracy, settings: settings, epsilon: $0)?.method })
    return methods.filter(leading.contains)
  }

  /// Cells of a method that have a price, in ascending order of ε.
  private func priced(
    _ settings: String, _ method: String
  ) -> [(cell: ComparisonCell, price: PrivacyPrice)] {
    cells.filter { $0.settings == settings && $0.method == method && !$0.isOracle }.compactMap {
      cell in
      priceOfPrivacy(cell).flatMap {
        $0.cost.clientMean.mean == nil ? nil : (cell: cell, price: $0)
      }
    }
  }

  private func prices(_ settings: String) -> [String] {
    leaders(settings).compactMap { method in
      let priced = priced(settings, method)
      guard !priced.isEmpty else { return nil }
      let costs = priced.map {
        "\(Self.percent($0.price.cost.clientMean.mean)) at ε \($0.cell.epsilon.label)"
      }
      var text =
        "Points of accuracy that privacy costs the clients of \(method) on average: "
        + costs.joined(separator: ", ")
      let shares = priced.compactMap { cell, price -> String? in
        guard let minority = Self.mean(price, of: cell, minority: true),
          let others = Self.mean(price, of: cell, minority: false)
        else { return nil }
        return "\(Self.percent(minority)) against \(Self.percent(others))"
      }
      if shares.count == priced.count {
        text += "; minority clusters against the others: " + shares.joined(separator: ", ")
      }
      let pairs = Set(priced.map(\.price.cost.pairs)).sorted().map(String.init)
      return text + " (n = \(pairs.joined(separator: " or ")))."
    }
  }

  /// Whom privacy costs most with the method that serves the worst-off cluster best.
  private func worstPrices(_ settings: String) -> [String] {
    var payers: [String] = []
    var points: [String: [String]] = [:]
    for epsilon in epsilons {
      guard let best = best(.worstClusterAccuracy, settings: settings, epsilon: epsilon),
        let price = priceOfPrivacy(best)
      else { continue }
      let worst = price.cost.clusters.enumerated().max {
        ($0.element.mean ?? -2) < ($1.element.mean ?? -2)
      }
      guard let worst, worst.element.mean != nil, best.clusters.indices.contains(worst.offset)
      else { continue }
      let cluster = best.clusters[worst.offset]
      let payer = "\(best.method): \(cluster.name)\(cluster.minority ? ", a minority" : "")"
      if points[payer] == nil { payers.append(payer) }
      points[payer, default: []].append(
        "\(Self.percent(worst.element.mean)) at ε \(epsilon.label)")
    }
    return payers.map {
      "The cluster that pays most with \($0); points: "
        + "\(points[$0, default: []].joined(separator: ", "))."
    }
  }

  private func detections(_ settings: String) -> [String] {
    methods.compactMap { method in
      let counts = cells.filter {
        $0.settings == settings && $0.method == method && !$0.isOracle
      }.compactMap { cell -> String? in
        guard let detections = cell.clusteringDiagnostics?.detections, detections.of > 0 else {
          return nil
        }
        return "\(detections.found) of \(detections.of) \(Self.place(cell.epsilon))"
      }
      guard !counts.isEmpty else { return nil }
      return "Seeds in which \(method) gave the minority a model of its own: "
        + counts.joined(separator: ", ") + "."
    }
  }

  private func mistakes(_ settings: String) -> [String] {
    methods.compactMap { method in
      let costs = cells.filter { $0.settings == settings && $0.method == method }
        .compactMap { cell -> String? in
          guard cell.estimate(.ari).count > 0,
            let mean = priceOfMistakes(cell)?.clientMean.mean
          else { return nil }
          return "\(Self.signed(mean)) \(Self.place(cell.epsilon))"
        }
      guard !costs.isEmpty else { return nil }
      return "Points of accuracy by which knowing the true clusters would change \(method): "
        + costs.joined(separator: ", ") + "."
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

  private static func signed(_ difference: Double) -> String {
    let text = percent(difference)
    return text.hasPrefix("-") || text == "0.0" ? text : "+" + text
  }

  private static func place(_ epsilon: EpsilonTarget) -> String {
    epsilon.isNone ? "without privacy" : "at ε \(epsilon.label)"
  }

  /// "49.3 % (48.8 to 49.8 %, n = 3)".
  private static func words(_ estimate: SeedEstimate) -> String {
    var text = NumberText.percent(estimate.mean)
    if let lower = estimate.lower, let upper = estimate.upper {
      text += " (\(percent(lower)) to \(NumberText.percent(upper)), "
      return text + "n = \(estimate.count))"
    }
    return text + " (n = \(estimate.count))"
  }
}
