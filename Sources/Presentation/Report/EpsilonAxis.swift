// The axis of budgets: logarithmic in ε, with a place for "no privacy" at its right end.

import Analysis
import Foundation
import Scenarios

/// Where budgets stand in the charts that compare them.
struct EpsilonAxis {
  private let places: [(target: EpsilonTarget, x: Double)]

  init(_ epsilons: [EpsilonTarget]) {
    let sorted = epsilons.sorted()
    let end = 2 * (sorted.filter(\.high.isFinite).last?.high ?? 0.5)
    places = sorted.map { ($0, $0.high.isFinite ? $0.high : end) }
  }

  func place(of target: EpsilonTarget) -> Double? { places.first { $0.target == target }?.x }

  /// The horizontal channel of a chart whose rows have their place in the field `x`.
  var channel: JSONValue {
    let ticks = Set(places.map(\.x)).sorted()
    let labels = ticks.map { tick in
      places.filter { $0.x == tick }.map(\.target.label).joined(separator: " / ")
    }
    let list = JSONValue.array(labels.map { .string($0) }).text
    let values = JSONValue.array(ticks.map { .number($0) })
    return [
      "field": "x", "type": "quantitative", "title": "ε",
      "scale": [
        "type": "log", "base": 2,
        "domain": [.number((ticks.first ?? 1) / 1.12), .number((ticks.last ?? 1) * 1.12)],
        "nice": false,
      ],
      "axis": [
        "values": values, "grid": false,
        "labelExpr": .string("\(list)[indexof(\(values.text), datum.value)]"),
      ],
    ]
  }
}
