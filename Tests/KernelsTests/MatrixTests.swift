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

  @Test("NaN input is an error, not a hang")
  func notFinite() {
    #expect(throws: EigenError.self) { _ = try Matrix(rows: [[.nan]]).symmetricEigen() }
  }
}
