// Strategies of correlated noise: square roots, inverses, and what a record can move, by brute force.

import Kernels
import Privacy
import Testing

@Suite("Banded factorization")
struct BandedFactorizationTests {
  /// C of T rounds, whole.
  private func matrix(_ column: [Double], rounds: Int) -> [[Double]] {
    (0..<rounds).map { row in
      (0..<rounds).map { row >= $0 && row - $0 < column.count ? column[row - $0] : 0 }
    }
  }

  private func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
    a.map { row in b[0].indices.map { j in zip(row, b).reduce(0) { $0 + $1.0 * $1.1[j] } } }
  }

  @Test("with a band for each round C is a square root of the matrix that adds rounds up")
  func squareRoot() {
    let rounds = 12
    let column = BandedFactorization(bands: rounds).coefficients
    let c = matrix(column.map { $0 / column[0] }, rounds: rounds)
    for (i, row) in product(c, c).enumerated() {
      for (j, value) in row.enumerated() {
        #expect(abs(value - (i >= j ? 1 : 0)) < 1e-12)
      }
    }
  }

  @Test("the inverse is one, and columns have length 1", arguments: [1, 2, 3, 7, 20])
  func inverse(_ bands: Int) {
    let rounds = 15
    let factorization = BandedFactorization(bands: bands)
    let column = factorization.coefficients
    #expect(column.count == bands)
    #expect(abs(column.reduce(0) { $0 + $1 * $1 } - 1) < 1e-12)
    let c = matrix(column, rounds: rounds)
    let d = matrix(factorization.inverse(count: rounds), rounds: rounds)
    for (i, row) in product(c, d).enumerated() {
      for (j, value) in row.enumerated() { #expect(abs(value - (i == j ? 1 : 0)) < 1e-10) }
    }
  }

  @Test("no record moves C G by more than the root of its turns", arguments: [1, 2, 5, 8])
  func sensitivity(_ bands: Int) {
    let rounds = 23
    let factorization = BandedFactorization(bands: bands)
    let c = matrix(factorization.coefficients, rounds: rounds)
    var stream = RandomStream(seed: 4, purpose: .test)
    var largest = 0.0
    for first in 0..<bands {
      for _ in 0..<200 {
        // Sums of three numbers; every turn moves them in a direction of its own, to the bound.
        var change = [[Double]](repeating: [0, 0, 0], count: rounds)
        for round in stride(from: first, to: rounds, by: bands) {
          let direction = (0..<3).map { _ in stream.nextGaussian() }
          let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
          change[round] = direction.map { $0 / length }
        }
        let moved = product(c, change).flatMap { $0 }.reduce(0) { $0 + $1 * $1 }
        largest = max(largest, moved)
      }
    }
    let turns = Double(factorization.participations(rounds: rounds))
    #expect(largest <= turns * (1 + 1e-12))
    // And it is no loose bound: only the last columns are cut short.
    #expect(largest > turns - 1)
  }

  @Test("a record that comes more often than its turns breaks the bound")
  func tooOften() {
    let rounds = 20
    let factorization = BandedFactorization(bands: 5)
    let c = matrix(factorization.coefficients, rounds: rounds)
    let change = (0..<rounds).map { [$0 % 4 == 0 ? 1.0 : 0] }
    let moved = product(c, change).flatMap { $0 }.reduce(0) { $0 + $1 * $1 }
    #expect(moved > 5)
  }

  @Test(
    "the variance in the model is that of the whole matrix, and less than with independent noise")
  func variance() {
    let rounds = 30
    let sums = matrix([Double](repeating: 1, count: rounds), rounds: rounds)
    for bands in [1, 4, 10] {
      let factorization = BandedFactorization(bands: bands)
      let whole = product(sums, matrix(factorization.inverse(count: rounds), rounds: rounds))
      let expected =
        whole.flatMap { $0 }.reduce(0) { $0 + $1 * $1 } / Double(rounds)
      #expect(abs(factorization.meanVarianceOfSums(rounds: rounds) / expected - 1) < 1e-12)
    }
    // At one cost for all: σ² in proportion to the turns.
    let cost = { (bands: Int) in
      let factorization = BandedFactorization(bands: bands)
      return factorization.meanVarianceOfSums(rounds: rounds)
    }
    #expect(cost(10) < 0.5 * cost(1))
  }
}
