// The charts that compare cells: the frontier over ε, who gets what, and the price of privacy for each
// cluster.

import Clustering
import Federation
import Scenarios

/// The charts of the runs with equal settings.
struct ComparisonCharts {
  let comparison: Comparison
  let settings: String
  private let cells: [ComparisonCell]
  private let axis: EpsilonAxis

  init(_ comparison: Comparison, settings: String) {
    self.comparison = comparison
    self.settings = settings
    cells = comparison.cells.filter { $0.settings == settings }
    axis = EpsilonAxis(Set(cells.map(\.epsilon)).sorted())
  }

  private var methods: [String] { comparison.methods }

  /// Worst-cluster accuracy over ε, a line a method, with bootstrap bands; what nothing beats is ringed.
  var frontier: ReportChart {
    let frontier = comparison.frontier(settings: settings)
    let values = cells.compactMap { cell -> JSONValue? in
      let estimate = cell.estimate(.worstClusterAccuracy)
      guard estimate.mean != nil, let x = axis.place(of: cell.epsilon) else { return nil }
      return [
        "method": .string(cell.method), "epsilon": .string(cell.epsilon.label), "x": .number(x),
        "private": .bool(!cell.epsilon.isNone), "accuracy": VegaLite.percent(estimate.mean),
        "lower": VegaLite.percent(estimate.lower), "upper": VegaLite.percent(estimate.upper),
        "interval": .string(Comparison.interval(estimate)), "n": .integer(estimate.count),
        "frontier": .bool(
          frontier.contains { $0.method == cell.method && $0.epsilon == cell.epsilon }),
      ]
    }
    let title = "accuracy of the worst-off cluster, %"
    let lines = VegaLite.lines("method", order: methods)
    let points = VegaLite.series("method", order: methods)
    let y = VegaLite.number("accuracy", title)
    let upper: JSONValue = ["field": "upper"]
    let place: [String: JSONValue] = ["x": axis.channel, "y": y]
    let interval: [String: JSONValue] = [
      "x": axis.channel, "y": VegaLite.number("lower", title), "y2": upper,
    ]
    let color = ["color": lines["color"] ?? .null]
    let tooltip = VegaLite.tooltip([
      ("method", "method"), ("epsilon", "ε"), ("interval", "worst cluster, %"), ("n", "seeds"),
    ])
    return ReportChart(
      id: "frontier",
      caption:
        "Accuracy of the worst-off cluster for every budget. Bands and bars are 95 % bootstrap "
        + "intervals over seeds; a ring marks what no other method or smaller budget beats.",
      specification: VegaLite.specification(
        "Accuracy of the worst-off cluster over epsilon, a line for each method", values: values,
        body: [
          "width": 680, "height": 340,
          "layer": VegaLite.layers([
            VegaLite.layer(
              ["type": "area", "opacity": 0.13], interval.merging(color) { $1 },
              filter: "datum.private && isValid(datum.lower)",
              isNeeded: hasIntervals { !$0.epsilon.isNone }),
            VegaLite.layer(
              ["type": "rule", "opacity": 0.5], interval.merging(color) { $1 },
              filter: "!datum.private && isValid(datum.lower)",
              isNeeded: hasIntervals(\.epsilon.isNone)),
            VegaLite.layer(
              ["type": "line", "strokeWidth": 2], place.merging(lines) { $1 },
              filter: "datum.private", isNeeded: cells.contains { !$0.epsilon.isNone }),
            VegaLite.layer(
              [
                "type": "point", "size": 260, "color": "#888", "strokeWidth": 1.5, "tooltip": .null,
              ],
              place, filter: "datum.frontier"),
            VegaLite.layer(
              ["type": "point", "filled": true, "size": 80, "opacity": 1],
              place.merging(points) { $1 }.merging(["tooltip": tooltip]) { $1 }),
          ]),
        ]),
      columns: ["method", "ε", "n", "worst-off cluster, %", "on the frontier"],
      rows: cells.map { cell in
        [
          cell.method, cell.epsilon.label, "\(cell.runs.count)",
          Comparison.interval(cell.estimate(.worstClusterAccuracy)),
          frontier.contains { $0.method == cell.method && $0.epsilon == cell.epsilon }
            ? "yes" : "no",
        ]
      })
  }

  /// Whether a cell of a kind has an interval.
  private func hasIntervals(_ isOfKind: (ComparisonCell) -> Bool) -> Bool {
    cells.contains { isOfKind($0) && $0.estimate(.worstClusterAccuracy).lower != nil }
  }

  /// The accuracy of every true cluster, methods below each other, a panel a budget.
  var clusters: ReportChart {
    let names = clusterNames
    let values = cells.flatMap { cell in
      cell.clusters.indices.compactMap { index -> JSONValue? in
        let estimate = cell.accuracy(ofCluster: index)
        guard estimate.mean != nil else { return nil }
        return [
          "method": .string(cell.method), "budget": .string(Self.budget(cell.epsilon)),
          "cluster": .string(names[index]), "accuracy": VegaLite.percent(estimate.mean),
          "interval": .string(Comparison.interval(estimate)), "n": .integer(estimate.count),
        ]
      }
    }
    let row: JSONValue = [
      "field": "method", "type": "nominal", "title": .null,
      "sort": .array(methods.map { .string($0) }), "axis": ["labelLimit": 130],
    ]
    let x = VegaLite.number("accuracy", "accuracy, %")
    let tooltip = VegaLite.tooltip([
      ("method", "method"), ("cluster", "cluster"), ("interval", "accuracy, %"), ("n", "seeds"),
    ])
    return ReportChart(
      id: "clusters",
      caption:
        "Who gets what: the mean accuracy of every true cluster; the bar is the gap between the "
        + "best and the worst of them.",
      specification: VegaLite.specification(
        "Accuracy of every cluster by method, a panel for each epsilon", values: values,
        legend: "bottom",
        body: [
          "facet": [
            "field": "budget", "type": "nominal", "title": .null,
            "sort": .array(budgets.map { .string(Self.budget($0)) }),
          ],
          "columns": 3,
          "spec": [
            "width": 200, "height": ["step": 26],
            "layer": VegaLite.layers([
              VegaLite.layer(
                ["type": "rule", "color": "#888", "strokeWidth": 2, "opacity": 0.6],
                [
                  "y": row,
                  "x": ["field": "accuracy", "aggregate": "min", "type": "quantitative"],
                  "x2": ["field": "accuracy", "aggregate": "max"],
                ]),
              VegaLite.layer(
                ["type": "point", "filled": true, "size": 75, "opacity": 1],
                ["y": row, "x": x, "tooltip": tooltip].merging(
                  VegaLite.series("cluster", order: names)
                ) { $1 }),
            ]),
          ],
        ]),
      columns: ["method", "ε", "true cluster", "accuracy, %", "n"],
      rows: cells.flatMap { cell in
        cell.clusters.indices.map { index in
          [
            cell.method, cell.epsilon.label, names[index],
            Comparison.interval(cell.accuracy(ofCluster: index)), "\(cell.runs.count)",
          ]
        }
      })
  }

  /// Points of accuracy that privacy costs each true cluster, a panel a method; nil without pairs.
  var prices: ReportChart? {
    let names = clusterNames
    var values: [JSONValue] = []
    var rows: [[String]] = []
    for cell in cells {
      guard let x = axis.place(of: cell.epsilon), let price = comparison.priceOfPrivacy(cell)
      else { continue }
      for index in cell.clusters.indices {
        let estimate = price.cost.clusters[index]
        guard estimate.mean != nil else { continue }
        values.append([
          "method": .string(cell.method), "epsilon": .string(cell.epsilon.label), "x": .number(x),
          "cluster": .string(names[index]), "price": VegaLite.percent(estimate.mean),
          "lower": VegaLite.percent(estimate.lower), "upper": VegaLite.percent(estimate.upper),
          "interval": .string(Comparison.interval(estimate)), "n": .integer(estimate.count),
        ])
        rows.append([
          cell.method, cell.epsilon.label, names[index], Comparison.interval(estimate),
          "\(estimate.count)",
        ])
      }
    }
    guard !values.isEmpty else { return nil }
    let budgets = EpsilonAxis(Set(cells.map(\.epsilon)).filter { !$0.isNone }.sorted())
    let y = VegaLite.number("price", "points of accuracy lost")
    let series = VegaLite.series("cluster", order: names)
    let color = ["color": series["color"] ?? .null]
    let tooltip = VegaLite.tooltip([
      ("cluster", "cluster"), ("epsilon", "ε"), ("interval", "points lost"),
      ("n", "pairs of seeds"),
    ])
    return ReportChart(
      id: "prices",
      caption: "The price of privacy: accuracy without privacy minus accuracy with it, of the same "
        + "method and seed, for every true cluster. Bars are 95 % bootstrap intervals.",
      specification: VegaLite.specification(
        "Accuracy that privacy costs every cluster over epsilon, a panel for each method",
        values: values, legend: "bottom",
        body: [
          "facet": [
            "field": "method", "type": "nominal", "title": .null,
            "sort": .array(methods.map { .string($0) }),
          ],
          "columns": 3,
          "spec": [
            "width": 225, "height": 170,
            "layer": VegaLite.layers([
              VegaLite.layer(
                ["type": "rule", "color": "#888", "opacity": 0.7],
                ["y": ["datum": 0, "type": "quantitative"]]),
              VegaLite.layer(
                ["type": "rule", "opacity": 0.45],
                [
                  "x": budgets.channel,
                  "y": VegaLite.number("lower", "points of accuracy lost"),
                  "y2": ["field": "upper"],
                ].merging(color) { $1 }, filter: "isValid(datum.lower)",
                isNeeded: values.contains { $0["lower"] != .null }),
              VegaLite.layer(
                ["type": "line", "strokeWidth": 1.5],
                ["x": budgets.channel, "y": y].merging(
                  VegaLite.lines("cluster", order: names)
                ) { $1 }),
              VegaLite.layer(
                ["type": "point", "filled": true, "size": 60, "opacity": 1],
                ["x": budgets.channel, "y": y, "tooltip": tooltip].merging(series) { $1 }),
            ]),
          ],
        ]),
      columns: ["method", "ε", "true cluster", "price, points", "n"], rows: rows)
  }

  /// Names of the true clusters, minorities marked.
  private var clusterNames: [String] { (cells.first?.clusters ?? []).labels }

  private var budgets: [EpsilonTarget] { Set(cells.map(\.epsilon)).sorted() }

  private static func budget(_ epsilon: EpsilonTarget) -> String {
    epsilon.isNone ? "without privacy" : "ε = \(epsilon.label)"
  }
}

extension [ClusterResult] {
  /// The names with the minorities marked; equal names get their number.
  var labels: [String] {
    enumerated().map { index, cluster in
      let isUnique = count { $0.name == cluster.name } == 1
      return cluster.name + (isUnique ? "" : " \(index)") + (cluster.minority ? " (minority)" : "")
    }
  }
}
