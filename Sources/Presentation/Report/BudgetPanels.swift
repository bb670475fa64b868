// Panels of a chart, one for each budget.

import Analysis
import JSON
import Scenarios

enum BudgetPanels {
  /// What rows have in their field `budget`, and panels as their title.
  static func title(_ epsilon: EpsilonTarget) -> JSONValue {
    .string(epsilon.isNone ? "without privacy" : "ε = \(epsilon.label)")
  }

  /// The body of a chart with a panel for each of the budgets.
  ///
  /// - Parameter panel: the specification of one.
  static func body(_ budgets: [EpsilonTarget], panel: JSONValue) -> [String: JSONValue] {
    [
      "facet": [
        "field": "budget", "type": "nominal", "title": .null,
        "sort": .array(Set(budgets).sorted().map(title)),
      ],
      "columns": 3, "spec": panel,
    ]
  }
}
