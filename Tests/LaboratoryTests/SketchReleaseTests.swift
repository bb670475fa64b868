// A secret projection: the divergence of its release against an integral, and where it is infinite.

import Kernels
import Laboratory
import Testing

@Suite("A secret projection")
struct SketchReleaseTests {
  @Test(
    "one row: the divergence is that of two normal laws, by quadrature", arguments: [2.0, 4, 7.5])
  func oneRow(order: Double) throws {
    // Variances 4 and 4.5.
    let (gradient, neighbour) = (
      Matrix(rows: [[2, 0, 0]]), Matrix(rows: [[1.5, 1.5, 0]])
    )
    func divergence(_ p: Double, _ q: Double) -> Double {
      var sum = 0.0
      let step = 1e-3
      for place in -60_000...60_000 {
        let x = Double(place) * step
        let exponent = -x * x / 2 * (order / p + (1 - order) / q)
        sum += step * Elementary.exp(exponent)
      }
      let scale =
        -order / 2 * Elementary.log(2 * Double.pi * p)
        - (1 - order) / 2 * Elementary.log(2 * Double.pi * q)
      return (Elementary.log(sum) + scale) / (order - 1)
    }
    let expected = max(divergence(4, 4.5), divergence(4.5, 4))
    let found = try SketchRelease.renyi(of: gradient, beside: neighbour, rank: 1, order: order)
    #expect(abs(found - expected) < 1e-9)
    let three = try SketchRelease.renyi(of: gradient, beside: neighbour, rank: 3, order: order)
    #expect(abs(three - 3 * expected) < 1e-9)
  }

  @Test("a singular covariance, or a large change, is infinite")
  func infinite() throws {
    func found(_ a: [[Double]], _ b: [[Double]]) throws -> Double {
      try SketchRelease.renyi(of: Matrix(rows: a), beside: Matrix(rows: b), rank: 1, order: 4)
    }
    #expect(try found([[1, 0], [0, 1]], [[1, 0], [0, 0]]) == .infinity)
    #expect(try found([[1, 0], [0, 0]], [[1, 0], [0, 1]]) == .infinity)
    #expect(try found([[1, 0], [0, 1]], [[2, 0], [0, 1]]) == .infinity)
    #expect(try found([[1, 0], [0, 1]], [[1, 0], [0, 1]]) == 0)
    #expect(try found([[1, 0], [0, 1]], [[1.1, 0], [0, 1]]) > 0)
  }
}
