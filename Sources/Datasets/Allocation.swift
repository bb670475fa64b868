// How many examples of each label each client gets when labels can run out.

import Kernels

/// Gives every client exactly the number of examples it needs.
///
/// In turns: each client splits what it still needs among the labels that are left, in its own
/// proportions (if all of those have run out, in the proportions of the stock); a label that is asked
/// for more than it has is rationed in proportion to the requests. A turn that leaves somebody in need
/// has used up a label, so there are at most as many turns as labels, and clients do not gain by being
/// first.
///
/// - Parameters:
///   - needs: for each client the number of examples.
///   - weights: for each client a non-negative number for each label.
///   - stock: examples of each label.
///   - offsets: for each client a number in [0, 1) that decides how fractions are rounded.
/// - Returns: for each client the number of examples of each label.
/// - Precondition: the needs add up to at most the stock.
package func allocate(
  needs: [Int], weights: [[Double]], stock: [Int], offsets: [Double]
) -> [[Int]] {
  precondition(
    needs.reduce(0, +) <= stock.reduce(0, +), "clients cannot need more than there is")
  var needs = needs
  var stock = stock
  var given = needs.map { _ in stock.map { _ in 0 } }
  var open = needs.indices.filter { needs[$0] > 0 }
  while !open.isEmpty {
    var requests: [[Int]] = []
    for client in open {
      requests.append(
        request(needs[client], weights: weights[client], stock: stock, offset: offsets[client]))
    }
    for label in stock.indices {
      let wanted = requests.map { $0[label] }
      let total = wanted.reduce(0, +)
      let granted = total <= stock[label] ? wanted : largestRemainder(stock[label], weights: wanted)
      for (place, client) in open.enumerated() {
        given[client][label] += granted[place]
        needs[client] -= granted[place]
      }
      stock[label] -= min(total, stock[label])
    }
    open.removeAll { needs[$0] == 0 }
  }
  return given
}

/// The same for one client that has the stock for itself.
///
/// - Precondition: the need is at most the stock.
package func allocate(need: Int, weights: [Double], stock: [Int], offset: Double) -> [Int] {
  precondition(need <= stock.reduce(0, +), "a client cannot need more than there is")
  var need = need
  var stock = stock
  var given = stock.map { _ in 0 }
  while need > 0 {
    let wanted = request(need, weights: weights, stock: stock, offset: offset)
    for (label, wanted) in wanted.enumerated() {
      let granted = min(wanted, stock[label])
      given[label] += granted
      stock[label] -= granted
      need -= granted
    }
  }
  return given
}

/// What a client asks for in one turn: its need in its own proportions among the labels that are left, or, where those have
/// all run out, in the proportions of the stock.
private func request(_ need: Int, weights: [Double], stock: [Int], offset: Double) -> [Int] {
  var left = stock.indices.map { stock[$0] > 0 ? weights[$0] : 0 }
  if !(left.reduce(0, +) > 0) { left = stock.map(Double.init) }
  return systematicShares(need, weights: left, offset: offset)
}
