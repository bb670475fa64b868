// The parts of a report that compare runs: budgets, who gets what, and the clusters that were found.

import Analysis
import Clustering
import Federation
import Formatting
import Store

extension ReportPage {
  func budgetPart(_ figure: (ReportChart) -> String) -> String {
    var output = ""
    for settings in comparison.settings {
      let charts = ComparisonCharts(comparison, settings: settings)
      output += Self.heading(settings) + figure(charts.frontier)
      if let prices = charts.prices { output += figure(prices) + priceTable(settings) }
    }
    return output
  }

  func fairnessPart(_ figure: (ReportChart) -> String) -> String {
    var output = ""
    for settings in comparison.settings {
      output += Self.heading(settings)
      output += figure(ComparisonCharts(comparison, settings: settings).clusters)
      for epsilon in comparison.epsilons {
        let cells = comparison.cells.filter { $0.settings == settings && $0.epsilon == epsilon }
        guard !cells.isEmpty else { continue }
        output +=
          "<h3>\((epsilon.isNone ? "Without privacy" : "ε = \(epsilon.label)").escaped)</h3>\n"
        output += summaryTable(cells)
        output += HTML.details(
          "All metrics, unweighted and sample-weighted", Self.metricTable(cells))
      }
    }
    return output
  }

  /// What clustering did in every cell, and the inside of the cell whose run is shown.
  func clusterPart(_ detail: Detail, _ figure: (ReportChart) -> String) -> String {
    let found = comparison.cells.compactMap { cell in
      cell.clusteringDiagnostics.map { (cell, $0) }
    }
    let unknown = unknownClusters
    guard !found.isEmpty || !unknown.isEmpty else {
      return HTML.paragraph("No method of this report looks for clusters.")
    }
    var output = unknown
    if !found.isEmpty { output += agreementTable(found) }
    if let chart = detail.diagnostics?.chart {
      output +=
        "<h3>How many clusters? The runs of \(detail.result.method.escaped) like the one "
        + "shown below</h3>\n" + figure(chart)
    }
    let shown = found.map(\.0) + comparison.cells.filter { $0.foundGroups != nil }
    return output + (Comparison.allowedLegend(shown).map(HTML.paragraph) ?? "")
  }

  /// More groups of one cell than this are not listed.
  private static let mostGroups = 12

  /// Who was put together where nobody knows true clusters; empty where somebody does.
  private var unknownClusters: String {
    let cells = comparison.cells.compactMap { cell in cell.foundGroups.map { (cell, $0) } }
    guard !cells.isEmpty else { return "" }
    let rows = cells.flatMap { cell, found in
      found.groups.prefix(Self.mostGroups).map { group in
        [
          Self.name(cell), cell.markedEpsilon, found.names(group), found.frequency(group),
        ]
      }
    }
    let cut = cells.filter { $1.groups.count > Self.mostGroups }
    let remarks =
      cells.compactMap { cell, found in
        found.caution.map { "\(comparison.name(of: cell)): \($0)" }
      }
      + cut.map { cell, found in
        "\(comparison.name(of: cell)): \(found.groups.count - Self.mostGroups) rarer groups are left out."
      }
    return HTML.paragraph(
      "Nobody knows true clusters of these clients, so what was found is compared with nothing: each row is a group "
        + "of clients that ended with one model, and in how many seeds.")
      + HTML.table(["method", "ε", "clients put together", "seeds"], rows)
      + (remarks.isEmpty ? "" : HTML.list(remarks))
  }

  /// How the clusters found agree with the true ones.
  private func agreementTable(_ found: [(ComparisonCell, ClusteringDiagnostics)]) -> String {
    var output = HTML.table(
      [
        "method", "ε", "n", "ARI", "NMI", "purity", "minority found", "soft up to round",
        "models", "EM iterations",
      ],
      found.map { cell, diagnostics in
        let chosen = diagnostics.candidates.filter { $0.chosen > 0 }
        return [
          Self.name(cell), cell.markedEpsilon, "\(diagnostics.runs)",
          NumberText.decimal(diagnostics.ari.mean, 2), NumberText.decimal(diagnostics.nmi.mean, 2),
          NumberText.decimal(diagnostics.purity.mean, 2),
          diagnostics.detections.of == 0
            ? "–" : "\(diagnostics.detections.found) of \(diagnostics.detections.of)",
          diagnostics.switchText ?? "–",
          chosen.isEmpty
            ? "–" : chosen.map { "\($0.clusters) (× \($0.chosen))" }.joined(separator: ", "),
          chosen.isEmpty
            ? "–"
            : chosen.map { NumberText.decimal($0.emIterations.mean, 0) }.joined(separator: ", "),
        ]
      })
    let wrong = found.filter { !$0.1.misassigned.isEmpty }
    output += "<h3>Clients that ended with a wrong cluster</h3>\n"
    output +=
      wrong.isEmpty
      ? HTML.paragraph("None.")
      : HTML.table(
        ["method", "ε", "clients", "in any seed"],
        wrong.map {
          [
            Self.name($0), $0.markedEpsilon, "\($0.runs.first?.result.clients.count ?? 0)",
            "\($1.misassigned.count)",
          ]
        })
        + HTML.details(
          "Which clients, in which seeds",
          HTML.list(
            wrong.map {
              "\(comparison.name(of: $0)): \($1.misassignedTexts.joined(separator: ", "))."
            }))
    return output
  }

  private static func heading(_ settings: String) -> String {
    settings.isEmpty ? "" : "<h3>\(settings.escaped)</h3>\n"
  }

  private static func name(_ cell: ComparisonCell) -> String {
    cell.settings.isEmpty ? cell.method : "\(cell.settings), \(cell.method)"
  }

  private var summary: [(title: String, metric: RunMetric)] {
    [
      ("\(comparison.worstOff.heading), %", comparison.worstOff.metric),
      ("minority, %", .minorityAccuracy),
      ("mean of clients, %", .clientMeanAccuracy), ("gap", .accuracyGap),
      ("lowest 10 % of clients", .bottom10Mean), ("std of clients", .accuracyStd),
      ("loss disparity", .lossDisparity), ("equalised-odds gap", .equalizedOddsGap),
    ]
  }

  private func summaryTable(_ cells: [ComparisonCell]) -> String {
    let summary = summary
    let best = summary.indices.reduce(into: Set<[Int]>()) { marks, column in
      let metric = summary[column].metric
      let means = cells.map { $0.isRanked ? Self.mean(of: metric, in: $0) : nil }
      let known = means.compactMap { $0 }
      guard known.count > 1, let top = metric.isBetterHigh ? known.max() : known.min() else {
        return
      }
      for (row, mean) in means.enumerated() where mean == top { marks.insert([row, column + 2]) }
    }
    return HTML.table(
      ["method", "n"] + summary.map(\.title),
      cells.map { cell in
        [cell.marked(cell.method), "\(cell.runs.count)"]
          + summary.map { column in
            switch column.metric {
            case .worstClusterAccuracy, .worstClientAccuracy, .minorityAccuracy:
              Comparison.interval(cell.estimate(column.metric))
            default: column.metric.text(Self.mean(of: column.metric, in: cell))
            }
          }
      }, best: best)
  }

  /// Every metric of docs/metrics.md, a column a method.
  private static func metricTable(_ cells: [ComparisonCell]) -> String {
    HTML.table(
      ["metric"] + cells.map { $0.marked($0.method) },
      RunMetric.named.map { name, metric, weighting in
        [name] + cells.map { metric.text(mean(of: metric, in: $0, by: weighting)) }
      })
  }

  /// Over the seeds; nil too for a difference between clusters where there is one, or nobody knows any.
  private static func mean(
    of metric: RunMetric, in cell: ComparisonCell, by weighting: Weighting = .clients
  ) -> Double? {
    let isDifference = metric == .accuracyGap || metric == .lossDisparity
    guard !isDifference || cell.clusters.count > 1 else { return nil }
    return cell.estimate(metric, by: weighting).mean
  }

  /// The summary of prices: on average, minority over majority, and how unequal over clients.
  private func priceTable(_ settings: String) -> String {
    let priced = comparison.cells.filter { $0.settings == settings }.compactMap { cell in
      comparison.priceOfPrivacy(cell).map { (cell, $0) }
    }
    let rows = priced.map { cell, price in
      [
        cell.method, cell.markedEpsilon, "\(price.cost.pairs)",
        Comparison.interval(price.cost.clientMean),
        price.minorityRatio.count == 0
          ? "–"
          : "\(NumberText.decimal(price.minorityRatio.mean, 2)) (n = \(price.minorityRatio.count))",
        Comparison.percent(price.accuracyUnfairness.mean),
        NumberText.decimal(price.lossUnfairness.mean, 3),
        Comparison.interval(comparison.priceOfMistakes(cell)?.clientMean),
      ]
    }
    return HTML.details(
      "The price of privacy in figures",
      HTML.table(
        [
          "method", "ε", "n", "price, points", "minority over majority", "F_acc, points", "F_loss",
          "price of mistakes, points",
        ], rows))
  }
}
