// Which models the clients of a true cluster use.

/// How many clients of each true cluster use each model: kept up by moves, since counting a million clients takes as long
/// as a round.
package struct ModelUsage: Sendable {
  private struct Pair: Hashable {
    let cluster: Int
    let model: Int
  }
  private var counts: [Pair: Int] = [:]

  package init(_ assignment: Assignment, clusterOf: (Int) -> Int) {
    for (client, model) in assignment.enumerated() {
      counts[Pair(cluster: clusterOf(client), model: model), default: 0] += 1
    }
  }

  package mutating func take(_ move: Assignment.Move, cluster: Int) {
    let old = Pair(cluster: cluster, model: move.from)
    counts[old, default: 0] -= 1
    if counts[old] == 0 { counts[old] = nil }
    counts[Pair(cluster: cluster, model: move.to), default: 0] += 1
  }

  /// Whether no cluster uses two models, and no model serves two clusters.
  package var isOneToOne: Bool {
    Set(counts.keys.map(\.cluster)).count == counts.count
      && Set(counts.keys.map(\.model)).count == counts.count
  }
}
