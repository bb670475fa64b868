// Summaries of fairness against hand-computed values and brute-force twins.

import Clustering
import Kernels
import RealModule
import TestSupport
import Testing

@Suite("Fairness of values")
struct FairnessValuesTests {
  private func random(_ count: Int, _ stream: inout RandomStream) -> [Double] {
    // Few distinct values, so that ties are common.
    (0..<count).map { _ in Double(Int(stream.nextUnit() * 6)) / 4 }
  }

  @Test("hand-computed summaries of four clusters with one missing")
  func byHand() throws {
    let values = try FairnessValues([0.9, nil, 0.5, 0.7, .nan], weights: [600, 5, 300, 100, 9])
    #expect(values.count == 3 && values.min == 0.5 && values.max == 0.9)
    #expect(isClose(try #require(values.gap), 0.4, relative: 1e-12))
    #expect(isClose(try #require(values.mean), 0.76, relative: 1e-12))
    let deviation = Double.sqrt(0.6 * 0.14 * 0.14 + 0.3 * 0.26 * 0.26 + 0.1 * 0.06 * 0.06)
    #expect(isClose(try #require(values.standardDeviation), deviation, relative: 1e-12))
    let plain = try FairnessValues([0.9, 0.5, 0.7])
    #expect(
      isClose(try #require(plain.standardDeviation), Double.sqrt(0.08 / 3), relative: 1e-12))
    #expect(isClose(try #require(plain.jain), 2.1 * 2.1 / (3 * 1.55), relative: 1e-12))
    // |0.9 − 0.5| + |0.9 − 0.7| + |0.7 − 0.5|, twice, over 2 · 9 · 0.7.
    #expect(isClose(try #require(plain.gini), 1.6 / 12.6, relative: 1e-12))
  }

  @Test("tail means cut the border value in parts: n = 21, 5, 10")
  func tails() throws {
    let many = try FairnessValues((0..<21).map { Double($0) })
    // 2.1 values: (0 + 1 + 0.1 · 2) / 2.1; 4.2 values: (0 + 1 + 2 + 3 + 0.2 · 4) / 4.2.
    #expect(isClose(try #require(many.bottom10Mean), 1.2 / 2.1, relative: 1e-12))
    #expect(isClose(try #require(many.cvar20), 6.8 / 4.2, relative: 1e-12))
    #expect(isClose(try #require(many.upperTailMean(share: 0.1)), 20 - 1.2 / 2.1, relative: 1e-12))
    let five = try FairnessValues([3, 1, 4, 1, 5])
    #expect(five.bottom10Mean == 1 && five.cvar20 == 1)
    #expect(isClose(try #require(five.lowerTailMean(share: 1)), 2.8, relative: 1e-12))
    let ten = try FairnessValues((1...10).map { Double($0) })
    #expect(isClose(try #require(ten.bottom10Mean), 1, relative: 1e-12))
    let weighted = try FairnessValues([1, 2, 3], weights: [1, 8, 1])
    #expect(isClose(try #require(weighted.cvar20), 1.5, relative: 1e-12))
    for share in [0.0, -1, 1.01, .nan] { #expect(five.lowerTailMean(share: share) == nil) }
  }

  @Test("integer weights equal repeated values, in every summary, ties included")
  func weightsRepeat() throws {
    var stream = RandomStream(seed: 21, purpose: .test)
    for trial in 0..<200 {
      let values = random(1 + trial % 9, &stream)
      let weights = values.map { _ in Double(1 + Int(stream.nextUnit() * 4)) }
      let weighted = try FairnessValues(values, weights: weights)
      let repeated = try FairnessValues(
        zip(values, weights).flatMap { [Double](repeating: $0, count: Int($1)) })
      let pairs: [(Double?, Double?)] = [
        (weighted.mean, repeated.mean),
        (weighted.standardDeviation, repeated.standardDeviation),
        (weighted.jain, repeated.jain), (weighted.gini, repeated.gini),
        (weighted.cvar20, repeated.cvar20), (weighted.bottom10Mean, repeated.bottom10Mean),
        (weighted.upperTailMean(share: 0.3), repeated.upperTailMean(share: 0.3)),
      ]
      for (a, b) in pairs {
        #expect(isClose(try #require(a), try #require(b), relative: 1e-9, absolute: 1e-12))
      }
    }
  }

  @Test("Gini and Jain equal the double sums of their definitions; tails equal a fine grid")
  func bruteForce() throws {
    var stream = RandomStream(seed: 22, purpose: .test)
    for trial in 0..<200 {
      let values = random(1 + trial % 12, &stream)
      let n = Double(values.count)
      let summary = try FairnessValues(values)
      let sum = values.reduce(0, +)
      let squares = values.reduce(0) { $0 + $1 * $1 }
      let differences = values.reduce(0) { total, x in
        total + values.reduce(0) { $0 + abs(x - $1) }
      }
      let gini = sum > 0 ? differences / (2 * n * sum) : 0
      let jain = sum > 0 ? sum * sum / (n * squares) : 1
      #expect(isClose(try #require(summary.gini), gini, absolute: 1e-12))
      #expect(isClose(try #require(summary.jain), jain, absolute: 1e-12))
      // Each value repeated ten times makes every tail of 10 % and 20 % a whole number of copies.
      let grid = values.flatMap { [Double](repeating: $0, count: 10) }.sorted()
      for (share, copies) in [(0.1, values.count), (0.2, 2 * values.count)] {
        let tail = grid.prefix(copies).reduce(0, +) / Double(copies)
        #expect(
          isClose(try #require(summary.lowerTailMean(share: share)), tail, absolute: 1e-12))
      }
    }
  }

  @Test("no value, one value, all equal, zeros, negatives, huge numbers: defined, never NaN")
  func degenerate() throws {
    for values in [[], [nil, nil], [Double.nan, .infinity]] as [[Double?]] {
      let none = try FairnessValues(values)
      #expect(none.count == 0 && none.min == nil && none.gap == nil && none.mean == nil)
      #expect(none.standardDeviation == nil && none.cvar20 == nil)
      #expect(none.jain == nil && none.gini == nil)
    }
    let one = try FairnessValues([0.3])
    #expect(one.gap == 0 && one.standardDeviation == 0 && one.bottom10Mean == 0.3)
    #expect(one.jain == 1 && one.gini == 0)
    let zeros = try FairnessValues([0, 0])
    #expect(zeros.jain == 1 && zeros.gini == 0)
    let negative = try FairnessValues([-1, 2])
    #expect(negative.jain == nil && negative.gini == nil && negative.gap == 3)
    let huge = try FairnessValues([1e308, -1e308, 1e-308], weights: [1e308, 1e308, 1])
    #expect(huge.gap == nil && huge.standardDeviation == nil)
    let large = try FairnessValues([1e300, 1e200], weights: [1e308, 1e308])
    #expect(isClose(try #require(large.jain), 0.5, relative: 1e-9))
    #expect(isClose(try #require(large.gini), 0.5, relative: 1e-9))
    #expect(try FairnessValues([1, 2], weights: [0, .nan]).count == 0)
    #expect(throws: ClusteringError.self) { try FairnessValues([1], weights: []) }
  }
}
