// The report: one HTML file without scripts and without network, for readers who never saw dpflsim.

import Clustering
import Federation
public import Foundation
import Privacy
import Scenarios

/// A comparison with one run in detail, as a page.
public struct ReportPage: Sendable {
  private let comparison: Comparison
  private let detail: Detail?

  /// The run that is shown by itself.
  private struct Detail: Sendable {
    let run: RunRecord
    let result: RunResult
    let clusterRounds: [ClusterRoundRecord]
    let ledger: [LedgerEntry]
    let notes: [String]
  }

  /// Reads the run that is shown by itself from the store.
  public init(_ comparison: Comparison, in store: RunStore) throws(StoreError) {
    self.comparison = comparison
    guard let shown = Self.shown(comparison) else {
      detail = nil
      return
    }
    let run = try store.run(named: shown.runID)
    detail = Detail(
      run: run, result: shown.result, clusterRounds: try store.clusterRounds(of: run.runID),
      ledger: try store.ledgerEntries(of: run.runID),
      notes: try store.details(of: run).notes)
  }

  /// The private run that serves the worst-off cluster best, of those that found clusters if there are
  /// any; else any run. Of its cell the first seed.
  private static func shown(_ comparison: Comparison) -> ComparedRun? {
    func rank(_ cell: ComparisonCell) -> (Int, Double) {
      let finds = cell.runs.first?.result.clustering != nil
      let score = (cell.epsilon.isNone ? 0 : 2) + (finds ? 4 : 0) + (cell.isOracle ? 0 : 1)
      return (score, cell.estimate(.worstClusterAccuracy).mean ?? -1)
    }
    return comparison.cells.max { rank($0) < rank($1) }?.runs.first
  }

  /// The whole page.
  public var html: String {
    let names = Comparison.unique(comparison.cells.flatMap { $0.runs.map(\.result.scenario) })
    let title = "dpflsim report: " + (names.isEmpty ? "no runs" : names.joined(separator: ", "))
    var body = "<h1>\(title.escaped)</h1>\n"
    body += HTML.heading("Findings")
    body +=
      comparison.findings.isEmpty
      ? HTML.paragraph("There is nothing to compare yet.") : HTML.list(comparison.findings)
    body += comparisonPart
    if let detail { body += runPart(detail) + privacyPart(detail) + originPart(detail) }
    body += HTML.heading("Glossary") + HTML.list(Self.glossary)
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      + "<title>\(title.escaped)</title>\n<style>\n\(HTML.style)</style>\n</head>\n<body>\n"
      + body + "</body>\n</html>\n"
  }
}

extension ReportPage {
  /// Writes the page in one step.
  public func write(to file: URL) throws(StoreError) {
    try AtomicFile.write(Data(html.utf8), to: file)
  }
}

// MARK: - Comparison

extension ReportPage {
  private var comparisonPart: String {
    var output = ""
    for settings in comparison.settings {
      let cells = comparison.cells.filter { $0.settings == settings }
      output += HTML.heading(
        "What the budget does" + (settings.isEmpty ? "" : ": \(settings)"))
      output += HTML.figure(
        comparison.frontierChart(settings: settings).svg,
        caption:
          "Accuracy of the worst-off cluster; bands are 95 % bootstrap intervals over seeds.",
        data: Self.cellTable(cells))
      for method in Comparison.unique(cells.map(\.method)) {
        let chart = comparison.priceChart(settings: settings, method: method).svg
        guard !chart.isEmpty else { continue }
        output += "<h3>\("What privacy costs with \(method)".escaped)</h3>\n"
        output += HTML.figure(
          chart,
          caption: "Accuracy without privacy minus accuracy with it, for each true cluster, paired "
            + "by seed.",
          data: priceTable(cells.filter { $0.method == method }))
      }
    }
    return output
  }

  private static func cellTable(_ cells: [ComparisonCell]) -> String {
    HTML.table(
      ["method", "ε", "n", "worst cluster, %", "minority, %", "gap", "mean, %", "ARI"],
      cells.map { cell in
        [
          cell.method, cell.epsilon.label, "\(cell.runs.count)",
          Comparison.interval(cell.estimate(.worstClusterAccuracy)),
          Comparison.interval(cell.estimate(.minorityAccuracy)),
          Comparison.percent(cell.estimate(.accuracyGap).mean),
          Comparison.percent(cell.estimate(.clientMeanAccuracy).mean),
          NumberText.decimal(cell.estimate(.ari).mean, 2),
        ]
      })
  }

  private func priceTable(_ cells: [ComparisonCell]) -> String {
    var rows: [[String]] = []
    for cell in cells {
      guard let price = comparison.priceOfPrivacy(cell) else { continue }
      for (index, cluster) in cell.clusters.enumerated() {
        rows.append([
          cluster.name, cell.epsilon.label, cluster.minority ? "yes" : "no",
          Comparison.interval(price.cost.clusters[index]), "\(price.cost.pairs)",
        ])
      }
    }
    return HTML.table(["true cluster", "ε", "minority", "price, points", "n"], rows)
  }
}

// MARK: - One run

extension ReportPage {
  private func runPart(_ detail: Detail) -> String {
    let result = detail.result
    let charts = RunCharts(result: result, clusterRounds: detail.clusterRounds)
    var output = HTML.heading("One run in detail")
    output += HTML.paragraph(
      "\(detail.run.runID): \(result.method), seed \(result.seed), "
        + "\(NumberText.count(result.rounds, "round")).")
    if !detail.notes.isEmpty { output += HTML.list(detail.notes) }
    output += HTML.figure(
      charts.rounds.svg, caption: "Test accuracy of every true cluster after each round.",
      data: HTML.table(
        ["round", "true cluster", "accuracy"],
        detail.clusterRounds.map {
          ["\($0.round)", $0.name, NumberText.percent($0.testAccuracy)]
        }))
    if let picture = charts.clustering {
      output += HTML.figure(
        picture.svg,
        caption: "Each mark is a client, where its first update lies; colour: its true cluster, "
          + "shape: the model that it ended with.",
        data: HTML.table(
          ["client", "true cluster", "model"],
          result.clients.map {
            ["\($0.client)", result.clusters[$0.cluster].name, "\($0.model)"]
          }))
    }
    output += HTML.figure(
      charts.clients.svg, caption: "Final test accuracy of every client.",
      data: HTML.table(
        ["client", "true cluster", "accuracy", "ε", "training examples"],
        result.clients.map {
          [
            "\($0.client)", result.clusters[$0.cluster].name, NumberText.percent($0.accuracy),
            NumberText.epsilon($0.epsilon), "\($0.trainExamples)",
          ]
        }))
    return output
  }

  /// What was released, and the appendix for a data protection impact assessment.
  private func privacyPart(_ detail: Detail) -> String {
    let result = detail.result
    var output = HTML.heading("Privacy ledger")
    let groups = Dictionary(grouping: detail.ledger) {
      "\($0.purpose.rawValue) / \($0.mechanism.rawValue)"
    }
    output += HTML.table(
      ["release / mechanism", "clients", "entries", "releases", "noise multipliers"],
      groups.sorted { $0.key < $1.key }.map { name, entries in
        let noise = entries.compactMap(\.noiseMultiplier)
        return [
          name, "\(Set(entries.compactMap(\.client)).count)", "\(entries.count)",
          "\(entries.reduce(0) { $0 + $1.count })",
          noise.isEmpty
            ? "–"
            : "\(NumberText.decimal(noise.min(), 3)) to \(NumberText.decimal(noise.max(), 3))",
        ]
      })
    output += HTML.heading("Appendix: for a data protection impact assessment")
    let epsilons = result.clients.compactMap(\.epsilon)
    let isPrivate = epsilons.count == result.clients.count && !epsilons.isEmpty
    output += HTML.list([
      "What is protected: one \(result.unit.rawValue) of one client; neighbouring data sets differ by "
        + "\(result.relation.rawValue); batches by \(result.sampling) sampling.",
      isPrivate
        ? "Guarantee of this run: every client's ε is at most \(NumberText.epsilon(epsilons.max())) "
          + "at δ \(NumberText.exact(result.clients.map(\.delta).max())), all its releases together."
        : "Guarantee of this run: none for \(result.clients.count - epsilons.count) of "
          + "\(result.clients.count) clients; they trained without noise.",
      "The bound was computed by: "
        + Set(result.clients.compactMap(\.accountant)).sorted().joined(separator: ", ") + ".",
      "Who sees what: clients release noisy updates and, where the method lets them choose, a noisy "
        + "choice of model. The accuracies in this report are seen by the simulator alone and are not "
        + "covered by ε.",
      "Residual risk: ε bounds how much one example changes what is released; it does not hide facts "
        + "that many examples share, and it says nothing of who takes part.",
      "Effect on groups: the table of prices above says what privacy costs each cluster, minorities "
        + "marked.",
      "This is a simulation with the data named in the scenario. Other data need their own run.",
    ])
    return output
  }

  private func originPart(_ detail: Detail) -> String {
    let scenario = (try? JSONValue(parsing: Data(detail.run.scenarioJSON.utf8)))?.prettyText
    return HTML.heading("Where the numbers come from")
      + HTML.list([
        "dpflsim \(detail.run.version) on \(detail.run.machine).",
        "Scenario hash \(detail.run.scenarioHash), result digest \(detail.result.resultDigest).",
        "Intervals: percentile bootstrap over seeds with 2000 resamples; pairs share seed, data, "
          + "initial model and batches.",
      ])
      + "<details><summary>The whole scenario of the run in detail</summary>\n<pre>"
      + (scenario ?? detail.run.scenarioJSON).split(
        separator: "\n", omittingEmptySubsequences: false
      )
      .map { String($0).escaped }.joined(separator: "\n") + "</pre></details>\n"
      + HTML.heading("The runs behind this report")
      + HTML.table(
        ["run", "method", "ε", "seed", "settings"],
        comparison.cells.flatMap { cell in
          cell.runs.map {
            [$0.runID, cell.method, cell.epsilon.label, "\($0.result.seed)", cell.settings]
          }
        })
  }

  private static let glossary = [
    "ε (epsilon): how much one example can change what is released; smaller is more private. none: no "
      + "noise was added.",
    "δ (delta): the probability with which the bound ε may fail.",
    "client: somebody who holds data and trains on them; cluster: clients whose data are alike.",
    "worst-off cluster: the true cluster with the lowest mean accuracy of its clients.",
    "minority: a cluster that the scenario marks as one, usually with few clients.",
    "price of privacy: accuracy without privacy minus accuracy with it, of the same method and seed.",
    "ARI: agreement of found and true clusters; 1 is perfect, 0 is what chance gives.",
    "oracle: a method that is told the true clusters, which nobody knows in practice.",
    "noise multiplier: standard deviation of the noise over the bound to which gradients are clipped.",
    "seed: the number from which all random draws of a run follow; n: how many seeds a mean has.",
  ]
}
