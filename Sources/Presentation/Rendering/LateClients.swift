// What a run's table and document say of clients that came after training, and of clusters whose data changed.

import Federation
import Formatting
import Scenarios
import Store

extension RunSections {
  /// Clients that came after training, by how they were served; nil where none did.
  func arrivals() -> [String]? {
    guard let arrivals = result.arrivals, !arrivals.isEmpty else { return nil }
    var table = TextTable(
      [("cluster", .left), ("clients", .right)]
        + ["routed by row", "by example", "mean model", "chosen", "best"].map { ($0, .right) })
    for arrival in arrivals {
      table.add(
        [TextTable.Cell(arrival.name), "\(arrival.clients.count)"]
          + [
            arrival.mean(\.byToken), arrival.mean(\.byExample), arrival.mean(\.mean),
            arrival.mean(\.chosen), arrival.mean(\.best),
          ].map { TextTable.Cell($0.map { NumberText.percent($0) } ?? "-") })
    }
    let cost =
      result.arrivalsEpsilon.map {
        "the choice costs each client an epsilon of \(NumberText.epsilon($0)) at most, all it releases"
      } ?? "the choice is not private"
    var lines = [heading("Clients that came after training")] + table.lines(colors: colors)
    lines.append("  Routing (Arrow) and the mean cost no privacy; \(cost).")
    lines.append("  The best model for their test examples is known to the simulation alone.")
    if arrivals.allSatisfy({ $0.mean(\.byToken) == nil }) {
      lines.append(
        "  Nothing is routed (-): that takes LoRA on a common base, with nothing but linear layers behind it."
      )
    }
    if arrivals.allSatisfy({ $0.mean(\.mean) == nil }) {
      lines.append("  There is no mean model (-): adapters of this kind are no other weights.")
    }
    return lines
  }

  /// Clusters whose data changed; nil where none did.
  func changes() -> [String]? {
    guard let changes = result.changes, !changes.isEmpty else { return nil }
    var table = TextTable([
      ("cluster", .left), ("from round", .right), ("old, best", .right), ("old, end", .right),
      ("forgotten", .right), ("new, before", .right), ("new, end", .right),
    ])
    for change in changes {
      table.add([
        TextTable.Cell(result.clusters[change.cluster].name), "\(change.fromRound)",
        "\(NumberText.percent(change.bestOld))", "\(NumberText.percent(change.oldAtEnd))",
        "\(NumberText.points(change.forgetting))",
        TextTable.Cell(change.newAtChange.map { NumberText.percent($0) } ?? "-"),
        "\(NumberText.percent(change.newAtEnd))",
      ])
    }
    return [heading("Clusters whose data changed")] + table.lines(colors: colors)
  }
}

extension ArrivalResult {
  /// Accuracies are means over the cluster's clients.
  var document: JSONValue {
    [
      "name": .string(name), "clients": .integer(clients.count),
      "routed_by_row": JSONValue(mean(\.byToken)),
      "routed_by_example": JSONValue(mean(\.byExample)),
      "mean_model": JSONValue(mean(\.mean)), "chosen": JSONValue(mean(\.chosen)),
      "best": JSONValue(mean(\.best)), "epsilon": JSONValue(epsilon),
      "each": .array(
        clients.map {
          [
            "client": .integer($0.client), "routed_by_row": JSONValue($0.byToken),
            "routed_by_example": JSONValue($0.byExample), "mean_model": JSONValue($0.mean),
            "chosen": .number($0.chosen), "model": .integer($0.model),
            "epsilon": JSONValue($0.epsilon), "best": .number($0.best),
          ]
        }),
    ]
  }
}

extension ChangeResult {
  func document(named name: String) -> JSONValue {
    [
      "name": .string(name), "from_round": .integer(fromRound), "old_best": .number(bestOld),
      "old_at_change": JSONValue(oldAtChange), "old_at_end": .number(oldAtEnd),
      "forgetting": .number(forgetting), "new_at_change": JSONValue(newAtChange),
      "new_at_end": .number(newAtEnd), "gain": JSONValue(gain),
    ]
  }
}
