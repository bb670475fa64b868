// Why a noise-free projection of a matrix is not private for any ε: Y = M V with M = Aᵀ A keeps Vᵀ Y symmetric,
// and a neighbour's V' does not (lora.md A.6 iii).

package import Kernels

package enum MatrixAttack {
  /// ‖V'ᵀY − YᵀV'‖ / ‖V'ᵀY‖ in Frobenius norm: 0 for the matrix that was projected; nil for a single column, where
  /// every product is symmetric and nothing can be told.
  package static func asymmetry(candidate: Matrix, release: Matrix) -> Double? {
    guard candidate.columns >= 2 else { return nil }
    let product = candidate.transposed.multiplied(by: release)
    var (difference, whole) = (0.0, 0.0)
    for i in 0..<product.rows {
      for j in 0..<product.columns {
        let gap = product[i, j] - product[j, i]
        difference += gap * gap
        whole += product[i, j] * product[i, j]
      }
    }
    return whole > 0 ? (difference / whole).squareRoot() : nil
  }

  /// Aᵀ A V for a fresh A of the rank.
  package static func release(
    of v: Matrix, rank: Int, using stream: inout RandomStream
  ) -> Matrix {
    let a = gaussian(rank, v.rows, deviation: 1 / Double(rank).squareRoot(), using: &stream)
    return a.transposed.multiplied(by: a.multiplied(by: v))
  }

  package static func gaussian(
    _ rows: Int, _ columns: Int, deviation: Double = 1, using stream: inout RandomStream
  ) -> Matrix {
    Matrix(
      rows: rows, columns: columns,
      elements: (0..<rows * columns).map { _ in deviation * stream.nextGaussian() })
  }
}
