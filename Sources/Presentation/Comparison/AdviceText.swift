// The advice as text and as JSON.

public import Analysis
import Clustering
public import Formatting
public import Scenarios

extension Advice {
  /// The sentences, the table of methods and budgets, and what would make it surer.
  public func lines(_ comparison: Comparison, colors: Bool) -> [String] {
    var lines = [TextStyle.bold.applied(to: scenario.printable, colors: colors)]
    lines += allSentences.map(\.printable)
    lines += [""] + table(comparison).lines(colors: colors)
    let cells = comparison.cells.filter { $0.scenario == scenario }
    lines += Comparison.allowedLegend(cells).map { $0.printable.wrapped() } ?? []
    if !surer.isEmpty { lines += ["", "To be surer:"] + surer.map { "  \($0.printable)" } }
    return lines
  }

  /// The sentences and the table for a page of Markdown, or of LaTeX.
  public func page(_ comparison: Comparison, isLaTeX: Bool) -> [String] {
    let table = table(comparison)
    let legend = Comparison.allowedLegend(comparison.cells.filter { $0.scenario == scenario })
    return allSentences + [""] + (isLaTeX ? table.latex : table.markdown)
      + (legend.map { ["", isLaTeX ? $0.latex : $0] } ?? []) + [""]
  }

  /// Every cell of the scenario, the recommended one marked.
  public func table(_ comparison: Comparison) -> TextTable {
    let cells = comparison.cells.filter { $0.scenario == scenario }
    let hasSettings = Set(cells.map(\.settings)).count > 1
    var table = TextTable(
      [("method", .left), ("ε", .right)] + (hasSettings ? [("settings", .left)] : [])
        + [
          ("n", .right), (worstOff.heading, .right), ("mean", .right), ("minority price", .right),
          ("", .left),
        ])
    let taken = chosen.map { comparison.name(of: $0) }
    for cell in cells {
      let isTaken = comparison.name(of: cell) == taken
      let price = comparison.priceOfPrivacy(cell).flatMap {
        Comparison.mean($0, of: cell, minority: true)
      }
      table.add(
        [TextTable.Cell(cell.method), TextTable.Cell(cell.markedEpsilon)]
          + (hasSettings ? [TextTable.Cell(cell.settings)] : [])
          + [
            "\(cell.runs.count)",
            TextTable.Cell(
              Comparison.interval(cell.estimate(worstOff.metric)), isTaken ? .good : .plain),
            "\(Comparison.percent(cell.estimate(.clientMeanAccuracy).mean))",
            "\(Comparison.percent(price))", TextTable.Cell(isTaken ? "take this" : "", .good),
          ])
    }
    return table
  }

  /// With the price of choosing, where something was chosen from.
  private var allSentences: [String] {
    sentences + [selectionPrice?.sentence].compactMap { $0 }
  }

  public var document: JSONValue {
    [
      "scenario": .string(scenario),
      "chosen": chosen.map { cell in
        let estimate = cell.estimate(worstOff.metric)
        return [
          "method": .string(cell.method), "epsilon": .string(cell.epsilon.label),
          "settings": .string(cell.settings), "metric": .string(worstOff.metric.name),
          "value": estimate.document, "majority_accuracy": JSONValue(cell.baseline?.share),
          "worst_cluster_accuracy": cell.estimate(.worstClusterAccuracy).document,
          "reason": .string(reason),
        ]
      } ?? .null,
      "sentences": .array(allSentences.map { .string($0) }),
      "surer": .array(surer.map { .string($0) }),
      "private_selection": selectionPrice?.document ?? .null,
    ]
  }
}
