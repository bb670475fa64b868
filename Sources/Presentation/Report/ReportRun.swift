// The parts of a report about one run: its charts, its ledger, what an assessment asks, and its origin.

import Analysis
import Federation
import Formatting
import Foundation
import Privacy
import Scenarios
import Store

extension ReportPage {
  func runPart(_ detail: Detail, _ figure: (ReportChart) -> String) -> String {
    let result = detail.result
    let charts = RunCharts(
      result: result, clusterRounds: detail.clusterRounds, reference: detail.reference,
      clientNames: detail.clientNames)
    var output = HTML.paragraph(
      "\(detail.run.runID): \(result.method), seed \(result.seed), "
        + "\(NumberText.count(result.rounds, "round")), ε at most "
        + NumberText.epsilon(result.epsilonMax) + "." + allowed(result))
    if !detail.notes.isEmpty { output += HTML.list(detail.notes) }
    if let clustering = charts.clustering { output += figure(clustering) }
    if let rounds = charts.rounds { output += figure(rounds) }
    output += figure(charts.clients)
    return output
  }

  /// Which of the scenarios the parts about one run speak of; empty where there is only one.
  func scope(_ detail: Detail) -> String {
    let others = comparison.scenarios.count - 1
    return others < 1
      ? ""
      : HTML.paragraph(
        "This part shows a run of the scenario \(detail.result.scenario); for the others make "
          + "a report with `--scenario`.")
  }

  /// What was released, and what it proves.
  func ledgerPart(_ detail: Detail, _ figure: (ReportChart) -> String) -> String {
    let groups = Dictionary(grouping: detail.ledger) {
      "\($0.purpose.rawValue), \($0.mechanism.rawValue)"
    }
    var output = HTML.table(
      [
        "release, mechanism", "clients", "entries", "releases", "noise multipliers", "sample rates",
      ],
      groups.sorted { $0.key < $1.key }.map { name, entries in
        func range(_ values: [Double]) -> String {
          guard let low = values.min(), let high = values.max() else { return "–" }
          let (first, last) = (NumberText.decimal(low, 3), NumberText.decimal(high, 3))
          return first == last ? first : "\(first) to \(last)"
        }
        return [
          name, "\(Set(entries.compactMap(\.client)).count)", "\(entries.count)",
          "\(entries.reduce(0) { $0 + $1.count })", range(entries.compactMap(\.noiseMultiplier)),
          range(entries.compactMap(\.sampleRate)),
        ]
      })
    output += HTML.paragraph(
      "Every ε is computed from these entries, all releases of a client composed together and "
        + "converted once. `dpflsim privacy ledger \(detail.run.runID)` computes it anew.")
    if let spending = detail.spending {
      output += figure(spending.chart(detail.clientNames, detail.result))
    }
    return output
  }

  /// What the Vega runtime and dpflsim are, the whole scenario, and every run.
  func originPart(_ detail: Detail, runtime: String?) -> String {
    let scenario = try? JSONValue(parsing: Data(detail.run.scenarioJSON.utf8))
    var items = [
      "dpflsim \(detail.run.version) on \(detail.run.machine).",
      "Scenario hash \(detail.run.scenarioHash), result digest \(detail.result.resultDigest).",
      "Intervals: Student's t, from three seeds on; "
        + "pairs share seed, data, initial model and batches.",
    ]
    if let runtime { items.append("Charts: \(runtime).") }
    return HTML.list(items)
      + HTML.details(
        "The whole scenario of the run in detail",
        "<pre>\(scenario?.escapedJSON ?? detail.run.scenarioJSON.escaped)</pre>\n")
      + HTML.details(
        "The runs behind this report",
        HTML.table(
          ["run", "method", "ε", "seed", "settings", "digest"],
          comparison.cells.flatMap { cell in
            cell.runs.map {
              [
                $0.runID, cell.method, cell.markedEpsilon, "\($0.result.seed)", cell.settings,
                String($0.result.resultDigest.prefix(12)),
              ]
            }
          })
          + (Comparison.allowedLegend(comparison.cells).map(HTML.paragraph) ?? ""))
  }
}
