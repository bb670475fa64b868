// Marks of cells whose ε says little in the charts that compare cells.

import Analysis
import Scenarios

/// What the charts of cells do with those whose ε says little: no line leads there, and the mark is hollow.
enum AllowedMarks {
  /// Behind a caption; empty where no cell of the chart has the mark.
  static func caption(_ cells: [ComparisonCell]) -> String {
    guard let legend = Comparison.allowedLegend(cells) else { return "" }
    return " \(legend) Its mark is hollow, and no line leads there."
  }

  /// Points, and hollow ones for rows with `allowed`.
  ///
  /// - Parameter filter: of all of them, an expression over a row.
  static func points(
    _ encoding: [String: JSONValue], of cells: [ComparisonCell], opacity: Double = 1,
    filter: String? = nil, isNeeded: (_ isAllowed: Bool) -> Bool = { _ in true }
  ) -> [JSONValue?] {
    let hasAllowed = cells.contains { !$0.allowedRules.isEmpty }
    let more = filter.map { " && " + $0 } ?? ""
    return [
      VegaLite.layer(
        ["type": "point", "filled": true, "size": 75, "opacity": .number(opacity)], encoding,
        filter: hasAllowed ? "!datum.allowed" + more : filter,
        isNeeded: cells.contains(where: \.allowedRules.isEmpty) && isNeeded(false)),
      VegaLite.layer(
        ["type": "point", "filled": false, "size": 75, "strokeWidth": 1.5, "opacity": 1], encoding,
        filter: "datum.allowed" + more, isNeeded: hasAllowed && isNeeded(true)),
    ]
  }
}
