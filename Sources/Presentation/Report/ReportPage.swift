// The report: one HTML file that needs no network, for readers who never saw dpflsim.

public import Analysis
import Clustering
import Federation
import Formatting
public import Foundation
import Privacy
import Scenarios
public import Store

/// A comparison with one run in detail, as a page.
public struct ReportPage: Sendable {
  let comparison: Comparison
  let detail: Detail?
  /// Of the scenarios that are compared, the latest first.
  let audits: [StoredAudit]
  /// By scenario.
  let selectionPrices: [String: SelectionPrice]
  private let runtime: ChartRuntime?

  /// The run that is shown by itself.
  struct Detail: Sendable {
    let run: RunRecord
    let result: RunResult
    /// The run of the same seed, method and settings without privacy.
    let reference: RunResult?
    let diagnostics: ClusteringDiagnostics?
    let clusterRounds: [ClusterRoundRecord]
    let ledger: [LedgerEntry]
    let spending: Spending?
    let notes: [String]
    /// By number of the client.
    let clientNames: [String]
    let protects: ProtectedUnit
  }

  /// Reads the run that is shown by itself from the store.
  ///
  /// - Parameter runtime: draws the charts; without it the page says so, and the numbers of every chart
  ///   stand open as tables.
  public init(
    _ comparison: Comparison, in store: RunStore, runtime: ChartRuntime?
  ) throws(StoreError) {
    self.comparison = comparison
    self.runtime = runtime
    audits = try store.latestAudits(ofScenarios: comparison.scenarios)
    var prices: [String: SelectionPrice] = [:]
    for advice in comparison.advice {
      prices[advice.scenario] = try store.selectionPrice(of: advice, in: comparison)
    }
    selectionPrices = prices
    guard let cell = Self.shown(comparison), let shown = cell.runs.first else {
      detail = nil
      return
    }
    let run = try store.run(named: shown.runID)
    // Nil where this version cannot read the scenario any more.
    let scenario = try? store.scenario(of: run)
    let ledger = try store.ledgerEntries(of: run.runID)
    detail = Detail(
      run: run, result: shown.result,
      reference: comparison.withoutPrivacy(cell)?.run(seed: shown.result.seed)?.result,
      diagnostics: cell.clusteringDiagnostics,
      clusterRounds: try store.clusterRounds(of: run.runID),
      ledger: ledger,
      spending: scenario.flatMap { Spending(shown.result, ledger: ledger, scenario: $0) },
      notes: try store.details(of: run).notes,
      clientNames: scenario?.clientNames ?? [],
      protects: scenario.map { ProtectedUnit(of: $0) }
        ?? (shown.result.unit == .client ? .client : .example))
  }

  /// The cell of which the first seed is shown: the recommended one, or else private, with a method that found clusters if there is
  /// one, at the knee of the frontier if it has one, and among those the best for the worst-off cluster.
  private static func shown(_ comparison: Comparison) -> ComparisonCell? {
    if let chosen = comparison.scenarios.first.flatMap({ comparison.advice(for: $0).chosen }) {
      return chosen
    }
    let knees = comparison.settings.compactMap {
      comparison.knee(settings: $0)?.epsilon
    }
    func rank(_ cell: ComparisonCell) -> (Int, Double) {
      let traits = [
        cell.runs.first?.result.clustering != nil, !cell.epsilon.isNone, cell.isRanked,
        knees.contains(cell.epsilon),
      ]
      let score = traits.reduce(0) { 2 * $0 + ($1 ? 1 : 0) }
      return (score, cell.worstMean ?? -1)
    }
    return comparison.cells.max { rank($0) < rank($1) }
  }

  /// The whole page.
  public var html: String {
    let title = "dpflsim report: " + (scenarios.isEmpty ? "no runs" : scenarios)
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      + "<meta http-equiv=\"Content-Security-Policy\" content=\"\(HTML.policy)\">\n"
      + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      + "<title>\(title.escaped)</title>\n<style>\n\(HTML.style)</style>\n</head>\n<body>\n"
      + head + sections.map(\.html).joined() + (runtime?.elements ?? "") + "</body>\n</html>\n"
  }

  private var scenarios: String {
    comparison.scenarios.joined(separator: ", ")
  }

  private var head: String {
    var output = "<h1>\((scenarios.isEmpty ? "No runs" : scenarios).escaped)</h1>\n"
    output += "<p class=\"lead\">\(lead.escaped)</p>\n"
    output += "<nav>"
    for section in sections {
      output += "<a href=\"#\(section.id)\">\(section.title.escaped)</a> "
    }
    output += "</nav>\n"
    if runtime == nil {
      output +=
        "<p class=\"notice\">"
        + ("This report was made without the Vega runtime, so its charts are not drawn; the numbers "
        + "of each stand in a table. `tools/setup` installs the runtime.").marked + "</p>\n"
    } else {
      output +=
        "<noscript><p class=\"notice\">The charts are drawn by a script in this file, and "
        + "scripts are off. The numbers of each chart stand below it.</p></noscript>\n"
    }
    return output
  }

  /// What was compared, in a line.
  private var lead: String {
    let runs = comparison.cells.flatMap(\.runs)
    var parts = ["Differentially private clustered federated learning, simulated"]
    if comparison.scenarios.count > 1 {
      parts.append(NumberText.count(comparison.scenarios.count, "scenario"))
    } else if let result = detail?.result {
      let minority = result.clusters.filter(\.minority).reduce(0) { $0 + $1.clients }
      parts.append(
        "\(NumberText.count(result.clients.count, "client")) in "
          + NumberText.count(result.clusters.count, "cluster")
          + (minority > 0 ? ", \(minority) of them in a minority" : ""))
    }
    parts.append(
      "\(NumberText.count(runs.count, "run")): \(NumberText.count(comparison.methods.count, "method")), "
        + "\(NumberText.count(comparison.epsilons.count, "budget")), "
        + NumberText.count(Set(runs.map(\.result.seed)).count, "seed"))
    return parts.joined(separator: ". ") + "."
  }

  /// A part of the page with a place to link to.
  struct Section {
    let id: String
    let title: String
    let content: String

    var html: String {
      "<section id=\"\(id)\">\n<h2>\(title.escaped)</h2>\n\(content)</section>\n"
    }
  }

  private var sections: [Section] {
    let findings = comparison.findings
    let figure: (ReportChart) -> String = { HTML.figure($0, isDrawn: runtime != nil) }
    var sections = [
      Section(id: "answer", title: "The answer", content: answerPart),
      Section(
        id: "findings", title: "Findings",
        content: findings.isEmpty
          ? HTML.paragraph("There is nothing to compare yet.")
          : HTML.list(findings, of: "findings")),
    ]
    let settings = comparison.axes.compactMap { path in
      comparison.chart(over: path).map { (path, $0) }
    }
    if !settings.isEmpty {
      sections.append(
        Section(
          id: "settings", title: "What the settings do",
          content: settings.map { "<h3><code>\($0.escaped)</code></h3>\n" + figure($1) }.joined()))
    }
    sections += [
      Section(id: "budget", title: "What the budget does", content: budgetPart(figure)),
      Section(id: "fairness", title: "Who gets what", content: fairnessPart(figure)),
    ]
    if let groups = groupPart(figure) {
      sections.append(Section(id: "groups", title: "Groups of people", content: groups))
    }
    if let detail {
      sections += [
        Section(
          id: "clusters-found", title: "The clusters found", content: clusterPart(detail, figure)),
        Section(
          id: "run", title: "One run in detail",
          content: scope(detail) + runPart(detail, figure)),
        Section(
          id: "ledger", title: "Privacy ledger",
          content: scope(detail) + ledgerPart(detail, figure)),
        Section(
          id: "assessment", title: "For a data protection impact assessment",
          content: scope(detail) + assessmentPart(detail)),
      ]
    }
    if !audits.isEmpty {
      sections.append(
        Section(id: "audits", title: "What attacks showed", content: auditPart(figure)))
    }
    sections.append(
      Section(id: "glossary", title: "Glossary", content: Glossary.html))
    if let detail {
      sections.append(
        Section(
          id: "origin", title: "Where the numbers come from",
          content: originPart(detail, runtime: runtime?.versions)))
    }
    return sections
  }
}

extension ReportPage {
  /// Writes the page in one step.
  public func write(to file: URL) throws(StoreError) {
    try AtomicFile.write(Data(html.utf8), to: file)
  }
}
