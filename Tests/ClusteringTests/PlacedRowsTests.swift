// Rows that come after an analysis lie among its own as if they had been part of it.

import Clustering
import Kernels
import Testing

@Suite("Placed rows")
struct PlacedRowsTests {
  private static let columns = 1500

  /// Three clusters of equal sizes, row i of cluster i mod 3, in noise of deviation 1 or 2.
  private static func rows(_ count: Int, distance: Double, seed: UInt64) -> [[Float]] {
    var stream = RandomStream(seed: seed, purpose: .test)
    return (0..<count).map { i in
      let deviation = i % 5 == 0 ? 2.0 : 1.0
      return (0..<columns).map { j in
        Float(deviation * stream.nextGaussian() + (j == i % 3 ? distance / 2.0.squareRoot() : 0))
      }
    }
  }

  /// Mean and standard deviation of the coordinates of a cluster along an axis.
  private static func moments(
    _ points: Matrix, axis: Int, cluster: Int
  ) -> (mean: Double, deviation: Double) {
    let values = (0..<points.rows).filter { $0 % 3 == cluster && $0 % 5 != 0 }
      .map { points[$0, axis] }
    let mean = values.reduce(0, +) / Double(values.count)
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (square / Double(values.count - 1)).squareRoot())
  }

  @Test(
    "further rows have the mean and the spread of the analysis' own, which a projection has not")
  func alike() throws {
    let all = Self.rows(600, distance: 5, seed: 1)
    let fit = try PrincipalComponents.fit(
      Array(all[..<300]),
      options: .init(components: 2, noiseFloor: .removed, keepsLoadings: true))
    let placed = try fit.place(Array(all[300...]))
    let projected = try fit.project(Array(all[300...]))
    for axis in 0..<2 {
      var ratios = (placed: 0.0, projected: 0.0)
      for cluster in 0..<3 {
        let own = Self.moments(fit.points, axis: axis, cluster: cluster)
        let further = Self.moments(placed, axis: axis, cluster: cluster)
        // Of 80 rows each: the difference of two means has a deviation of 0.16 spreads.
        #expect(abs(own.mean - further.mean) < 0.6 * own.deviation)
        ratios.placed += further.deviation / own.deviation / 3
        ratios.projected +=
          Self.moments(projected, axis: axis, cluster: cluster).deviation / own.deviation / 3
      }
      #expect((0.85..<1.15).contains(ratios.placed))
      #expect(ratios.projected > 1.25)
    }
  }

  @Test("clusters of a sample hold for all: further clients come to theirs")
  func clusters() throws {
    let all = Self.rows(500, distance: 12, seed: 2)
    var options = UpdateClusteringOptions.recommended(candidates: [2, 3, 4])
    options.components.keepsLoadings = true
    let found = try UpdateClustering.cluster(Array(all[..<200]), options: options, seed: 0)
    #expect(found.with(points: found.points).posteriors == found.posteriors)
    let further = found.with(points: try found.place(Array(all[200...])))
    #expect(further.labels.count == 300)
    let names = (0..<3).map { found.labels[$0] }
    #expect(Set(names).count == 3)
    #expect(further.labels.enumerated().allSatisfy { $1 == names[(200 + $0) % 3] })
  }

  @Test("with the floor kept, the analysis' own rows come to their own points")
  func own() throws {
    let rows = Self.rows(20, distance: 12, seed: 3)
    let fit = try PrincipalComponents.fit(
      rows, options: .init(components: 3, noiseFloor: .kept, keepsLoadings: true))
    let again = try fit.place(rows)
    for (left, right) in zip(fit.points.elements, again.elements) {
      #expect(abs(left - right) < 1e-9)
    }
    let without = try PrincipalComponents.fit(rows, options: .init(components: 3))
    #expect(throws: ClusteringError.loadingsNotKept) { try without.place(rows) }
    #expect(throws: ClusteringError.self) { try fit.place([[1, 2]]) }
  }
}
