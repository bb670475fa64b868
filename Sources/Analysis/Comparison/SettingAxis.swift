// Any setting that was varied as an axis: a row or a mark for each of its values.

import Federation
import Scenarios

/// Cells that differ in one setting alone.
package struct SettingSeries {
  /// Method, and the other settings in which the runs differ.
  package let name: String
  package let method: String
  package let epsilon: EpsilonTarget
  /// By value of the setting, numbers in ascending order.
  package let cells: [ComparisonCell]
}

extension Comparison {
  /// Paths of the settings in which the runs differ, other than seed, method and budget.
  public var variedSettings: [String] { Set(cells.flatMap { $0.varied.keys }).sorted() }

  /// Settings that people vary: not what tells data and builds apart.
  public var axes: [String] {
    variedSettings.filter { !["build", "data_hash", "name"].contains($0) }
  }

  /// The series over a setting, those with at least one value each.
  package func series(over path: String) -> [SettingSeries] {
    struct Key: Hashable {
      let scenario: String
      let others: [String: String]
      let method: String
      let epsilon: EpsilonTarget
    }
    var order: [Key] = []
    var groups: [Key: [ComparisonCell]] = [:]
    for cell in cells where cell.varied[path] != nil {
      var others = cell.varied
      others[path] = nil
      let key = Key(
        scenario: cell.scenario, others: others, method: cell.baseMethod, epsilon: cell.epsilon)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(cell)
    }
    let hasScenarios = scenarios.count > 1
    return order.map { key in
      let label = Settings.label(key.others)
      let parts =
        [key.method] + (hasScenarios ? [key.scenario] : []) + (label.isEmpty ? [] : [label])
      return SettingSeries(
        name: parts.joined(separator: ", "), method: key.method, epsilon: key.epsilon,
        cells: (groups[key] ?? []).sorted { Self.isBefore($0.varied[path], $1.varied[path]) })
    }
  }

  /// Numbers by size, before everything else by letter.
  package static func isBefore(_ first: String?, _ second: String?) -> Bool {
    switch (first.flatMap(Double.init), second.flatMap(Double.init)) {
    case (let a?, let b?): a < b
    case (_?, nil): true
    case (nil, _?): false
    case (nil, nil): (first ?? "") < (second ?? "")
    }
  }
}

extension ComparisonCell {
  /// The method without its settings.
  var baseMethod: String { runs.first?.result.method ?? method }
}
