// The first part of a report: three sentences, and one table with every method and budget.

import Analysis
import Clustering
import Federation

extension ReportPage {
  var answerPart: String {
    comparison.scenarios.map { scenario in
      var advice = comparison.advice(for: scenario)
      advice.selectionPrice = selectionPrices[scenario]
      var output = comparison.scenarios.count > 1 ? "<h3>\(scenario.escaped)</h3>\n" : ""
      output +=
        "<div class=\"answer\">\n" + advice.sentences.map(HTML.paragraph).joined() + "</div>\n"
      if let price = advice.selectionPrice { output += HTML.paragraph(price.sentence) }
      output += answerTable(advice)
      if !advice.surer.isEmpty {
        output += HTML.details("What it would take to be surer", HTML.list(advice.surer))
      }
      return output
    }.joined()
  }

  private func answerTable(_ advice: Advice) -> String {
    let cells = comparison.cells.filter { $0.scenario == advice.scenario }
    let hasSettings = Set(cells.map(\.settings)).count > 1
    let chosen = advice.chosen.map { comparison.name(of: $0) }
    let places = cells.indices.filter { comparison.name(of: cells[$0]) == chosen }
    let columns =
      ["method", "ε"] + (hasSettings ? ["settings"] : [])
      + [
        "n", "\(advice.worstOff.heading), %", "mean of clients, %", "minority price, points",
        "recommended",
      ]
    let rows = cells.map { cell -> [String] in
      let price = comparison.priceOfPrivacy(cell)
      return [cell.method, cell.markedEpsilon] + (hasSettings ? [cell.settings] : [])
        + [
          "\(cell.runs.count)", Comparison.interval(cell.estimate(advice.worstOff.metric)),
          Comparison.percent(cell.estimate(.clientMeanAccuracy).mean),
          Comparison.percent(price.flatMap { Comparison.mean($0, of: cell, minority: true) }),
          comparison.name(of: cell) == chosen ? "yes: \(advice.reason)" : "",
        ]
    }
    return HTML.table(
      columns, rows,
      best: Set(places.flatMap { row in (0..<columns.count - 1).map { [row, $0] } }),
      words: [columns.count - 1])
      + (Comparison.allowedLegend(cells).map(HTML.paragraph) ?? "")
  }
}
