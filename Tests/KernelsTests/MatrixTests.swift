// Products and eigenvalues against their definitions.

import Kernels
import Testing

@Suite("Matrix")
struct MatrixTests {
  @Test("a product equals the triple loop")
  func product() {
    var stream = RandomStream(seed: 3, purpose: .test)
    let a = Matrix(rows: 5, columns: 7, elements: (0..<35).map { _ in stream.nextGaussian() })
    let b = Matrix(rows: 7, columns: 3, elements: (0..<21).map { _ in stream.nextGaussian() })
    let c = a.multiplied(by: b)
    for i in 0..<5 {
      for j in 0..<3 {
        let expected = (0..<7).reduce(0.0) { $0 + a[i, $1] * b[$1, j] }
        #expect(abs(c[i, j] - expected) < 1e-12)
      }
    }
  }

  @Test("eigenvectors satisfy A v = λ v, in descending order")
  func eigen() throws {
    var stream = RandomStream(seed: 4, purpose: .test)
    let g = Matrix(rows: 6, columns: 9, elements: (0..<54).map { _ in stream.nextGaussian() })
    let a = g.multiplied(by: g.transposed)
    let eigen = try a.symmetricEigen()
    #expect(eigen.values == eigen.values.sorted(by: >))
    for k in 0..<6 {
      let v = Matrix(rows: 6, columns: 1, elements: eigen.vectors.row(k))
      let image = a.multiplied(by: v)
      for i in 0..<6 { #expect(abs(image[i, 0] - eigen.values[k] * v[i, 0]) < 1e-9) }
    }
  }

  @Test("eigenvectors are orthonormal and give the matrix back", arguments: [1, 2, 3, 8, 45])
  func decomposition(size: Int) throws {
    var stream = RandomStream(seed: 5, purpose: .test, step: size)
    var a = Matrix(rows: size, columns: size)
    for i in 0..<size {
      for j in 0...i {
        a[i, j] = stream.nextGaussian() * 1e200
        a[j, i] = a[i, j]
      }
    }
    let eigen = try a.symmetricEigen()
    let v = eigen.vectors
    let unit = v.multiplied(by: v.transposed)
    for i in 0..<size {
      for j in 0..<size {
        #expect(abs(unit[i, j] - (i == j ? 1.0 : 0.0)) < 1e-13)
        let again = (0..<size).reduce(0.0) { $0 + eigen.values[$1] * v[$1, i] * v[$1, j] }
        #expect(abs(again - a[i, j]) < 1e-12 * 1e200 * Double(size))
      }
    }
  }

  @Test("eigenvalues that coincide, and blocks that fall apart")
  func degenerate() throws {
    let twice = Matrix(rows: [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 1], [0, 0, 1, 3]])
    let values = try twice.symmetricEigen().values
    for (value, expected) in zip(values, [4.0, 2, 2, 2]) { #expect(abs(value - expected) < 1e-14) }
    let ones = try Matrix(repeating: 1, rows: 6, columns: 6).symmetricEigen()
    #expect(abs(ones.values[0] - 6) < 1e-13 && ones.values[1...].allSatisfy { abs($0) < 1e-13 })
    #expect(try Matrix(rows: 3, columns: 3).symmetricEigen().values == [0, 0, 0])
  }

  @Test("NaN input is an error, not a hang")
  func notFinite() {
    #expect(throws: EigenError.self) { _ = try Matrix(rows: [[.nan]]).symmetricEigen() }
  }
}
