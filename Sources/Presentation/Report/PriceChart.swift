// The price of privacy for every true cluster (for every client where all are of one), a panel a method. All panels share one scale, which no single price
// squeezes: a price outside of it is an arrow at the edge with its number.

import Analysis
import Clustering
import Federation
import Formatting
import Scenarios

extension ComparisonCharts {
  private static let title = "points of accuracy lost"

  /// Points of accuracy that privacy costs each true cluster, or client; nil without pairs.
  var prices: ReportChart? {
    let priced = cells.flatMap { cell -> [Price] in
      guard let x = axis.place(of: cell.epsilon) else { return [] }
      return compared.parties.compactMap { party in
        guard let estimate = comparison.priceOfPrivacy(cell, of: party), let mean = estimate.mean
        else { return nil }
        return Price(cell: cell, cluster: party.name, x: x, mean: 100 * mean, estimate: estimate)
      }
    }
    guard !priced.isEmpty else { return nil }
    let scale = RobustScale(
      priced.map(\.mean) + [0],
      intervals: priced.flatMap {
        [$0.estimate.lower, $0.estimate.upper].compactMap { $0.map { 100 * $0 } }
      }, least: 1)
    let values = priced.map { $0.row(scale) }
    return ReportChart(
      id: "prices",
      caption: "The price of privacy: accuracy without privacy minus accuracy with it, of the same "
        + "method and seed, for every \(compared.noun). Bars are 95 % intervals."
        + (priced.contains { !scale.shows($0.mean) }
          ? " An arrow at the edge is a price outside of the scale, with its number." : "")
        + AllowedMarks.caption(priced.map(\.cell)),
      specification: VegaLite.specification(
        "Accuracy that privacy costs every \(compared.noun) over epsilon, a panel for each method",
        values: values, layout: .balanced(methods.count, least: 190, left: 60),
        legend: "bottom",
        body: [
          "facet": [
            "field": "method", "type": "nominal", "title": .null,
            "sort": .array(methods.map { .string($0) }),
          ],
          "columns": 3,
          "spec": ["width": 225, "height": 180, "layer": layers(scale, priced, values)],
        ]),
      columns: ["method", "ε", compared.noun, "price, points", "n"],
      rows: priced.map {
        [
          $0.cell.method, $0.cell.markedEpsilon, $0.cluster, Comparison.interval($0.estimate),
          "\($0.estimate.count)",
        ]
      })
  }

  /// The price of one cluster or client in a cell, in points.
  private struct Price {
    let cell: ComparisonCell
    let cluster: String
    let x: Double
    let mean: Double
    let estimate: SeedEstimate

    func row(_ scale: RobustScale) -> JSONValue {
      func end(_ share: Double?) -> JSONValue {
        JSONValue(share.map { scale.clamped(100 * $0) })
      }
      return [
        "method": .string(cell.method), "epsilon": .string(cell.markedEpsilon), "x": .number(x),
        "allowed": .bool(!cell.allowedRules.isEmpty),
        "cluster": .string(cluster), "price": VegaLite.percent(estimate.mean),
        "shown": VegaLite.rounded(scale.clamped(mean)),
        "lower": end(estimate.lower), "upper": end(estimate.upper),
        "outside": .bool(!scale.shows(mean)),
        "label": .string(
          (mean > scale.high ? "▲ " : "▼ ") + cell.marked(NumberText.decimal(mean, 1))),
        "interval": .string(Comparison.interval(estimate)), "n": .integer(estimate.count),
      ]
    }
  }

  private func layers(
    _ scale: RobustScale, _ priced: [Price], _ values: [JSONValue]
  ) -> JSONValue {
    let budgets = EpsilonAxis(Set(cells.map(\.epsilon)).filter { !$0.isNone }.sorted())
    func y(_ field: String) -> JSONValue {
      [
        "field": .string(field), "type": "quantitative", "title": .string(Self.title),
        "scale": ["domain": scale.domain, "nice": false, "zero": false],
      ]
    }
    let series = VegaLite.series("cluster", order: partyNames, partyColors)
    let color = ["color": series["color"] ?? .null]
    let tooltip = VegaLite.tooltip([
      ("cluster", compared.noun), ("epsilon", "ε"), ("interval", "points lost"),
      ("n", "pairs of seeds"),
    ])
    let points = AllowedMarks.points(
      ["x": budgets.channel, "y": y("shown"), "tooltip": tooltip].merging(series) { $1 },
      of: priced.map(\.cell), filter: "!datum.outside"
    ) { isAllowed in
      priced.contains { scale.shows($0.mean) && isAllowed != $0.cell.allowedRules.isEmpty }
    }
    let layers: [JSONValue?] = [
      VegaLite.layer(
        ["type": "rule", "color": "#888", "opacity": 0.7],
        ["y": ["datum": 0, "type": "quantitative"]]),
      VegaLite.layer(
        ["type": "rule", "opacity": 0.45],
        ["x": budgets.channel, "y": y("lower"), "y2": ["field": "upper"]].merging(color) { $1 },
        filter: "isValid(datum.lower) && !datum.outside",
        isNeeded: values.contains { $0["lower"] != .null && $0["outside"] == .bool(false) }),
      VegaLite.layer(
        ["type": "line", "strokeWidth": 2],
        ["x": budgets.channel, "y": y("shown")].merging(
          VegaLite.lines("cluster", order: partyNames, partyColors)
        ) { $1 }, filter: "!datum.allowed",
        isNeeded: values.contains { $0["allowed"] == .bool(false) }),
      VegaLite.layer(
        ["type": "text", "fontSize": 12, "fontWeight": "bold"],
        [
          "x": budgets.channel, "y": y("shown"), "text": ["field": "label"], "tooltip": tooltip,
        ].merging(color) { $1 },
        filter: "datum.outside", isNeeded: values.contains { $0["outside"] == .bool(true) }),
    ]
    return VegaLite.layers(layers + points)
  }
}
