// The split of clustered federated learning.

/// Divides clients in two so that the most similar pair across the parts is as little similar as possible.
///
/// Sattler, Müller, Samek, "Clustered federated learning: model-agnostic distributed multitask optimization under
/// privacy constraints" (IEEE TNNLS 2020), Algorithm 1: pairs are joined by descending similarity until two components
/// are left (single linkage).
public struct Bipartition: Sendable, Hashable {
  /// For each client whether it is in the second part; the first client is in the first.
  public let isSecond: [Bool]
  /// The largest similarity across the parts, α_cross^max.
  public let crossSimilarity: Double

  /// - Parameter similarity: n × n, symmetric, entries from -1 to 1; n ≥ 2.
  public init?(similarity: [[Double]]) {
    let count = similarity.count
    guard count >= 2, similarity.allSatisfy({ $0.count == count }) else { return nil }
    var pairs: [(first: Int, second: Int)] = []
    for first in 0..<count {
      for second in first + 1..<count { pairs.append((first, second)) }
    }
    // Ties by position, so that the order is that of the clients.
    pairs.sort {
      let (left, right) = (similarity[$0.first][$0.second], similarity[$1.first][$1.second])
      return left != right ? left > right : ($0.first, $0.second) < ($1.first, $1.second)
    }
    var part = Array(0..<count)
    var parts = count
    for pair in pairs where parts > 2 && part[pair.first] != part[pair.second] {
      let joined = part[pair.second]
      for index in part.indices where part[index] == joined { part[index] = part[pair.first] }
      parts -= 1
    }
    isSecond = part.map { $0 != part[0] }
    var cross = -Double.infinity
    for pair in pairs where part[pair.first] != part[pair.second] {
      cross = max(cross, similarity[pair.first][pair.second])
    }
    crossSimilarity = cross
  }
}
