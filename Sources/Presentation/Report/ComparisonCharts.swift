// The charts that compare cells: the frontier over ε, and who gets what.

import Analysis
import Clustering
import Federation
import Scenarios

/// The charts of the runs with equal settings.
struct ComparisonCharts {
  let comparison: Comparison
  let settings: String
  let cells: [ComparisonCell]
  let axis: EpsilonAxis
  let methodColors: Palette
  /// The true clusters, or the clients where all are of one.
  let compared: ComparedParties
  let partyColors: Palette

  init(_ comparison: Comparison, settings: String) {
    self.comparison = comparison
    self.settings = settings
    cells = comparison.cells.filter { $0.settings == settings }
    axis = EpsilonAxis(Set(cells.map(\.epsilon)).sorted())
    methodColors = comparison.palette
    compared = ComparedParties(of: cells)
    partyColors = Palette(clusters: compared.parties.map(\.name))
  }

  var methods: [String] { comparison.methods }

  private var worstOff: WorstOff { comparison.worstOff }

  /// The accuracy of the worst off over ε, a line a method, with bands of its intervals; what nothing beats is ringed.
  var frontier: ReportChart {
    let frontier = comparison.frontier(settings: settings)
    let values = cells.compactMap { cell -> JSONValue? in
      let estimate = cell.estimate(worstOff.metric)
      guard estimate.mean != nil, let x = axis.place(of: cell.epsilon) else { return nil }
      return [
        "method": .string(cell.method), "epsilon": .string(cell.markedEpsilon), "x": .number(x),
        "private": .bool(!cell.epsilon.isNone), "allowed": .bool(!cell.allowedRules.isEmpty),
        "accuracy": VegaLite.percent(estimate.mean),
        "lower": VegaLite.percent(estimate.lower), "upper": VegaLite.percent(estimate.upper),
        "interval": .string(Comparison.interval(estimate)), "n": .integer(estimate.count),
        "frontier": .bool(
          frontier.contains { $0.method == cell.method && $0.epsilon == cell.epsilon }),
      ]
    }
    let title = "accuracy of the \(worstOff.noun), %"
    let lines = VegaLite.lines("method", order: methods, methodColors)
    let points = VegaLite.series("method", order: methods, methodColors)
    let y = VegaLite.number("accuracy", title)
    let upper: JSONValue = ["field": "upper"]
    let place: [String: JSONValue] = ["x": axis.channel, "y": y]
    let interval: [String: JSONValue] = [
      "x": axis.channel, "y": VegaLite.number("lower", title), "y2": upper,
    ]
    let color = ["color": lines["color"] ?? .null]
    let tooltip = VegaLite.tooltip([
      ("method", "method"), ("epsilon", "ε"), ("interval", "\(worstOff.heading), %"),
      ("n", "seeds"),
    ])
    let layers: [JSONValue?] = [
      VegaLite.layer(
        ["type": "area", "opacity": 0.13], interval.merging(color) { $1 },
        filter: "datum.private && !datum.allowed && isValid(datum.lower)",
        isNeeded: hasIntervals(isOnLine)),
      VegaLite.layer(
        ["type": "rule", "opacity": 0.5], interval.merging(color) { $1 },
        filter: "(!datum.private || datum.allowed) && isValid(datum.lower)",
        isNeeded: hasIntervals { !isOnLine($0) }),
      VegaLite.layer(
        ["type": "line", "strokeWidth": 2], place.merging(lines) { $1 },
        filter: "datum.private && !datum.allowed", isNeeded: cells.contains(where: isOnLine)),
      VegaLite.layer(
        ["type": "point", "size": 280, "color": "#888", "strokeWidth": 1.5, "tooltip": .null],
        place, filter: "datum.frontier", isNeeded: !frontier.isEmpty),
    ]
    let marks = AllowedMarks.points(
      place.merging(points) { $1 }.merging(["tooltip": tooltip]) { $1 }, of: cells)
    return ReportChart(
      id: "frontier",
      caption:
        "Accuracy of the \(worstOff.noun) for every budget. Bands and bars are 95 % "
        + "intervals over seeds; a ring marks what no other method or smaller budget beats."
        + AllowedMarks.caption(cells),
      specification: VegaLite.specification(
        "Accuracy of the \(worstOff.noun) over epsilon, a line for each method", values: values,
        layout: .single(width: 860),
        body: [
          "width": 680, "height": 340, "layer": VegaLite.layers(layers + marks),
        ]),
      columns: ["method", "ε", "n", "\(worstOff.noun), %", "on the frontier"],
      rows: cells.map { cell in
        [
          cell.method, cell.markedEpsilon, "\(cell.runs.count)",
          Comparison.interval(cell.estimate(worstOff.metric)),
          frontier.contains { $0.method == cell.method && $0.epsilon == cell.epsilon }
            ? "yes" : "no",
        ]
      })
  }

  /// Whether the line of its method leads through a cell.
  private func isOnLine(_ cell: ComparisonCell) -> Bool {
    !cell.epsilon.isNone && cell.allowedRules.isEmpty
  }

  /// Whether a cell of a kind has an interval.
  private func hasIntervals(_ isOfKind: (ComparisonCell) -> Bool) -> Bool {
    cells.contains { isOfKind($0) && $0.estimate(worstOff.metric).lower != nil }
  }

  /// The accuracy of every true cluster (or client), methods below each other, a panel a budget.
  var clusters: ReportChart {
    let values = cells.flatMap { cell in
      compared.parties.compactMap { party -> JSONValue? in
        let estimate = cell.accuracy(of: party)
        guard estimate.mean != nil else { return nil }
        return [
          "method": .string(cell.method), "budget": BudgetPanels.title(cell.epsilon),
          "cluster": .string(party.name), "accuracy": VegaLite.percent(estimate.mean),
          "interval": .string(Comparison.interval(estimate)), "n": .integer(estimate.count),
          "epsilon": .string(cell.markedEpsilon), "allowed": .bool(!cell.allowedRules.isEmpty),
        ]
      }
    }
    let row: JSONValue = [
      "field": "method", "type": "nominal", "title": .null,
      "sort": .array(methods.map { .string($0) }), "axis": ["labelLimit": 130],
    ]
    let x = VegaLite.number("accuracy", "accuracy, %")
    let tooltip = VegaLite.tooltip([
      ("method", "method"), ("epsilon", "ε"), ("cluster", compared.noun),
      ("interval", "accuracy, %"), ("n", "seeds"),
    ])
    let gap = VegaLite.layer(
      ["type": "rule", "color": "#888", "strokeWidth": 2, "opacity": 0.6],
      [
        "y": row, "x": ["field": "accuracy", "aggregate": "min", "type": "quantitative"],
        "x2": ["field": "accuracy", "aggregate": "max"],
      ])
    let marks = AllowedMarks.points(
      ["y": row, "x": x, "tooltip": tooltip].merging(
        VegaLite.series("cluster", order: partyNames, partyColors)
      ) { $1 }, of: cells)
    return ReportChart(
      id: "clusters",
      caption:
        "Who gets what: the mean accuracy of every \(compared.noun); the bar is the gap between the "
        + "best and the worst of them." + AllowedMarks.caption(cells),
      specification: VegaLite.specification(
        "Accuracy of every \(compared.noun) by method, a panel for each epsilon", values: values,
        layout: .balanced(budgets.count, least: 170, left: 150), legend: "bottom",
        body: BudgetPanels.body(
          budgets,
          panel: [
            "width": 200, "height": ["step": 26],
            "layer": VegaLite.layers([gap] + marks),
          ])),
      columns: ["method", "ε", compared.noun, "accuracy, %", "n"],
      rows: cells.flatMap { cell in
        compared.parties.map { party in
          [
            cell.method, cell.markedEpsilon, party.name,
            Comparison.interval(cell.accuracy(of: party)), "\(cell.runs.count)",
          ]
        }
      })
  }

  /// Names of the true clusters, minorities marked, or of the clients.
  var partyNames: [String] { compared.parties.map(\.name) }

  var budgets: [EpsilonTarget] { Set(cells.map(\.epsilon)).sorted() }
}

extension Comparison {
  /// The colours of the methods in every chart.
  var palette: Palette {
    Palette(
      methods: methods.map { label in
        (label, cells.first { $0.method == label }?.runs.first?.result.method ?? label)
      })
  }
}
