// Which clients a report shows one by one, where there are more than a page can bear or a reader can look at.

import Federation
import Formatting

/// The clients that have a mark in charts and a row in tables.
package struct ShownClients {
  /// About as many are shown where there are more.
  package static let most = 1000

  /// Ascending by number.
  let clients: [ClientResult]
  /// Which they are, as a sentence with a space in front; empty where they are all.
  let note: String

  /// - Parameter always: numbers of clients that must be among them.
  init(of result: RunResult, always: [Int] = []) {
    let all = result.clients
    let places = Self.places(
      accuracies: all.map(\.accuracy), clusters: all.map(\.cluster))
    guard places.count < all.count else {
      clients = all
      note = ""
      return
    }
    let wanted = Set(always)
    let shown = Set(places).union(all.indices.filter { wanted.contains(all[$0].client) })
    clients = shown.sorted().map { all[$0] }
    note =
      " Of \(NumberText.grouped(all.count)) clients \(NumberText.grouped(clients.count)) are shown: those of every true "
      + "cluster evenly by accuracy, its worst and its best among them; `dpflsim export` has all."
  }

  /// Places in a list of clients, ascending: all of them, or of every cluster a share in proportion, evenly by accuracy
  /// from its worst to its best.
  package static func places(accuracies: [Double], clusters: [Int]) -> [Int] {
    guard accuracies.count > most else { return Array(accuracies.indices) }
    var chosen: [Int] = []
    for (_, members) in Dictionary(grouping: accuracies.indices, by: { clusters[$0] }) {
      let order = members.sorted { (accuracies[$0], $0) < (accuracies[$1], $1) }
      let share = min(order.count, max(2, most * order.count / accuracies.count))
      let last = order.count - 1
      chosen += (0..<share).map { order[share > 1 ? $0 * last / (share - 1) : 0] }
    }
    return chosen.sorted()
  }
}
