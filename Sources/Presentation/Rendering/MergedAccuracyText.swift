// How good a merged model is for the owners of its parts, as a table and as JSON.

public import Analysis
import Formatting
import Foundation
public import Scenarios

extension MergedAccuracy {
  public var document: JSONValue {
    .array(
      parts.map {
        [
          "part": .string($0.path), "run_id": .string($0.run),
          "clients": .array($0.clients.map { .integer($0) }),
          "test_examples": .integer($0.examples),
          "accuracy": .number($0.alone), "accuracy_merged": .number($0.merged),
          "accuracy_base": .number($0.base),
        ]
      })
  }

  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("part", .left), ("clients", .right), ("test examples", .right), ("base", .right),
      ("part alone", .right), ("merged", .right),
    ])
    func add(_ name: String, _ clients: Int, _ examples: Int, _ shares: [Double]) {
      table.add(
        [TextTable.Cell(name), TextTable.Cell("\(clients)"), TextTable.Cell("\(examples)")]
          + shares.map { TextTable.Cell(String(format: "%.1f %%", 100 * $0)) })
    }
    for part in parts {
      add(part.path, part.clients.count, part.examples, [part.base, part.alone, part.merged])
    }
    func mean(_ value: (Part) -> Double) -> Double {
      parts.reduce(0) { $0 + value($1) } / Double(max(parts.count, 1))
    }
    if parts.count > 1 {
      add(
        "mean of the parts", parts.reduce(0) { $0 + $1.clients.count },
        parts.reduce(0) { $0 + $1.examples },
        [mean(\.base), mean(\.alone), mean(\.merged)])
    }
    return table.lines(colors: colors)
  }
}
