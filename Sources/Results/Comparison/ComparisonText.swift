// Comparisons as tables that fit a hundred columns.

import Clustering
import Federation

/// How the rows of a comparison are arranged.
public enum ComparisonOrder: String, Sendable, CaseIterable {
  /// Methods side by side, a table for each ε.
  case method
  /// Budgets below each other, a table for each method.
  case epsilon
  /// True clusters, with what privacy and wrong clusters cost each.
  case cluster
}

extension Comparison {
  /// The comparison for a terminal.
  public func lines(by order: ComparisonOrder, colors: Bool) -> [String] {
    guard !cells.isEmpty else {
      return ["There are no finished runs to compare; `dpflsim sweep` makes some."]
    }
    var lines: [String] = []
    for settings in settings {
      if !settings.isEmpty {
        for line in Self.wrapped(settings) { lines.append(heading(line, colors)) }
        lines.append("")
      }
      let here = cells.filter { $0.settings == settings }
      switch order {
      case .method:
        for epsilon in epsilons where here.contains(where: { $0.epsilon == epsilon }) {
          lines.append(heading("ε \(epsilon.label)", colors))
          lines += table(here.filter { $0.epsilon == epsilon }, title: "method", colors) {
            $0.method
          }
          lines.append("")
        }
      case .epsilon:
        for method in methods where here.contains(where: { $0.method == method }) {
          lines.append(heading(method, colors))
          lines += table(here.filter { $0.method == method }, title: "ε", colors) {
            $0.epsilon.label
          }
          lines.append("")
        }
      case .cluster:
        for epsilon in epsilons {
          for cell in here where cell.epsilon == epsilon {
            lines.append(
              heading("\(cell.method), ε \(epsilon.label), n = \(cell.runs.count)", colors))
            lines += clusterTable(cell, colors)
            lines += (cell.clusteringDiagnostics?.sentences ?? []).flatMap(Self.wrapped)
            lines.append("")
          }
        }
      }
      lines += frontierLines(settings)
    }
    if order == .method { lines += contrastLines }
    lines.append(
      "Accuracies in per cent, mean over n seeds with a 95 % bootstrap interval; * best of its "
        + "table,")
    lines.append("not counting the oracle. With few seeds the intervals are too narrow.")
    if order != .cluster {
      lines.append("found: seeds in which every minority cluster had a model of its own.")
    }
    if !unfinished.isEmpty {
      lines += Self.wrapped("Left out without a result: \(unfinished.joined(separator: ", "))")
    }
    return lines
  }

  private func heading(_ text: String, _ colors: Bool) -> String {
    TextStyle.bold.applied(to: text.printable.shortened(to: 98), colors: colors)
  }

  private func table(
    _ cells: [ComparisonCell], title: String, _ colors: Bool, label: (ComparisonCell) -> String
  ) -> [String] {
    let metrics: [RunMetric] = [
      .worstClusterAccuracy, .minorityAccuracy, .accuracyGap, .clientMeanAccuracy, .ari,
    ]
    var table = TextTable([
      (title, .left), ("n", .right), ("worst cluster", .right), ("minority", .right),
      ("gap", .right), ("mean", .right), ("ARI", .right), ("found", .right), ("price", .right),
    ])
    let best = metrics.map { metric -> Double? in
      let means = cells.filter { !$0.isOracle }.compactMap { $0.estimate(metric).mean }
      return means.count < 2 ? nil : metric.isBetterHigh ? means.max() : means.min()
    }
    for cell in cells {
      var row = [
        TextTable.Cell(label(cell).shortened(to: 18)), "\(cell.runs.count)",
      ]
      for (metric, best) in zip(metrics, best) {
        let estimate = cell.estimate(metric)
        let isBest = !cell.isOracle && best != nil && estimate.mean == best
        let text =
          switch metric {
          case .worstClusterAccuracy, .minorityAccuracy: Self.interval(estimate)
          case .ari: NumberText.decimal(estimate.mean, 2)
          default: Self.percent(estimate.mean)
          }
        row.append(TextTable.Cell(isBest ? text + " *" : text, isBest ? .good : .plain))
      }
      row.append("\(Self.detections(cell))")
      row.append("\(Self.percent(priceOfPrivacy(cell)?.cost.clientMean.mean))")
      table.add(row)
    }
    return table.lines(colors: colors)
  }

  private func clusterTable(_ cell: ComparisonCell, _ colors: Bool) -> [String] {
    var table = TextTable([
      ("true cluster", .left), ("clients", .right), ("accuracy", .right),
      ("price of privacy", .right), ("price of mistakes", .right), ("", .left),
    ])
    let price = priceOfPrivacy(cell)
    let mistakes = priceOfMistakes(cell)
    for (index, cluster) in cell.clusters.enumerated() {
      table.add([
        TextTable.Cell(cluster.name.shortened(to: 24), cluster.minority ? .marked : .plain),
        "\(cluster.clients)", "\(Self.interval(cell.accuracy(ofCluster: index)))",
        "\(Self.interval(price?.cost.clusters[index]))",
        "\(Self.interval(mistakes?.clusters[index]))",
        TextTable.Cell(cluster.minority ? "minority" : "", .marked),
      ])
    }
    var lines = table.lines(colors: colors)
    if let price {
      let ratio = price.minorityRatio
      lines += Self.wrapped(
        "\(NumberText.count(price.cost.pairs, "pair")) of seeds; minority over majority price "
          + (ratio.count > 0
            ? "\(NumberText.decimal(ratio.mean, 2)) (defined for \(ratio.count)), " : "undefined, ")
          + "F_acc \(Self.percent(price.accuracyUnfairness.mean)) points, F_loss "
          + "\(NumberText.decimal(price.lossUnfairness.mean, 3)).")
    }
    return lines
  }

  private func frontierLines(_ settings: String) -> [String] {
    let frontier = frontier(settings: settings)
    guard frontier.count > 1 else { return [] }
    let points = frontier.map {
      "ε \($0.epsilon.label) \($0.method) \(Self.percent($0.worstClusterAccuracy))"
    }
    var lines = Self.wrapped(
      "Frontier of worst-cluster accuracy: " + points.joined(separator: ", ") + ".")
    if let knee = knee(settings: settings) {
      lines += Self.wrapped(
        "Knee: ε \(knee.epsilon.label) with \(knee.method); beyond it more ε buys less.")
    }
    return lines + [""]
  }

  private var contrastLines: [String] {
    let contrasts = contrasts()
    guard !contrasts.isEmpty else { return [] }
    let lines = contrasts.map { contrast in
      let difference = contrast.comparison.difference
      return "  ε \(contrast.epsilon.label): \(contrast.best) over \(contrast.other) "
        + "\(Self.interval(difference)) points, n \(difference.count), p "
        + NumberText.decimal(contrast.comparison.pValue, 3)
        + (contrast.settings.isEmpty ? "" : " (\(contrast.settings))")
    }
    return ["Worst cluster, best method against the others, paired by seed (sign-flip test):"]
      + lines.map { $0.printable.shortened(to: 98) } + [""]
  }

  // MARK: - Figures

  /// "63.2 (60.1–66.0)"; the mean alone where there is no interval.
  static func interval(_ estimate: SeedEstimate?) -> String {
    guard let estimate, let mean = estimate.mean else { return "–" }
    guard let lower = estimate.lower, let upper = estimate.upper else { return percent(mean) }
    let to = lower < 0 || upper < 0 ? " to " : "–"
    return "\(percent(mean)) (\(percent(lower))\(to)\(percent(upper)))"
  }

  static func percent(_ share: Double?) -> String {
    let text = NumberText.decimal(share.map { 100 * $0 }, 1)
    return text == "-0.0" ? "0.0" : text
  }

  /// In how many seeds the minority had a model of its own: "3/5".
  private static func detections(_ cell: ComparisonCell) -> String {
    let values = cell.runs.compactMap { RunMetric.minorityDetected.value(of: $0.result) }
    return values.isEmpty ? "–" : "\(values.count { $0 == 1 })/\(values.count)"
  }

  /// Lines of at most 98 columns, cut between words.
  static func wrapped(_ text: String) -> [String] {
    var lines = [""]
    for word in text.printable.split(separator: " ") {
      let last = lines.count - 1
      if lines[last].displayWidth + String(word).displayWidth + 1 > 98, !lines[last].isEmpty {
        lines.append("  \(word)")
      } else {
        lines[last] += (lines[last].isEmpty ? "" : " ") + word
      }
    }
    return lines
  }
}
