// The charts of one run: the clients in the plane of their first updates, accuracy over rounds, and what
// every client ends with.

import Analysis
import Clustering
import Federation
import Formatting
import Scenarios
import Store

/// One run with what the charts need.
struct RunCharts {
  let result: RunResult
  let clusterRounds: [ClusterRoundRecord]
  /// The run of the same seed and method without privacy, if there is one.
  let reference: RunResult?
  /// What every client is called, by its number; numbers alone where it is shorter.
  var clientNames: [String] = []

  private var names: [String] { result.clusters.labels }
  private var colors: Palette { Palette(clusters: names) }

  private var shown: ShownClients { ShownClients(of: result) }

  private func name(_ client: Int) -> String {
    clientNames.indices.contains(client) ? clientNames[client] : "\(client)"
  }

  var rounds: ReportChart? {
    Self.rounds(
      clusterRounds, names: names, of: result.rounds,
      switchRound: result.clustering?.switchRound)
  }

  /// Accuracy of every true cluster over the rounds, with the switch round; nil without rounds.
  ///
  /// - Parameters:
  ///   - names: of the true clusters.
  ///   - count: rounds of the whole run.
  static func rounds(
    _ clusterRounds: [ClusterRoundRecord], names: [String], of count: Int, switchRound: Int?
  ) -> ReportChart? {
    let colors = Palette(clusters: names)
    let records = clusterRounds.filter {
      $0.testAccuracy != nil && names.indices.contains($0.cluster)
    }
    guard !records.isEmpty else { return nil }
    // Only where a sample of the clients was evaluated.
    func interval(_ record: ClusterRoundRecord) -> (low: Double, high: Double)? {
      guard let mean = record.testAccuracy, let error = record.standardError else { return nil }
      return (max(0, mean - 1.96 * error), min(1, mean + 1.96 * error))
    }
    let isSampled = records.contains { interval($0) != nil }
    let values = records.map { record -> JSONValue in
      [
        "round": .integer(record.round), "cluster": .string(names[record.cluster]),
        "accuracy": VegaLite.percent(record.testAccuracy),
        "lower": VegaLite.percent(interval(record)?.low),
        "upper": VegaLite.percent(interval(record)?.high),
      ]
    }
    let place: [String: JSONValue] = [
      "x": VegaLite.number("round", "round", axis: ["tickMinStep": 1, "format": "d"]),
      "y": VegaLite.number("accuracy", "test accuracy, %"),
    ]
    let tooltip = VegaLite.tooltip([
      ("cluster", "cluster"), ("round", "round"), ("accuracy", "accuracy, %"),
    ])
    var layers = [
      VegaLite.layer(
        ["type": "rule", "opacity": 0.45],
        [
          "x": VegaLite.number("round", "round"),
          "y": VegaLite.number("lower", "test accuracy, %"), "y2": ["field": "upper"],
          "color": VegaLite.series("cluster", order: names, colors)["color"] ?? .null,
        ], filter: "isValid(datum.lower)", isNeeded: isSampled),
      VegaLite.layer(
        ["type": "line", "strokeWidth": 2],
        place.merging(VegaLite.lines("cluster", order: names, colors)) { $1 }),
      VegaLite.layer(
        ["type": "point", "filled": true, "size": 75, "opacity": 1],
        place.merging(VegaLite.series("cluster", order: names, colors)) { $1 }
          .merging(["tooltip": tooltip]) { $1 }),
    ]
    if let last = switchRound {
      let isLate = 2 * last > count
      let label: JSONValue = [
        "round": .number(Double(last) + 0.5),
        "label": .string("soft clustering up to round \(last)"),
      ]
      let x = VegaLite.number("round", "round")
      layers.append(
        VegaLite.layer(
          ["type": "rule", "strokeDash": [4, 4], "color": "#888"], ["x": x], values: [label]))
      layers.append(
        VegaLite.layer(
          [
            "type": "text", "align": .string(isLate ? "right" : "left"), "dx": isLate ? -5 : 5,
            "baseline": "bottom",
          ],
          ["x": x, "y": ["value": 336], "text": ["field": "label"]], values: [label]))
    }
    return ReportChart(
      id: "rounds",
      caption: "Test accuracy of every true cluster after each round."
        + (isSampled
          ? " Bars are 95 % intervals of what all its clients would have, from the sample that was evaluated."
          : ""),
      specification: VegaLite.specification(
        "Accuracy of every cluster over rounds", values: values,
        layout: .single(width: 860),
        body: ["width": 640, "height": 340, "layer": VegaLite.layers(layers)]),
      columns: ["round", "true cluster", "accuracy"] + (isSampled ? ["95 %"] : []),
      rows: records.map { record in
        ["\(record.round)", names[record.cluster], NumberText.percent(record.testAccuracy)]
          + (isSampled
            ? [
              interval(record).map {
                "\(NumberText.percent($0.low)) to \(NumberText.percent($0.high))"
              } ?? "–"
            ] : [])
      })
  }

  /// The clients in two components of their first updates: without the noise and as the server saw them,
  /// by true cluster and by the model that they ended with. Nil for methods that do not cluster by updates.
  var clustering: ReportChart? {
    guard let clustering = result.clustering, !clustering.projection.isEmpty,
      clustering.projection.count == result.clients.count
    else { return nil }
    let wrong = Set(result.agreement?.misassignedClients ?? [])
    let models = modelSeries
    let truth = clustering.projectionWithoutNoise.flatMap {
      $0.count == result.clients.count ? $0 : nil
    }
    let shown = shown
    let values = shown.clients.map { client -> JSONValue in
      let seen = clustering.projection[client.client]
      let plain = truth?[client.client]
      return [
        "client": .string(name(client.client)), "cluster": .string(names[client.cluster]),
        "model": .string("model \(client.model)"),
        "misassigned": .bool(wrong.contains(client.client)),
        "first": VegaLite.rounded(seen.first),
        "second": VegaLite.rounded(seen.count > 1 ? seen[1] : 0),
        "first_without_noise": VegaLite.rounded(plain?.first),
        "second_without_noise": VegaLite.rounded(plain.map { $0.count > 1 ? $0[1] : 0 }),
      ]
    }
    let tooltip = VegaLite.tooltip([
      ("client", "client"), ("cluster", "true cluster"), ("model", "ended with"),
      ("misassigned", "misassigned"),
    ])
    func panel(
      _ title: String, _ fields: (String, String), _ series: [String: JSONValue]
    ) -> JSONValue {
      let noGrid: JSONValue = ["labels": false, "ticks": false, "grid": false]
      let place: [String: JSONValue] = [
        "x": VegaLite.number(fields.0, "first component", padding: 14, axis: noGrid),
        "y": VegaLite.number(fields.1, "second component", padding: 14, axis: noGrid),
      ]
      return [
        "title": .string(title), "width": 225, "height": 225,
        "view": ["stroke": "#8888"],
        "layer": VegaLite.layers([
          VegaLite.layer(
            ["type": "point", "size": 280, "color": "#d33", "strokeWidth": 2, "tooltip": .null],
            place, filter: "datum.misassigned", isNeeded: !wrong.isEmpty),
          VegaLite.layer(
            ["type": "point", "filled": true, "size": 90, "opacity": 0.85],
            place.merging(series) { $1 }.merging(["tooltip": tooltip]) { $1 }),
        ]),
      ]
    }
    let clusters = VegaLite.series("cluster", title: "true cluster", order: names, colors)
    var panels = [
      panel("As released, by true cluster", ("first", "second"), clusters),
      panel("As released, by model found", ("first", "second"), models),
    ]
    if truth != nil {
      panels.insert(
        panel(
          "Without the noise (not private)", ("first_without_noise", "second_without_noise"),
          clusters.mapValues { VegaLite.withoutLegend($0) }), at: 0)
    }
    return ReportChart(
      id: "clustering",
      caption:
        "Each mark is a client, where its first update lies in two principal components; a red "
        + "ring marks a client that ended with a wrong cluster."
        + (truth == nil
          ? ""
          : " A found model has the colour of the true cluster from which most of its clients come. The "
            + "picture without noise is what the simulator alone knows: it is not private, no "
            + "server sees it, and no method used it. Its components are its own.") + shown.note,
      specification: VegaLite.specification(
        "The clients in two principal components of their first updates", values: values,
        layout: .panels(columns: 3, least: 200, most: 270, left: 24), legend: "bottom",
        legendColumns: 2,
        body: [
          "concat": .array(panels), "columns": 3, "spacing": 28,
          "resolve": [
            "scale": ["color": "independent", "shape": "independent"]
          ],
        ]),
      columns: ["client", "true cluster", "model", "misassigned", "components as released"],
      rows: shown.clients.map { client in
        [
          name(client.client), names[client.cluster], "\(client.model)",
          wrong.contains(client.client) ? "yes" : "no",
          clustering.projection[client.client].prefix(2)
            .map { NumberText.decimal($0, 3) }.joined(separator: ", "),
        ]
      })
  }

  /// The found models: each in the colour and the shape of the true cluster from which most of its clients come; of
  /// several models of one cluster the later ones have shapes of their own.
  private var modelSeries: [String: JSONValue] {
    func title(_ model: Int) -> String { "model \(model)" }
    let models = Set(result.clients.map(\.model)).sorted()
    let palette = Palette(models: result.clients, name: title, clusters: names)
    var taken: Set<String> = []
    let shapes = models.map { model -> String in
      let own = names.firstIndex { colors.color($0) == palette.color(title(model)) } ?? 0
      let wanted = VegaLite.shapes[own % VegaLite.shapes.count]
      let shape =
        taken.contains(wanted)
        ? VegaLite.shapes.last { !taken.contains($0) } ?? wanted : wanted
      taken.insert(shape)
      return shape
    }
    return VegaLite.series(
      "model", title: "model found", order: models.map(title), palette, shapes: shapes)
  }

  /// Every client's final accuracy, with what it would have without privacy.
  var clients: ReportChart {
    let shown = shown
    let order = shown.clients.sorted { ($0.cluster, $0.client) < ($1.cluster, $1.client) }
    let others = Dictionary(
      (reference?.clients ?? []).map { ($0.client, $0.accuracy) },
      uniquingKeysWith: { one, _ in one })
    func without(_ client: ClientResult) -> Double? { others[client.client] }
    let values = order.enumerated().map { place, client -> JSONValue in
      [
        "place": .integer(place + 1), "client": .string(name(client.client)),
        "cluster": .string(names[client.cluster]), "accuracy": VegaLite.percent(client.accuracy),
        "without": VegaLite.percent(without(client)),
        "epsilon": .string(result.marked(client.epsilon)),
        "examples": .integer(client.trainExamples),
      ]
    }
    let noTicks: JSONValue = ["labels": false, "ticks": false, "grid": false]
    let x = VegaLite.number("place", "clients, by true cluster", padding: 14, axis: noTicks)
    let title = "test accuracy, %"
    let series = VegaLite.series("cluster", order: names, colors)
    let color = ["color": series["color"] ?? .null]
    let tooltip = VegaLite.tooltip([
      ("client", "client"), ("cluster", "cluster"), ("accuracy", "accuracy, %"),
      ("without", "without privacy, %"), ("epsilon", "ε at most"), ("examples", "examples"),
    ])
    var layers = [
      VegaLite.layer(
        ["type": "point", "filled": true, "size": 75, "opacity": 1],
        ["x": x, "y": VegaLite.number("accuracy", title), "tooltip": tooltip].merging(series) { $1 }
      )
    ]
    if reference != nil {
      layers.insert(
        VegaLite.layer(
          ["type": "rule", "opacity": 0.45],
          ["x": x, "y": VegaLite.number("accuracy", title), "y2": ["field": "without"]]
            .merging(color) { $1 }), at: 0)
      layers.append(
        VegaLite.layer(
          ["type": "tick", "orient": "horizontal", "bandSize": 14, "thickness": 2],
          ["x": x, "y": VegaLite.number("without", title), "tooltip": tooltip]
            .merging(color) { $1 }))
    }
    return ReportChart(
      id: "clients",
      caption: "Final test accuracy of every client, grouped by true cluster"
        + (reference == nil
          ? "."
          : "; the bar above or below is its accuracy in the run of the same seed without privacy.")
        + shown.note + result.allowedCaption,
      specification: VegaLite.specification(
        "Final accuracy of every client", values: values, layout: .single(width: 860),
        body: ["width": 640, "height": 320, "layer": VegaLite.layers(layers)]),
      columns: ["client", "true cluster", "accuracy", "without privacy", "ε", "training examples"],
      rows: order.map {
        [
          name($0.client), names[$0.cluster], NumberText.percent($0.accuracy),
          NumberText.percent(without($0)), result.marked($0.epsilon), "\($0.trainExamples)",
        ]
      })
  }
}
