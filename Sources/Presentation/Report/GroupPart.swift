// The part of a report about groups of people: who is served how well, and how far apart they are.

import Analysis
import Clustering
import Federation
import Scenarios

extension ReportPage {
  /// Nil where no run knows groups.
  func groupPart(_ figure: (ReportChart) -> String) -> String? {
    let known = comparison.cells.filter { !$0.groups.isEmpty }
    guard !known.isEmpty else { return nil }
    var output = HTML.paragraph(
      "Groups go across clients: each person is served by the model of the own client. The intervals of a group "
        + "that has few test examples are wide, whatever the seeds say.")
    for settings in comparison.settings {
      let cells = known.filter { $0.settings == settings }
      guard !cells.isEmpty else { continue }
      output += settings.isEmpty ? "" : "<h3>\(settings.escaped)</h3>\n"
      output += figure(ComparisonCharts(comparison, settings: settings).groups(cells))
      output += GroupGaps.table(cells)
      output += GroupsWithinClusters.table(cells)
    }
    let warnings = GroupWarnings.sentences(known.first?.runs.first?.result.groups ?? [])
    return output + (warnings.isEmpty ? "" : HTML.list(warnings))
  }

}

/// How each group is served within each true cluster.
enum GroupsWithinClusters {
  /// The mean over seeds; empty with one cluster.
  static func table(_ cells: [ComparisonCell]) -> String {
    var rows: [[String]] = []
    var clusters: [String] = []
    for cell in cells {
      for group in cell.groups {
        let results = cell.results(of: group)
        guard let known = results.first?.byCluster else { continue }
        clusters = known.map(\.cluster)
        let means = known.indices.map { index in
          let shares = results.compactMap { result in
            result.byCluster.flatMap { $0.indices.contains(index) ? $0[index].accuracy : nil }
          }
          return shares.isEmpty
            ? "–" : Comparison.percent(shares.reduce(0, +) / Double(shares.count))
        }
        rows.append([group.label, cell.method, cell.markedEpsilon] + means)
      }
    }
    guard !rows.isEmpty else { return "" }
    return HTML.paragraph("Accuracy in % of each group within each true cluster, mean over seeds:")
      + HTML.table(["group", "method", "ε"] + clusters, rows)
  }
}

/// How far the groups of people are apart.
enum GroupGaps {
  static func table(_ cells: [ComparisonCell]) -> String {
    HTML.table(
      [
        "column", "method", "ε", "n", "worst group, %", "accuracy gap", "equalised-odds gap",
        "demographic-parity gap",
      ],
      cells.flatMap { cell in
        Comparison.unique(cell.groups.map(\.attribute)).map { attribute in
          [
            attribute, cell.method, cell.markedEpsilon, "\(cell.runs.count)",
            Comparison.interval(cell.gap(attribute, \.worstAccuracy)),
            Comparison.interval(cell.gap(attribute, \.accuracyGap)),
            Comparison.interval(cell.gap(attribute, \.equalizedOddsGap)),
            Comparison.interval(cell.gap(attribute, \.demographicParityGap)),
          ]
        }
      })
  }
}

/// What the live page shows of groups of people, once runs have ended.
struct WatchedGroups {
  /// HTML; empty where no run knows groups.
  let table: String
  let charts: [ReportChart]

  /// - Parameter settings: of the cells to show.
  init(_ comparison: Comparison, settings: String?) {
    let cells = comparison.cells.filter { $0.settings == settings && !$0.groups.isEmpty }
    guard let settings, !cells.isEmpty else {
      (table, charts) = ("", [])
      return
    }
    let warnings = GroupWarnings.sentences(cells[0].runs.first?.result.groups ?? [])
    table =
      HTML.paragraph("Groups of people, over all clients:") + GroupGaps.table(cells)
      + (warnings.isEmpty ? "" : HTML.list(warnings))
    charts = [ComparisonCharts(comparison, settings: settings).groups(cells)]
  }
}

extension ComparisonCharts {
  /// The accuracy of every group, groups below each other, methods as colours, a panel a budget.
  func groups(_ cells: [ComparisonCell]) -> ReportChart {
    let rows = cells.flatMap { cell in cell.groups.map { (cell: cell, group: $0) } }
    let names = Comparison.unique(rows.map { $0.group.label })
    let values = rows.compactMap { cell, group -> JSONValue? in
      let estimate = cell.estimate(.accuracy, of: group)
      guard estimate.mean != nil else { return nil }
      return [
        "method": .string(cell.method), "budget": BudgetPanels.title(cell.epsilon),
        "group": .string(group.label), "accuracy": VegaLite.percent(estimate.mean),
        "interval": .string(Comparison.interval(estimate)), "n": .integer(estimate.count),
        "tested": .integer(cell.results(of: group).first?.testExamples ?? 0),
        "epsilon": .string(cell.markedEpsilon), "allowed": .bool(!cell.allowedRules.isEmpty),
      ]
    }
    let row: JSONValue = [
      "field": "group", "type": "nominal", "title": .null,
      "sort": .array(names.map { .string($0) }), "axis": ["labelLimit": 150],
    ]
    let tooltip = VegaLite.tooltip([
      ("method", "method"), ("epsilon", "ε"), ("group", "group"), ("interval", "accuracy, %"),
      ("n", "seeds"), ("tested", "test examples"),
    ])
    let marks = AllowedMarks.points(
      ["y": row, "x": VegaLite.number("accuracy", "accuracy, %"), "tooltip": tooltip].merging(
        VegaLite.series("method", order: methods, methodColors)
      ) { $1 }, of: cells, opacity: 0.9)
    return ReportChart(
      id: "groups",
      caption: "The mean accuracy of every group of people over the seeds, by method."
        + AllowedMarks.caption(cells),
      specification: VegaLite.specification(
        "Accuracy of every group of people by method, a panel for each epsilon", values: values,
        layout: .balanced(budgets.count, least: 170, left: 170), legend: "bottom",
        body: BudgetPanels.body(
          budgets,
          panel: [
            "width": 200, "height": ["step": 22], "layer": VegaLite.layers(marks),
          ])),
      columns: ["group", "method", "ε", "n", "tested", "accuracy, %"],
      rows: rows.map { cell, group in
        [
          group.label, cell.method, cell.markedEpsilon, "\(cell.runs.count)",
          "\(cell.results(of: group).first?.testExamples ?? 0)",
          Comparison.interval(cell.estimate(.accuracy, of: group)),
        ]
      })
  }
}
