// Agreement with truth against brute-force twins: pair counting and all permutations.

import Clustering
import Kernels
import RealModule
import TestSupport
import Testing

@Suite("Agreement with the true clusters")
struct ClusterAgreementTests {
  private func randomLabels(_ count: Int, _ kinds: Int, _ stream: inout RandomStream) -> [Int] {
    (0..<count).map { _ in Int(stream.nextUnit() * Double(kinds)) }
  }

  private func permutations(_ values: [Int]) -> [[Int]] {
    guard values.count > 1 else { return [values] }
    return values.indices.flatMap { index -> [[Int]] in
      var rest = values
      let head = rest.remove(at: index)
      return permutations(rest).map { [head] + $0 }
    }
  }

  /// ARI from the four kinds of pairs, in the form of Steinley (2004), equation 9.
  private func pairCountedRand(_ a: [Int], _ b: [Int]) -> Double {
    var (both, onlyA, onlyB, neither) = (0.0, 0.0, 0.0, 0.0)
    for i in a.indices {
      for j in 0..<i {
        switch (a[i] == a[j], b[i] == b[j]) {
        case (true, true): both += 1
        case (true, false): onlyA += 1
        case (false, true): onlyB += 1
        case (false, false): neither += 1
        }
      }
    }
    let total = both + onlyA + onlyB + neither
    let chance = (both + onlyA) * (both + onlyB) + (onlyB + neither) * (onlyA + neither)
    let denominator = total * total - chance
    return denominator == 0 ? 1 : (total * (both + neither) - chance) / denominator
  }

  @Test("ARI equals pair counting, the matching equals the best of all permutations")
  func bruteForce() throws {
    var stream = RandomStream(seed: 11, purpose: .test)
    for trial in 0..<300 {
      let n = 2 + trial % 12
      let truth = randomLabels(n, 1 + trial % 5, &stream)
      let found = randomLabels(n, 1 + (trial / 5) % 5, &stream)
      let agreement = try ClusterAgreement(truth: truth, found: found)
      let rand = try #require(agreement.adjustedRand)
      #expect(isClose(rand, pairCountedRand(truth, found), absolute: 1e-12))
      let size = max(agreement.trueLabels.count, agreement.foundLabels.count)
      let best = permutations(Array(0..<size)).map { order in
        agreement.contingency.indices.reduce(0) { sum, row in
          let column = order[row]
          let columns = agreement.trueLabels.count
          return sum + (column < columns ? agreement.contingency[row][column] : 0)
        }
      }.max()
      #expect(agreement.misassignedClients.count == n - (try #require(best)))
      #expect(Set(agreement.matching.values).count == agreement.matching.count)
      let isolated = agreement.trueLabels.filter { label in
        let members = Set(truth.indices.filter { truth[$0] == label })
        return found.indices.contains { i in
          members == Set(found.indices.filter { found[$0] == found[i] })
        }
      }
      #expect(agreement.isolatedTrueLabels == isolated)
    }
  }

  @Test("the matching maximises any table of integers, of either sign and any shape")
  func matchingTwin() {
    var stream = RandomStream(seed: 12, purpose: .test)
    for trial in 0..<200 {
      let (rows, columns) = (1 + trial % 5, 1 + (trial / 5) % 5)
      let values = (0..<rows).map { _ in
        (0..<columns).map { _ in Int(stream.nextUnit() * 20) - 10 }
      }
      let matched = OptimalMatching.maximize(values)
      let reached = matched.enumerated().reduce(0) { sum, entry in
        sum + (entry.element.map { values[entry.offset][$0] } ?? 0)
      }
      let best = permutations(Array(0..<max(rows, columns))).map { order in
        (0..<rows).reduce(0) { $0 + (order[$1] < columns ? values[$1][order[$1]] : 0) }
      }.max()
      #expect(reached == best)
      #expect(matched.compactMap { $0 }.count == min(rows, columns))
    }
    #expect(OptimalMatching.maximize([]) == [])
    #expect(OptimalMatching.maximize([[], []]) == [nil, nil])
  }

  @Test("a hand-computed case, label names do not matter")
  func byHand() throws {
    let truth = [0, 0, 0, 1, 1, 1, 1, 1, 1]
    let found = [7, 7, 7, 7, 2, 2, 2, 2, 2]
    let agreement = try ClusterAgreement(truth: truth, found: found)
    // Pairs together: 3 + 0 + 0 + 10 = 13; found 6 + 10 = 16; true 3 + 15 = 18; all 36.
    #expect(isClose(try #require(agreement.adjustedRand), (13 - 8.0) / (17 - 8), relative: 1e-12))
    #expect(agreement.misassignedClients == [3])
    #expect(agreement.matching == [7: 0, 2: 1])
    #expect(isClose(try #require(agreement.purity), 8.0 / 9, relative: 1e-12))
    // Cells 3, 1, 5 over 9 clients; entropies of (3, 6) and (4, 5).
    let information =
      (3 * Double.log(27.0 / 12) + Double.log(9.0 / 24) + 5 * Double.log(45.0 / 30)) / 9
    let entropies =
      -(3 * Double.log(3.0 / 9) + 6 * Double.log(6.0 / 9) + 4 * Double.log(4.0 / 9)
      + 5 * Double.log(5.0 / 9)) / 9
    #expect(
      isClose(
        try #require(agreement.normalizedMutualInformation), 2 * information / entropies,
        relative: 1e-12))
    #expect(agreement.isolatedTrueLabels.isEmpty && !agreement.isIsolated(trueLabel: 0))
    let perfect = try ClusterAgreement(truth: truth, found: truth.map { 5 - $0 })
    #expect(perfect.adjustedRand == 1 && perfect.purity == 1)
    #expect(
      isClose(try #require(perfect.normalizedMutualInformation), 1, relative: 1e-12))
    #expect(perfect.isIsolated(trueLabel: 0) && perfect.misassignedClients.isEmpty)
  }

  @Test("no clients, one client, one cluster, and unequal lengths are defined")
  func degenerate() throws {
    let none = try ClusterAgreement(truth: [], found: [])
    #expect(none.adjustedRand == nil && none.normalizedMutualInformation == nil)
    #expect(none.purity == nil && none.misassignedClients.isEmpty)
    let one = try ClusterAgreement(truth: [4], found: [9])
    #expect(one.adjustedRand == nil && one.normalizedMutualInformation == 1)
    #expect(one.misassignedClients.isEmpty && one.isIsolated(trueLabel: 4))
    let merged = try ClusterAgreement(truth: [0, 0, 1, 1], found: [3, 3, 3, 3])
    #expect(merged.adjustedRand == 0 && merged.normalizedMutualInformation == 0)
    #expect(merged.misassignedClients.count == 2)
    let same = try ClusterAgreement(truth: [1, 1], found: [0, 0])
    #expect(same.adjustedRand == 1 && same.normalizedMutualInformation == 1)
    let alone = try ClusterAgreement(truth: [0, 1, 2], found: [5, 6, 7])
    #expect(alone.adjustedRand == 1)
    #expect(throws: ClusteringError.self) { try ClusterAgreement(truth: [0], found: []) }
  }
}
