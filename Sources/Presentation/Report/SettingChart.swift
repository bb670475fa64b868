// The accuracy of the worst off over the values of a setting that was varied, a panel a budget.

import Analysis
import Clustering
import Federation
import Formatting
import Scenarios

extension Comparison {
  /// The chart over a setting; nil unless some series has two values of it.
  func chart(over path: String) -> ReportChart? {
    let series = series(over: path)
    guard series.contains(where: { $0.cells.count > 1 }) else { return nil }
    let values = Set(series.flatMap { $0.cells.compactMap { $0.varied[path] } })
      .sorted { Self.isBefore($0, $1) }
    let numbers = values.compactMap(Double.init)
    let isNumeric = numbers.count == values.count
    let names = Self.unique(series.map(\.name))
    let palette = Palette(methods: series.map { ($0.name, $0.method) })
    let rows = series.flatMap { series in
      series.cells.compactMap { cell -> JSONValue? in
        let estimate = cell.estimate(worstOff.metric)
        guard estimate.mean != nil, let value = cell.varied[path] else { return nil }
        return [
          "series": .string(series.name), "budget": BudgetPanels.title(series.epsilon),
          "value": isNumeric ? JSONValue(Double(value)) : .string(value),
          "accuracy": VegaLite.percent(estimate.mean), "lower": VegaLite.percent(estimate.lower),
          "upper": VegaLite.percent(estimate.upper),
          "interval": .string(Self.interval(estimate)), "n": .integer(estimate.count),
          "epsilon": .string(cell.markedEpsilon), "allowed": .bool(!cell.allowedRules.isEmpty),
        ]
      }
    }
    // Values that grow by factors, such as ranks, stand side by side only on a logarithmic axis.
    let isWide = (numbers.min() ?? 0) > 0 && (numbers.max() ?? 0) >= 8 * (numbers.min() ?? 1)
    let x: JSONValue =
      isNumeric
      ? [
        "field": "value", "type": "quantitative", "title": .string(path),
        "scale": isWide
          ? ["type": "log", "base": 2, "nice": false] : ["zero": false, "nice": false],
        "axis": ["values": .array(numbers.map { .number($0) }), "grid": false, "format": "~g"],
      ]
      : [
        "field": "value", "type": "ordinal", "title": .string(path),
        "sort": .array(values.map { .string($0) }), "axis": ["labelAngle": 0],
      ]
    let title = "\(worstOff.noun), %"
    let marks = VegaLite.series("series", order: names, palette)
    let tooltip = VegaLite.tooltip([
      ("series", "method"), ("epsilon", "ε"), ("value", path),
      ("interval", "\(worstOff.heading), %"), ("n", "seeds"),
    ])
    let shown = series.flatMap(\.cells)
    let layers: [JSONValue?] = [
      VegaLite.layer(
        ["type": "rule", "opacity": 0.45],
        [
          "x": x, "y": VegaLite.number("lower", title), "y2": ["field": "upper"],
          "color": marks["color"] ?? .null,
        ], filter: "isValid(datum.lower)",
        isNeeded: rows.contains { $0["lower"] != .null }),
      VegaLite.layer(
        ["type": "line", "strokeWidth": 2],
        ["x": x, "y": VegaLite.number("accuracy", title)].merging(
          VegaLite.lines("series", order: names, palette)
        ) { $1 }, filter: "!datum.allowed",
        isNeeded: rows.contains { $0["allowed"] == .bool(false) }),
    ]
    let points = AllowedMarks.points(
      ["x": x, "y": VegaLite.number("accuracy", title), "tooltip": tooltip].merging(marks) { $1 },
      of: shown)
    return ReportChart(
      id: "setting-" + path.filter { $0.isLetter || $0.isNumber },
      caption:
        "Accuracy of the \(worstOff.noun) for every value of `\(path)`; bars are 95 % intervals."
        + AllowedMarks.caption(shown),
      specification: VegaLite.specification(
        "Accuracy of the \(worstOff.noun) over \(path), a panel for each epsilon", values: rows,
        layout: .balanced(Set(series.map(\.epsilon)).count, least: 190, left: 60),
        legend: "bottom",
        body: BudgetPanels.body(
          series.map(\.epsilon),
          panel: [
            "width": 240, "height": 200, "layer": VegaLite.layers(layers + points),
          ])),
      columns: [path, "method", "ε", "n", "\(worstOff.heading), %", "mean of clients, %"],
      rows: series.flatMap { series in
        series.cells.map { cell in
          [
            cell.varied[path] ?? "–", series.name, cell.markedEpsilon, "\(cell.runs.count)",
            Self.interval(cell.estimate(worstOff.metric)),
            Self.percent(cell.estimate(.clientMeanAccuracy).mean),
          ]
        }
      })
  }
}
