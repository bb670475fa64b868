// Comparisons as tables that fit eighty columns.

public import Analysis
import Clustering
import Federation
import Formatting

/// How the rows of a comparison are arranged.
public enum ComparisonOrder: Sendable, Hashable {
  /// Methods side by side, a table for each ε.
  case method
  /// Budgets below each other, a table for each method.
  case epsilon
  /// True clusters, with what privacy and wrong clusters cost each.
  case cluster
  /// Groups of people, with how far apart they are.
  case group
  /// The values of a setting such as `adapter.r` below each other, a table for each method and ε.
  case setting(String)

  /// `method`, `epsilon`, `cluster`, `group`, or the path of a setting.
  public init(_ text: String) {
    self =
      switch text {
      case "method": .method
      case "epsilon": .epsilon
      case "cluster": .cluster
      case "group": .group
      default: .setting(text)
      }
  }
}

/// A table of a comparison with what stands above and below it.
struct ComparisonBlock {
  /// Of the runs with equal settings; empty where there is only one such group.
  let settings: String
  let heading: String
  let table: TextTable
  var notes: [String] = []
}

extension Comparison {
  /// The comparison for a terminal.
  public func lines(by order: ComparisonOrder, colors: Bool) -> [String] {
    guard !cells.isEmpty else {
      return ["There are no finished runs to compare; `dpflsim sweep` makes some."]
    }
    if order == .group, cells.allSatisfy(\.groups.isEmpty) {
      return ["These runs know no groups of people; data.group_columns of a table names them."]
    }
    var lines: [String] = []
    let blocks = blocks(by: order)
    for settings in Self.unique(blocks.map(\.settings)) {
      if !settings.isEmpty {
        for line in settings.printable.wrapped() { lines.append(heading(line, colors)) }
        lines.append("")
      }
      for block in blocks where block.settings == settings {
        lines.append(heading(block.heading, colors))
        lines += block.table.lines(colors: colors)
        lines += block.notes.flatMap { $0.printable.wrapped() } + [""]
      }
      switch order {
      case .setting, .group: continue
      case .method, .epsilon, .cluster: lines += frontierLines(settings)
      }
    }
    if order == .method { lines += contrastLines }
    lines +=
      ("Accuracies in per cent, mean over n seeds with a 95 % interval; * best of its "
      + "table, not counting the oracle. Intervals are Student's; one or two seeds have none.")
      .wrapped()
    if order != .cluster, order != .group {
      lines +=
        ("found: seeds in which every minority cluster had a model of its own. `--format csv` has every metric.")
        .wrapped()
    }
    if let legend = Self.allowedLegend(cells) { lines += legend.printable.wrapped() }
    if !unfinished.isEmpty {
      lines +=
        "Left out without a result: \(unfinished.joined(separator: ", "))".printable.wrapped()
    }
    return lines
  }

  /// The tables in the order in which they are shown.
  func blocks(by order: ComparisonOrder) -> [ComparisonBlock] {
    if case .setting(let path) = order { return settingBlocks(path) }
    return settings.flatMap { settings -> [ComparisonBlock] in
      let here = cells.filter { $0.settings == settings }
      switch order {
      case .method, .setting:
        return epsilons.compactMap { epsilon in
          let own = here.filter { $0.epsilon == epsilon }
          return own.isEmpty
            ? nil
            : ComparisonBlock(
              settings: settings, heading: "ε \(epsilon.label)",
              table: table(own, title: "method") { $0.method })
        }
      case .epsilon:
        return methods.compactMap { method in
          let own = here.filter { $0.method == method }
          return own.isEmpty
            ? nil
            : ComparisonBlock(
              settings: settings, heading: method,
              table: table(own, title: "ε", label: \.epsilon.label))
        }
      case .cluster:
        return epsilons.flatMap { epsilon in
          here.filter { $0.epsilon == epsilon }.map { clusterBlock($0) }
        }
      case .group:
        return epsilons.flatMap { epsilon in
          here.filter { $0.epsilon == epsilon }.compactMap { groupBlock($0) }
        }
      }
    }
  }

  private func settingBlocks(_ path: String) -> [ComparisonBlock] {
    series(over: path).map { series in
      ComparisonBlock(
        settings: "",
        heading: series.name
          + (series.epsilon.isNone ? ", without privacy" : ", ε \(series.epsilon.label)"),
        table: table(series.cells, title: path) { $0.varied[path] ?? "–" })
    }
  }

  private func heading(_ text: String, _ colors: Bool) -> String {
    TextStyle.bold.applied(to: text.printable.shortened(to: String.terminalWidth), colors: colors)
  }

  private func table(
    _ cells: [ComparisonCell], title: String, label: (ComparisonCell) -> String
  ) -> TextTable {
    let metrics: [RunMetric] = [
      worstOff.metric, .minorityAccuracy, .clientMeanAccuracy, .ari,
    ]
    var table = TextTable([
      (title, .left), ("n", .right), (worstOff.heading, .right), ("minority", .right),
      ("mean", .right), ("ARI", .right), ("found", .right), ("price", .right),
    ])
    let best = metrics.map { metric -> Double? in
      let means = cells.filter { !$0.isOracle }.compactMap { $0.estimate(metric).mean }
      return means.count < 2 ? nil : metric.isBetterHigh ? means.max() : means.min()
    }
    for cell in cells {
      var row = [
        TextTable.Cell(
          label(cell).shortened(to: 18) + (cell.allowedRules.isEmpty ? "" : AllowedText.mark)),
        "\(cell.runs.count)",
      ]
      for (metric, best) in zip(metrics, best) {
        let estimate = cell.estimate(metric)
        let isBest = !cell.isOracle && best != nil && estimate.mean == best
        let text =
          switch metric {
          case worstOff.metric: Self.interval(estimate)
          case .ari: NumberText.decimal(estimate.mean, 2)
          default: Self.percent(estimate.mean)
          }
        row.append(TextTable.Cell(isBest ? text + " *" : text, isBest ? .good : .plain))
      }
      row.append("\(Self.detections(cell))")
      row.append("\(Self.percent(priceOfPrivacy(cell)?.cost.clientMean.mean))")
      table.add(row)
    }
    return table
  }

  private func clusterBlock(_ cell: ComparisonCell) -> ComparisonBlock {
    var notes: [String] = []
    if let price = priceOfPrivacy(cell) {
      let ratio = price.minorityRatio
      notes.append(
        "\(NumberText.count(price.cost.pairs, "pair")) of seeds; minority over majority price "
          + (ratio.count > 0
            ? "\(NumberText.decimal(ratio.mean, 2)) (defined for \(ratio.count)), " : "undefined, ")
          + "F_acc \(Self.percent(price.accuracyUnfairness.mean)) points, F_loss "
          + "\(NumberText.decimal(price.lossUnfairness.mean, 3)).")
    }
    notes += cell.clusteringDiagnostics?.sentences ?? cell.foundGroups?.sentences ?? []
    return ComparisonBlock(
      settings: cell.settings,
      heading: "\(cell.method), ε \(cell.markedEpsilon), n = \(cell.runs.count)",
      table: partyTable(cell), notes: notes)
  }

  /// The true clusters, or the clients where all are of one, with what privacy and wrong clusters cost each.
  private func partyTable(_ cell: ComparisonCell) -> TextTable {
    let compared = ComparedParties(of: [cell])
    var table = TextTable(
      [(compared.noun, .left)] + (compared.areClients ? [] : [("clients", .right)])
        + [
          ("accuracy", .right), ("price of privacy", .right), ("price of mistakes", .right),
          ("", .left),
        ])
    for (index, party) in compared.parties.enumerated() {
      let cluster = compared.areClients ? nil : cell.clusters[index]
      let isMinority = cluster?.minority ?? false
      table.add(
        [
          TextTable.Cell(
            (cluster?.name ?? party.name).shortened(to: 24), isMinority ? .marked : .plain)
        ] + (cluster.map { ["\($0.clients)"] } ?? [])
          + [
            "\(Self.interval(cell.accuracy(of: party)))",
            "\(Self.interval(priceOfPrivacy(cell, of: party)))",
            "\(Self.interval(priceOfMistakes(cell, of: party)))",
            TextTable.Cell(isMinority ? "minority" : "", .marked),
          ])
    }
    return table
  }

  private func frontierLines(_ settings: String) -> [String] {
    let frontier = frontier(settings: settings)
    guard frontier.count > 1 else { return [] }
    let points = frontier.map {
      "ε \($0.epsilon.label) \($0.method) \(Self.percent($0.worstOffAccuracy))"
    }
    var lines =
      ("Frontier of the \(worstOff.noun)'s accuracy: " + points.joined(separator: ", ") + ".")
      .printable.wrapped()
    if let knee = knee(settings: settings) {
      lines +=
        "Knee: ε \(knee.epsilon.label) with \(knee.method); beyond it more ε buys less."
        .printable.wrapped()
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
        + (contrast.adjustedPValue.map { ", Holm's p \(NumberText.decimal($0, 3))" } ?? "")
        + (contrast.comparison.effect.map { ", g \(Self.effect($0))" } ?? "")
        + (contrast.settings.isEmpty ? "" : " (\(contrast.settings))")
    }
    let isCorrected = contrasts.contains { $0.adjustedPValue != nil }
    let legend =
      (isCorrected
        ? [
          "Holm's p holds for all \(contrasts.count) comparisons together; the plain one for one alone."
        ] : [])
      + (contrasts.contains { $0.comparison.effect != nil }
        ? ["g: the difference over its standard deviation among seeds, with its 95 % interval."]
        : [])
    let title = worstOff.heading.prefix(1).uppercased() + worstOff.heading.dropFirst()
    return ["\(title), best method against the others, paired by seed (sign-flip test):"]
      + legend.map { "  " + $0 } + lines.flatMap { $0.printable.wrapped() } + [""]
  }

  // MARK: - Figures

  /// In how many seeds the minority had a model of its own: "3/5".
  private static func detections(_ cell: ComparisonCell) -> String {
    let values = cell.runs.compactMap { RunMetric.minorityDetected.value(of: $0.result) }
    return values.isEmpty ? "–" : "\(values.count { $0 == 1 })/\(values.count)"
  }
}
