// Intervals and sign-flip tests against counting and closed forms.

import Clustering
import Kernels
import RealModule
import TestSupport
import Testing

@Suite("Statistics over seeds")
struct SeedStatisticsTests {
  @Test("the interval holds the mean and shrinks with the level")
  func interval() throws {
    let values: [Double?] = [0.61, 0.64, nil, 0.58, 0.66, .nan, 0.63]
    let wide = try SeedEstimate.interval(values)
    #expect(wide.count == 5)
    #expect(isClose(try #require(wide.mean), 0.624, relative: 1e-12))
    let (lower, upper) = try (#require(wide.lower), #require(wide.upper))
    #expect(lower < 0.624 && upper > 0.624)
    let narrow = try SeedEstimate.interval(values, level: 0.5)
    #expect(try #require(narrow.lower) > lower && #require(narrow.upper) < upper)
  }

  @Test("no value, one value, bad settings")
  func degenerateEstimates() throws {
    let none = try SeedEstimate.interval([nil, .infinity])
    #expect(none.count == 0 && none.mean == nil && none.lower == nil)
    let one = try SeedEstimate.interval([0.5])
    #expect(one.count == 1 && one.mean == 0.5 && one.lower == nil && one.upper == nil)
    for level in [0.0, 1, -1, .nan] {
      #expect(throws: ClusteringError.self) { try SeedEstimate.interval([1], level: level) }
    }
  }

  @Test("the standard deviation divides by n − 1, from two values on")
  func standardDeviation() throws {
    #expect(try SeedEstimate.interval([0.5, nil]).standardDeviation == nil)
    let two = try SeedEstimate.interval([1, 3])
    #expect(isClose(try #require(two.standardDeviation), 2.0.squareRoot(), relative: 1e-12))
    #expect(two.lower == nil)
    let five = try SeedEstimate.interval([2, 4, 4, .nan, 5, 5])
    // Squares of −2, 0, 0, 1, 1 over four.
    #expect(isClose(try #require(five.standardDeviation), 1.5.squareRoot(), relative: 1e-12))
  }

  @Test("a mean of equal values is that value, however many there are")
  func equalValues() throws {
    for count in 1...200 {
      #expect(try SeedEstimate.interval([Double](repeating: 1, count: count)).mean == 1)
    }
  }

  @Test("exact p-values by hand: all of one sign, one against, ties and zeros")
  func signFlipByHand() throws {
    func pValue(_ differences: [Double?]) throws -> Double? {
      try PairedComparison(
        first: differences, second: differences.map { $0 == nil ? nil : 0 }, seed: 1
      ).pValue
    }
    #expect(try pValue([1, 2, 3, 4, 5]) == 2.0 / 32)
    // |sum| ≥ 8 − 1 = 7 of {1, 8}: the patterns ±(1, 8) and ±(−1, 8).
    #expect(try pValue([-1, 8]) == 1)
    #expect(try pValue([1, 8]) == 0.5)
    #expect(try pValue([0.1, 0.1, 0.1]) == 0.25)
    #expect(try pValue([0.3]) == 1)
    #expect(try pValue([0, 0]) == 1)
    #expect(try pValue([0, 1, 1]) == 0.5)
    #expect(try pValue([nil, nil]) == nil)
    #expect(try pValue([]) == nil)
  }

  @Test("the test equals counting the patterns of integer differences, and is symmetric")
  func signFlipTwin() throws {
    var stream = RandomStream(seed: 5, purpose: .test)
    for trial in 0..<100 {
      let n = 1 + trial % 9
      let differences = (0..<n).map { _ in Int(stream.nextUnit() * 9) - 3 }
      func patterns(_ rest: ArraySlice<Int>) -> [Int] {
        guard let head = rest.first else { return [0] }
        return patterns(rest.dropFirst()).flatMap { [$0 + head, $0 - head] }
      }
      let sums = patterns(differences[...])
      let observed = abs(differences.reduce(0, +))
      let expected = Double(sums.filter { abs($0) >= observed }.count) / Double(sums.count)
      // Tenths, so that sums of doubles carry rounding errors that the ties must survive.
      let first = differences.map { Optional(Double($0) / 10) }
      let zero = first.map { _ in Optional(0.0) }
      let comparison = try PairedComparison(first: first, second: zero, seed: 1)
      #expect(comparison.pValue == expected && comparison.isExact && comparison.count == n)
      let reversed = try PairedComparison(first: zero, second: first, seed: 1)
      #expect(reversed.pValue == expected)
    }
  }

  @Test("beyond 16 pairs the drawn patterns approach the exact value and never reach zero")
  func drawn() throws {
    let clear = try PairedComparison(
      first: (0..<20).map { 1 + Double($0) / 100 }, second: (0..<20).map { Double($0) / 100 },
      seed: 1)
    #expect(!clear.isExact && clear.count == 20)
    let p = try #require(clear.pValue)
    #expect(p > 0 && p < 1e-3)
    var stream = RandomStream(seed: 6, purpose: .test)
    let base = (0..<18).map { _ in Optional(stream.nextGaussian()) }
    let noise = try PairedComparison(first: base, second: base.map { _ in 0.1 }, seed: 1)
    // Close to the two-sided t-test of the same differences, which is good at n = 18.
    let values = base.compactMap { $0 }.map { $0 - 0.1 }
    let mean = values.reduce(0, +) / 18
    let deviation = Double.sqrt(values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 17)
    let normal = Double.erfc(abs(mean) / (deviation / Double.sqrt(18)) / Double.sqrt(2))
    #expect(isClose(try #require(noise.pValue), normal, absolute: 0.04))
  }

  @Test("a missing seed drops its pair; the difference comes with n and an interval")
  func pairs() throws {
    let comparison = try PairedComparison(
      first: [0.7, nil, 0.8, 0.75, 0.75], second: [0.6, 0.9, .nan, 0.70, 0.70], seed: 1)
    #expect(comparison.count == 3 && comparison.pValue == 0.25)
    #expect(isClose(try #require(comparison.difference.mean), 0.2 / 3, relative: 1e-9))
    #expect(comparison.difference.lower != nil)
    #expect(throws: ClusteringError.self) {
      try PairedComparison(first: [1], second: [], seed: 1)
    }
  }
}
