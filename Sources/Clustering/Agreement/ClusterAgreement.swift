// How well found clusters agree with the true ones, which only a simulator knows.
//
// ARI: Hubert and Arabie, "Comparing partitions" (1985). NMI with the arithmetic mean of the two
// entropies: Vinh, Epps, Bailey, JMLR 11 (2010).

import Kernels

/// The comparison of two labelings of the same clients; label values are names and carry no order.
public struct ClusterAgreement: Sendable, Hashable, Codable {
  /// Number of clients.
  public var count: Int
  /// Distinct labels, ascending.
  public var trueLabels: [Int]
  public var foundLabels: [Int]
  /// found × true counts of clients.
  public var contingency: [[Int]]
  /// Adjusted Rand index in [−1, 1]; 1 if both labelings are trivial in the same way; nil for n < 2.
  public var adjustedRand: Double?
  /// Normalised mutual information in [0, 1]; 1 if both are one cluster; nil for n = 0.
  public var normalizedMutualInformation: Double?
  /// Share of clients in the commonest true cluster of their found one, in (0, 1]; nil for n = 0.
  public var purity: Double?
  /// The true label each found label stands for in the matching with most agreeing clients; a found
  /// label left over has none.
  public var matching: [Int: Int]
  /// Clients, ascending, whose found label does not stand for their true one.
  public var misassignedClients: [Int]
  /// True labels, ascending, whose clients are exactly the clients of one found label.
  public var isolatedTrueLabels: [Int]

  /// Whether the clients of a true cluster, and no others, share a found cluster: the detection of
  /// the minority in the R-DPCFL papers.
  public func isIsolated(trueLabel: Int) -> Bool { isolatedTrueLabels.contains(trueLabel) }

  /// Throws `unequalCounts` if the two labelings differ in length.
  public init(truth: [Int], found: [Int]) throws(ClusteringError) {
    guard truth.count == found.count else {
      throw .unequalCounts(what: "found labels", expected: truth.count, found: found.count)
    }
    let trueLabels = Set(truth).sorted()
    let foundLabels = Set(found).sorted()
    let trueIndex = Dictionary(uniqueKeysWithValues: zip(trueLabels, trueLabels.indices))
    let foundIndex = Dictionary(uniqueKeysWithValues: zip(foundLabels, foundLabels.indices))
    var table = [[Int]](
      repeating: [Int](repeating: 0, count: trueLabels.count), count: foundLabels.count)
    for (t, f) in zip(truth, found) {
      if let row = foundIndex[f], let column = trueIndex[t] { table[row][column] += 1 }
    }
    count = truth.count
    self.trueLabels = trueLabels
    self.foundLabels = foundLabels
    contingency = table
    adjustedRand = ClusterAgreement.adjustedRand(table)
    normalizedMutualInformation = ClusterAgreement.normalizedMutualInformation(table)
    let pure = table.reduce(0) { $0 + ($1.max() ?? 0) }
    purity = truth.isEmpty ? nil : Double(pure) / Double(truth.count)
    var matching: [Int: Int] = [:]
    for (row, column) in OptimalMatching.maximize(table).enumerated() {
      if let column { matching[foundLabels[row]] = trueLabels[column] }
    }
    self.matching = matching
    misassignedClients = truth.indices.filter { matching[found[$0]] != truth[$0] }
    isolatedTrueLabels = trueLabels.indices.filter { column in
      table.contains { row in
        row[column] > 0 && row.indices.allSatisfy { $0 == column || row[$0] == 0 }
          && row[column] == table.reduce(0) { $0 + $1[column] }
      }
    }.map { trueLabels[$0] }
  }

  private static func pairs(_ n: Int) -> Double { Double(n) * Double(n - 1) / 2 }

  private static func margins(_ table: [[Int]]) -> (rows: [Int], columns: [Int]) {
    let rows = table.map { $0.reduce(0, +) }
    let columns = (table.first?.indices ?? 0..<0).map { j in table.reduce(0) { $0 + $1[j] } }
    return (rows, columns)
  }

  private static func adjustedRand(_ table: [[Int]]) -> Double? {
    let (rows, columns) = margins(table)
    let total = pairs(rows.reduce(0, +))
    guard total > 0 else { return nil }
    let together = table.joined().reduce(0) { $0 + pairs($1) }
    let found = rows.reduce(0) { $0 + pairs($1) }
    let truth = columns.reduce(0) { $0 + pairs($1) }
    let expected = found * truth / total
    let largest = (found + truth) / 2
    // Both all-in-one or both all-alone: no partition could agree less by chance.
    guard largest != expected else { return 1 }
    return (together - expected) / (largest - expected)
  }

  private static func normalizedMutualInformation(_ table: [[Int]]) -> Double? {
    let (rows, columns) = margins(table)
    let n = Double(rows.reduce(0, +))
    guard n > 0 else { return nil }
    func entropy(_ counts: [Int]) -> Double {
      counts.reduce(0) { $0 - ($1 > 0 ? Double($1) / n * Elementary.log(Double($1) / n) : 0) }
    }
    let scale = (entropy(rows) + entropy(columns)) / 2
    guard rows.count > 1 || columns.count > 1 else { return 1 }
    var information = 0.0
    for (i, row) in table.enumerated() {
      for (j, cell) in row.enumerated() where cell > 0 {
        let share = Double(cell) / n
        information +=
          share * Elementary.log(share * n * n / (Double(rows[i]) * Double(columns[j])))
      }
    }
    return min(max(information / scale, 0), 1)
  }
}
