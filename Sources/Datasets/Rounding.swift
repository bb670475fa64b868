// Whole numbers that add up exactly: shares of a total, by largest remainder or at random.

/// Splits `total` in proportion to `weights` (non-negative, with a positive sum) by largest
/// remainder; equal remainders favour the lower position. No share exceeds its weight unless `total`
/// exceeds the sum of the weights.
///
/// - Precondition: `total` and every weight lie between 0 and 2³¹.
func largestRemainder(_ total: Int, weights: [Int]) -> [Int] {
  let sum = weights.reduce(0, +)
  precondition(sum > 0 || total == 0, "a total cannot be split among weights that are all zero")
  guard sum > 0 else { return weights }
  // Exact in 64 bits: both factors are at most 2³¹.
  var shares = weights.map { total * $0 / sum }
  let remainders = weights.map { total * $0 % sum }
  let left = total - shares.reduce(0, +)
  let order = weights.indices.sorted {
    remainders[$0] != remainders[$1] ? remainders[$0] > remainders[$1] : $0 < $1
  }
  for position in order.prefix(left) { shares[position] += 1 }
  return shares
}

/// Splits `total` in proportion to `weights` so that each share is its exact value rounded down or up,
/// and on average over `offset`, uniform in [0, 1), is the exact value (systematic sampling).
///
/// Largest remainder would give all clients of one example the same label; this does not.
/// - Precondition: the weights are finite and non-negative, with a positive sum.
func systematicShares(_ total: Int, weights: [Double], offset: Double) -> [Int] {
  let sum = weights.reduce(0, +)
  guard let last = weights.lastIndex(where: { $0 > 0 }), sum.isFinite else {
    preconditionFailure("a total cannot be split among weights without a positive, finite sum")
  }
  var shares: [Int] = []
  var cumulative = 0.0
  var reached = 0
  for (position, weight) in weights.enumerated() {
    cumulative += weight / sum * Double(total)
    let exact = Int((cumulative + offset).rounded(.down))
    let end = position >= last ? total : max(reached, min(total, exact))
    shares.append(end - reached)
    reached = end
  }
  return shares
}
