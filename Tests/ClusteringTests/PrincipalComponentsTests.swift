// Golden values, the primal twin, and laws of the dual principal component analysis.

import Clustering
import Kernels
import RealModule
import TestSupport
import Testing

@Suite("Principal components")
struct PrincipalComponentsTests {
  private func gaussianRows(n: Int, p: Int, seed: UInt64 = 1) -> [[Float]] {
    var stream = RandomStream(seed: seed, purpose: .test)
    return (0..<n).map { _ in (0..<p).map { _ in Float(stream.nextGaussian()) } }
  }

  @Test("agrees with the golden analyses of twelve small sets and two wide ones")
  func golden() throws {
    let golden = try MixtureGolden.load()
    let cases =
      golden.datasets.map { ($0.id, $0.points, $0.pca) }
      + golden.wide.map { ($0.id, $0.points, $0.pca) }
    #expect(cases.count == 14)
    for (id, rows, expected) in cases {
      let fit = try PrincipalComponents.fit(
        Matrix(rows: rows), options: .init(components: 2, keepsLoadings: true))
      #expect(largestDifference(fit.points, expected.projection) < 1e-9, "\(id)")
      #expect(
        largestDifference(fit.explainedVariance, expected.explainedVariance) < 1e-9, "\(id)")
      #expect(
        largestDifference(fit.explainedVarianceRatio, expected.explainedVarianceRatio) < 1e-9)
      let loadings = try #require(fit.loadings)
      #expect(largestDifference(loadings.matrix, expected.components) < 1e-9, "\(id)")
      #expect(largestDifference(loadings.means, expected.mean) < 1e-9)
      let scaled = PointScaling.perAxis.apply(to: fit.points)
      #expect(largestDifference(scaled, expected.projectionMinmax) < 1e-9, "\(id)")
    }
  }

  @Test("reproduces the released R-DPCFL projection: fitted on standardised, applied to raw rows")
  func releasedVariant() throws {
    let golden = try MixtureGolden.load()
    let cases =
      golden.datasets.map { ($0.id, $0.points, $0.pca) }
      + golden.wide.map { ($0.id, $0.points, $0.pca) }
    for (id, rows, expected) in cases {
      let fit = try PrincipalComponents.fit(
        Matrix(rows: rows),
        options: .init(components: 2, preparation: .standardisedFitRawProjection))
      let variant = expected.rdpcflVariant
      // Two standardised columns have loadings ±1/√2, of which rounding alone says which is the larger.
      let points = aligned(fit.points, to: variant.projectionFirst2)
      #expect(largestDifference(points, variant.projectionFirst2) < 1e-9, "\(id)")
      let scaled = PointScaling.perAxis.apply(to: points)
      #expect(largestDifference(scaled, variant.projectionFirst2Minmax) < 1e-9, "\(id)")
    }
  }

  /// The points with the sign of each column that is nearer to the reference's.
  private func aligned(_ points: Matrix, to reference: [[Double]]) -> Matrix {
    var result = points
    for k in 0..<points.columns {
      let agreement = (0..<points.rows).reduce(0) { $0 + points[$1, k] * reference[$1][k] }
      guard agreement < 0 else { continue }
      for i in 0..<points.rows { result[i, k].negate() }
    }
    return result
  }

  @Test("the dual form equals the p × p covariance's eigenvectors", arguments: [(9, 5), (6, 40)])
  func primalTwin(n: Int, p: Int) throws {
    let rows = gaussianRows(n: n, p: p)
    let dual = try PrincipalComponents.fit(
      rows, options: .init(components: 3, keepsLoadings: true))
    let means = (0..<p).map { j in rows.reduce(0) { $0 + Double($1[j]) } / Double(n) }
    let centred = Matrix(rows: rows.map { row in (0..<p).map { Double(row[$0]) - means[$0] } })
    let eigen = try centred.transposed.multiplied(by: centred).symmetricEigen()
    for k in 0..<3 {
      #expect(isClose(dual.explainedVariance[k], eigen.values[k] / Double(n - 1), relative: 1e-9))
      let row = eigen.vectors.row(k)
      let largest = try #require(row.max { abs($0) < abs($1) })
      let signed = largest < 0 ? row.map { -$0 } : row
      #expect(largestDifference(try #require(dual.loadings).matrix.row(k), signed) < 1e-8)
    }
  }

  @Test("blocks, Floats and doubles agree, and kept loadings project the rows onto the points")
  func blocksAndProjection() throws {
    let rows = gaussianRows(n: 7, p: 5000)
    for preparation in PrincipalComponents.Preparation.allCases {
      let options = PrincipalComponents.Options(
        components: 3, preparation: preparation, keepsLoadings: true)
      let fromFloats = try PrincipalComponents.fit(rows, options: options)
      let doubles = Matrix(rows: rows.map { $0.map(Double.init) })
      let fromDoubles = try PrincipalComponents.fit(doubles, options: options)
      #expect(fromFloats.points == fromDoubles.points)
      #expect(fromFloats.spectrum.count == 7)
      let projected = try fromFloats.project(rows)
      for (a, b) in zip(projected.elements, fromFloats.points.elements) {
        #expect(isClose(a, b, absolute: 1e-8))
      }
    }
  }

  @Test("permuting the clients permutes the points, shifting all of them changes nothing")
  func laws() throws {
    let rows = gaussianRows(n: 8, p: 300)
    let base = try PrincipalComponents.fit(rows, options: .init(components: 2))
    let reversed = try PrincipalComponents.fit(
      Array(rows.reversed()), options: .init(components: 2))
    for i in 0..<8 {
      #expect(largestDifference(base.points.row(i), reversed.points.row(7 - i)) < 1e-9)
    }
    let shifted = Matrix(rows: rows.map { $0.map { Double($0) + 3 } })
    let moved = try PrincipalComponents.fit(shifted, options: .init(components: 2))
    for i in 0..<8 { #expect(largestDifference(base.points.row(i), moved.points.row(i)) < 1e-9) }
  }

  @Test("removing the floor shows two clusters that unequal private noise hides")
  func noiseFloor() throws {
    // Orthogonal private directions of very different size: noise of p → ∞ dimensions.
    let n = 12
    var rows = [[Double]](repeating: [Double](repeating: 0, count: 1 + n), count: n)
    for i in 0..<n {
      rows[i][0] = i < n / 2 ? 1 : -1
      rows[i][1 + i] = Double(i % 4) * 2
    }
    func coordinates(_ floor: PrincipalComponents.NoiseFloor) throws -> [Double] {
      let fit = try PrincipalComponents.fit(
        Matrix(rows: rows), options: .init(components: 1, noiseFloor: floor))
      return fit.points.elements
    }
    func evenness(_ values: [Double]) -> Double {
      (values.map(abs).min() ?? 0) / (values.map(abs).max() ?? 1)
    }
    #expect(evenness(try coordinates(.kept)) < 0.2)
    let removed = try coordinates(.removed)
    #expect(evenness(removed) > 0.5)
    #expect(removed.indices.allSatisfy { (removed[$0] > 0) == (($0 < n / 2) == (removed[0] > 0)) })
  }

  @Test("without noise the floor changes no cluster: rows that are equal stay equal")
  func noiseFloorWithoutNoise() throws {
    var stream = RandomStream(seed: 2, purpose: .test)
    let means = (0..<4).map { _ in (0..<50).map { _ in 10 + stream.nextGaussian() } }
    let truth = [0, 0, 0] + (1...3).flatMap { [Int](repeating: $0, count: 6) }
    let fit = try PrincipalComponents.fit(
      Matrix(rows: truth.map { means[$0] }), options: .init(components: 3, noiseFloor: .removed))
    for i in truth.indices {
      for j in truth.indices {
        let distance = zip(fit.points.row(i), fit.points.row(j)).reduce(0) {
          $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
        }
        #expect(truth[i] == truth[j] ? distance < 1e-12 : distance > 1)
      }
    }
  }

  @Test("degenerate inputs are defined or refused with their place")
  func degenerate() throws {
    let equal = try PrincipalComponents.fit(
      [[Float]](repeating: [1, 2, 3], count: 4), options: .init(components: 2))
    #expect(equal.points == Matrix(rows: 4, columns: 2))
    #expect(equal.explainedVarianceRatio == [0, 0])
    let few = [[Float(1), 2], [2, 4]]
    for floor in PrincipalComponents.NoiseFloor.allCases {
      let one = try PrincipalComponents.fit(
        [[Float(1), 2]], options: .init(components: 3, noiseFloor: floor))
      #expect(one.points == Matrix(rows: 1, columns: 3))
      let same = try PrincipalComponents.fit(
        [[Float]](repeating: [1, 2, 3], count: 4),
        options: .init(components: 5, noiseFloor: floor))
      #expect(same.points == Matrix(rows: 4, columns: 5))
      let two = try PrincipalComponents.fit(few, options: .init(noiseFloor: floor))
      #expect(isClose(abs(two.points[0, 0] - two.points[1, 0]), Double.sqrt(5), relative: 1e-9))
    }
    let standardised = try PrincipalComponents.fit(
      [[Float(0.1), 1], [0.1, 2], [0.1, 4]],
      options: .init(components: 2, preparation: .standardised))
    #expect(standardised.explainedVariance[0] > 0)
    #expect(abs(standardised.explainedVariance[1]) < 1e-12)
    #expect(throws: ClusteringError.empty) { try PrincipalComponents.fit([[Float]]()) }
    #expect(throws: ClusteringError.raggedRows(row: 1, expected: 2, found: 1)) {
      try PrincipalComponents.fit([[Float(1), 2], [3]])
    }
    for bad in [Float.nan, .infinity, -.infinity] {
      for preparation in PrincipalComponents.Preparation.allCases {
        #expect(throws: ClusteringError.notFinite(row: 1, column: 1)) {
          try PrincipalComponents.fit(
            [[Float(1), 2], [3, bad], [4, 5]], options: .init(preparation: preparation))
        }
      }
    }
    #expect(throws: ClusteringError.self) {
      try PrincipalComponents.fit([[Float(1)]], options: .init(components: 0))
    }
    #expect(throws: ClusteringError.loadingsNotKept) { try equal.project([[Float(1), 2, 3]]) }
  }
}

@Suite("Point scaling")
struct PointScalingTests {
  @Test("per axis fills [0, 1] on each axis; common keeps ratios of distances")
  func scales() {
    let points = Matrix(rows: [[0, 5], [4, 6], [8, 7]])
    #expect(
      PointScaling.perAxis.apply(to: points) == Matrix(rows: [[0, 0], [0.5, 0.5], [1, 1]]))
    let common = PointScaling.common.apply(to: points)
    #expect(common == Matrix(rows: [[0, 0], [0.5, 0.125], [1, 0.25]]))
    #expect(PointScaling.none.apply(to: points) == points)
    let flat = Matrix(rows: [[3, 1], [3, 1]])
    #expect(PointScaling.perAxis.apply(to: flat) == Matrix(rows: 2, columns: 2))
    #expect(PointScaling.common.apply(to: flat) == Matrix(rows: 2, columns: 2))
  }
}
