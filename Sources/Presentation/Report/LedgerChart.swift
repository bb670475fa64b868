// How the ε of the client that pays most grows over the rounds, computed from its ledger up to each.

import Federation
import Formatting
import Foundation
import Privacy
import Scenarios

/// The ε that the releases of one client prove, round after round.
struct Spending: Sendable {
  let client: Int
  let target: Double?
  let delta: Double
  let accountant: AccountantKind
  /// After some rounds, ascending, the last one included.
  let points: [(round: Int, epsilon: Double)]

  /// A bound takes time; more points than this would show nothing new.
  private static let most = 8

  /// Nil for a run without an ε, and where no accountant proves one.
  init?(_ result: RunResult, ledger: [LedgerEntry], scenario: Scenario) {
    let covered = result.clients.filter { $0.epsilon != nil }
    guard let payer = covered.max(by: { ($0.epsilon ?? 0) < ($1.epsilon ?? 0) }) else { return nil }
    client = payer.client
    target = payer.targetEpsilon
    delta = payer.delta
    accountant = scenario.privacy.accountant.kind
    let own = ledger.filter { $0.client == nil || $0.client == payer.client }
    let rounds = Set(own.map(\.round)).sorted()
    let step = max(1, (rounds.count + Self.most - 1) / Self.most)
    let shown = rounds.indices.filter { $0 == rounds.count - 1 || $0.isMultiple(of: step) }
    // What is left of δ where a part of it is spent on more than conversion.
    let spentDelta = scenario.accountedDelta(payer.delta)
    var points: [(round: Int, epsilon: Double)] = []
    for place in shown {
      let spent = PrivacyLedger(own.filter { $0.round <= rounds[place] })
      guard let bound = try? accountant.accountant.bound(for: spent.cost, delta: spentDelta),
        bound.epsilon.isFinite
      else { continue }
      points.append((rounds[place], bound.epsilon))
    }
    guard points.count > 1 else { return nil }
    self.points = points
  }

  /// - Parameter result: of the run, which says what was allowed for it.
  func chart(_ names: [String], _ result: RunResult) -> ReportChart {
    let name = names.indices.contains(client) ? names[client] : "\(client)"
    let values = points.map { point -> JSONValue in
      [
        "round": .integer(point.round), "epsilon": VegaLite.epsilon(point.epsilon),
        "stated": .string(result.marked(point.epsilon)),
      ]
    }
    let place: [String: JSONValue] = [
      "x": VegaLite.number("round", "round", axis: ["tickMinStep": 1, "format": "d"]),
      "y": VegaLite.number("epsilon", "ε spent", zero: true),
    ]
    let goal = target.map { ["epsilon": .number($0), "label": "target"] as JSONValue }
    return ReportChart(
      id: "spending",
      caption:
        "ε of client \(name), which pays most, after some of the rounds: of all its releases up to there, at δ "
        + "\(NumberText.exact(delta)), by the accountant \(AccountantTitle.text(accountant))."
        + result.allowedCaption,
      specification: VegaLite.specification(
        "Epsilon spent over rounds", values: values, layout: .single(width: 620),
        body: [
          "width": 560, "height": 200,
          "layer": VegaLite.layers([
            VegaLite.layer(["type": "line", "color": "#888", "strokeWidth": 2], place),
            VegaLite.layer(
              [
                "type": "point", "filled": .bool(result.allowedRules.isEmpty), "size": 70,
                "opacity": 1, "color": "#888",
              ],
              place.merging([
                "tooltip": VegaLite.tooltip([("round", "round"), ("stated", "ε")])
              ]) { $1 }),
            VegaLite.layer(
              ["type": "rule", "strokeDash": [4, 4], "color": "#888"],
              ["y": VegaLite.number("epsilon", "ε spent", zero: true)], isNeeded: goal != nil,
              values: goal.map { [$0] }),
            VegaLite.layer(
              ["type": "text", "align": "left", "baseline": "top", "dy": 4],
              [
                "x": ["value": 4], "y": VegaLite.number("epsilon", "ε spent", zero: true),
                "text": ["field": "label"],
              ], isNeeded: goal != nil, values: goal.map { [$0] }),
          ]),
        ]),
      columns: ["round", "ε spent"],
      rows: points.map { ["\($0.round)", result.marked($0.epsilon)] })
  }
}
