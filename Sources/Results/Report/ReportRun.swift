// The parts of a report about one run: its charts, its ledger, what an assessment asks, and its origin.

import Federation
import Foundation
import Privacy
import Scenarios

extension ReportPage {
  func runPart(_ detail: Detail, _ figure: (ReportChart) -> String) -> String {
    let result = detail.result
    let charts = RunCharts(
      result: result, clusterRounds: detail.clusterRounds, reference: detail.reference)
    var output = HTML.paragraph(
      "\(detail.run.runID): \(result.method), seed \(result.seed), "
        + "\(NumberText.count(result.rounds, "round")), ε at most "
        + NumberText.epsilon(result.epsilonMax) + "." + allowed(result))
    if !detail.notes.isEmpty { output += HTML.list(detail.notes) }
    if let clustering = charts.clustering { output += figure(clustering) }
    if let rounds = charts.rounds { output += figure(rounds) }
    return output + figure(charts.clients)
  }

  /// What was released, and what it proves.
  func ledgerPart(_ detail: Detail) -> String {
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
    return output
  }

  /// What the Vega runtime and dpflsim are, the whole scenario, and every run.
  func originPart(_ detail: Detail, runtime: String?) -> String {
    let scenario = try? JSONValue(parsing: Data(detail.run.scenarioJSON.utf8))
    var items = [
      "dpflsim \(detail.run.version) on \(detail.run.machine).",
      "Scenario hash \(detail.run.scenarioHash), result digest \(detail.result.resultDigest).",
      "Intervals: percentile bootstrap over seeds with 2000 resamples; pairs share seed, data, "
        + "initial model and batches.",
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
                $0.runID, cell.method, cell.epsilon.label, "\($0.result.seed)", cell.settings,
                String($0.result.resultDigest.prefix(12)),
              ]
            }
          }))
  }

  static let glossary: [(term: String, text: String)] = [
    (
      "ε (epsilon)",
      "How much one example can change what is released; smaller is more private. none: no noise was "
        + "added."
    ),
    ("δ (delta)", "The probability with which the bound ε may fail."),
    ("client", "Somebody who holds data and trains on them."),
    ("cluster", "Clients whose data are alike. True clusters are those of the scenario."),
    ("worst-off cluster", "The true cluster with the lowest mean accuracy of its clients."),
    ("minority", "A cluster that the scenario marks as one, usually with few clients."),
    (
      "price of privacy",
      "Accuracy without privacy minus accuracy with it, of the same method and seed, in points of per "
        + "cent."
    ),
    (
      "price of mistakes",
      "Accuracy with the true clusters (oracle) minus accuracy, at the same ε and seed."
    ),
    (
      "F_acc, F_loss",
      "The largest minus the smallest price of privacy of a client, in accuracy and in loss: 0 means "
        + "that privacy costs everybody the same."
    ),
    ("gap", "Accuracy of the best cluster minus that of the worst."),
    (
      "equalised-odds gap",
      "The largest difference between clusters in how often a class is recognised, or wrongly claimed."
    ),
    ("ARI, NMI, purity", "Agreement of found and true clusters; 1 is perfect, ARI 0 is chance."),
    (
      "separation score, overlap",
      "The distance of the two nearest clusters found over twice their width, and the mass that they "
        + "share."
    ),
    (
      "soft up to round",
      "Until then clients train a model drawn by probability; afterwards they choose, then stay."
    ),
    ("oracle", "A method that is told the true clusters, which nobody knows in practice."),
    (
      "noise multiplier",
      "Standard deviation of the noise over the bound to which gradients are clipped."
    ),
    (
      "seed, n",
      "The number from which all random draws of a run follow; how many seeds a mean has."
    ),
  ]
}
