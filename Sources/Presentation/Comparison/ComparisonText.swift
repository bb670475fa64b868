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
  ///
  /// - Parameter spread: what stands beside means over seeds.
  public func lines(
    by order: ComparisonOrder, spread: Spread = .interval, colors: Bool
  ) -> [String] {
    guard !cells.isEmpty else {
      return ["There are no finished runs to compare; `dpflsim sweep` makes some."]
    }
    if order == .group, cells.allSatisfy(\.groups.isEmpty) {
      return ["These runs know no groups of people; data.group_columns of a table names them."]
    }
    var lines: [String] = []
    let blocks = blocks(by: order, spread)
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
    lines += spread.legend.wrapped()
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
  func blocks(by order: ComparisonOrder, _ spread: Spread) -> [ComparisonBlock] {
    if case .setting(let path) = order { return settingBlocks(path, spread) }
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
              table: table(own, spread, title: "method") { $0.method })
        }
      case .epsilon:
        return methods.compactMap { method in
          let own = here.filter { $0.method == method }
          return own.isEmpty
            ? nil
            : ComparisonBlock(
              settings: settings, heading: method,
              table: table(own, spread, title: "ε", label: \.epsilon.label))
        }
      case .cluster:
        return epsilons.flatMap { epsilon in
          here.filter { $0.epsilon == epsilon }.map { clusterBlock($0, spread) }
        }
      case .group:
        return epsilons.flatMap { epsilon in
          here.filter { $0.epsilon == epsilon }.compactMap { groupBlock($0, spread) }
        }
      }
    }
  }

  private func settingBlocks(_ path: String, _ spread: Spread) -> [ComparisonBlock] {
    series(over: path).map { series in
      ComparisonBlock(
        settings: "",
        heading: series.name
          + (series.epsilon.isNone ? ", without privacy" : ", ε \(series.epsilon.label)"),
        table: table(series.cells, spread, title: path) { $0.varied[path] ?? "–" })
    }
  }

  private func heading(_ text: String, _ colors: Bool) -> String {
    TextStyle.bold.applied(to: text.printable.shortened(to: String.terminalWidth), colors: colors)
  }

  private func clusterBlock(_ cell: ComparisonCell, _ spread: Spread) -> ComparisonBlock {
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
      table: partyTable(cell, spread), notes: notes)
  }

  /// The true clusters, or the clients where all are of one, with what privacy and wrong clusters cost each.
  private func partyTable(_ cell: ComparisonCell, _ spread: Spread) -> TextTable {
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
            "\(Self.text(cell.accuracy(of: party), spread))",
            "\(Self.text(priceOfPrivacy(cell, of: party), spread))",
            "\(Self.text(priceOfMistakes(cell, of: party), spread))",
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
}
