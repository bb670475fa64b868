// What a comparison shows, in bullets with one number each. Every number is computed from the runs, and every
// sentence has a condition under which it may be said.

public import Analysis
import Clustering
import Federation
import Formatting

extension Comparison {
  /// Plain-language findings, the most important first.
  public var findings: [String] {
    var sentences: [String] = []
    for settings in settings {
      let prefix = settings.isEmpty ? "" : "\(settings): "
      for part in [accuracies, frontierFinding, prices, detections, mistakes, omissions] {
        sentences += part(settings).map { prefix + $0 }
      }
    }
    return sentences + caution
  }

  /// For every budget what the worst off gets, from the best method if there are several.
  private func accuracies(_ settings: String) -> [String] {
    epsilons.compactMap { epsilon in
      let competitors = cells.filter {
        $0.settings == settings && $0.epsilon == epsilon && $0.isRanked && $0.worstMean != nil
      }
      guard let best = best(worstOff.metric, settings: settings, epsilon: epsilon) else {
        return nil
      }
      let words = Self.words(best.estimate(worstOff.metric)) + uselessness(best)
      return competitors.count > 1
        ? "\(Self.place(epsilon)) the \(worstOff.noun) is served best by \(best.method): \(words)."
        : "\(Self.place(epsilon)) \(best.method) gives the \(worstOff.noun) \(words)."
    }
  }

  /// What must stand beside an accuracy that is no success.
  private func uselessness(_ cell: ComparisonCell) -> String {
    guard let baseline = cell.baseline, let mean = cell.worstMean, mean <= baseline.share else {
      return ""
    }
    return ", no better than \(baseline.words)"
      + (baseline.isGuess ? "" : ", which gives \(NumberText.percent(baseline.share))")
  }

  /// Only where accuracy rises with ε by more than the intervals at both ends, and bends.
  private func frontierFinding(_ settings: String) -> [String] {
    guard let knee = knee(settings: settings) else { return [] }
    return [
      "The knee of the frontier is ε \(knee.epsilon.label) with \(knee.method): beyond it more ε buys less "
        + "accuracy."
    ]
  }

  /// What privacy costs with the best method of the smallest budget that has a price.
  private func prices(_ settings: String) -> [String] {
    for epsilon in epsilons where !epsilon.isNone {
      guard let best = best(worstOff.metric, settings: settings, epsilon: epsilon),
        let price = priceOfPrivacy(best), let mean = price.cost.clientMean.mean
      else { continue }
      let place = "\(Self.place(epsilon)) privacy"
      let pairs = "(n = \(price.cost.pairs))"
      var sentences = [
        Self.percent(mean.magnitude) == "0.0"
          ? "\(place) costs the clients of \(best.method) nothing that shows on average \(pairs)."
          : mean < 0
            ? "\(place) gains the clients of \(best.method) \(Self.percent(-mean)) points on average \(pairs)."
            : "\(place) costs the clients of \(best.method) \(Self.percent(mean)) points on average \(pairs)."
      ]
      if let payer = payer(best, price) { sentences.append("\(place) costs \(payer) \(pairs).") }
      if let minority = Self.mean(price, of: best, minority: true),
        let others = Self.mean(price, of: best, minority: false)
      {
        let more = minority - others
        if Self.percent(more.magnitude) != "0.0" {
          sentences.append(
            "\(place) costs the minority \(Self.percent(more.magnitude)) points "
              + "\(more > 0 ? "more" : "less") than the others with \(best.method) \(pairs).")
        }
      }
      return sentences
    }
    return []
  }

  /// The cluster that pays most: only one that pays anything, and only among several.
  private func payer(_ cell: ComparisonCell, _ price: PrivacyPrice) -> String? {
    let prices = price.cost.clusters.map { $0.mean ?? -2 }
    guard prices.count > 1, let worst = prices.indices.max(by: { prices[$0] < prices[$1] }),
      prices[worst] >= 0.0005, prices.indices.contains(where: { prices[$0] < prices[worst] }),
      cell.clusters.indices.contains(worst)
    else { return nil }
    return
      "\(cell.clusters.labels[worst]) most with \(cell.method): \(Self.percent(prices[worst])) points"
  }

  /// How often the minority had a model of its own: not where clusters were not looked for among several.
  private func detections(_ settings: String) -> [String] {
    methods.compactMap { method in
      let found = cells.filter {
        $0.settings == settings && $0.method == method && !$0.isOracle && $0.clusters.count > 1
      }
      let counts = found.compactMap { $0.clusteringDiagnostics?.detections }.filter { $0.of > 0 }
      guard !counts.isEmpty else { return nil }
      let total = counts.reduce(0) { $0 + $1.of }
      let reports = found.flatMap { $0.runs.compactMap(\.result.clustering) }
      let unsure = reports.count { !$0.isConfident }
      return
        "\(method) gave the minority a model of its own in \(counts.reduce(0) { $0 + $1.found }) of "
        + NumberText.count(total, "run")
        + (unsure == 0
          ? "." : "; in \(unsure) of them noise alone may put clusters as far apart.")
    }
  }

  /// What knowing the true clusters would change at the smallest budget.
  private func mistakes(_ settings: String) -> [String] {
    methods.compactMap { method in
      let known = cells.filter {
        $0.settings == settings && $0.method == method && $0.isRanked
          && $0.estimate(.ari).count > 0
      }.compactMap { cell in priceOfMistakes(cell)?.clientMean.mean.map { (cell, $0) } }
      guard let (cell, gain) = known.first else { return nil }
      return "\(Self.place(cell.epsilon)) knowing the true clusters would change \(method) by "
        + "\(Self.signed(gain)) points."
    }
  }

  /// Which cells these sentences pass over.
  private func omissions(_ settings: String) -> [String] {
    leavingOut(cells.filter { $0.settings == settings }).map { ["Left out of these: \($0)."] } ?? []
  }

  private var caution: [String] {
    guard let most = cells.map(\.runs.count).max(), most < 6 else { return [] }
    return [
      "No cell has more than \(NumberText.count(most, "seed")): before 6 no difference between methods can reach a "
        + "p-value of 0.05."
    ]
  }

  private static func signed(_ difference: Double) -> String {
    let text = percent(difference)
    return text.hasPrefix("-") || text == "0.0" ? text : "+" + text
  }

  private static func place(_ epsilon: EpsilonTarget) -> String {
    epsilon.isNone ? "Without privacy" : "At ε \(epsilon.label)"
  }
}
