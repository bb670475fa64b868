// What the aggregation rules need of linear algebra: sums, orthonormal rows, best low-rank factors.

package import Kernels

extension Matrix {
  /// self + factor · other.
  ///
  /// - Precondition: equal shapes.
  package func adding(_ other: Matrix, times factor: Double = 1) -> Matrix {
    precondition(rows == other.rows && columns == other.columns, "shapes must agree")
    return Matrix(
      rows: rows, columns: columns,
      elements: zip(elements, other.elements).map { $0 + factor * $1 })
  }

  package func scaled(by factor: Double) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: elements.map { factor * $0 })
  }

  /// ‖self‖² in Frobenius norm.
  package var squaredNorm: Double { elements.reduce(0) { $0 + $1 * $1 } }

  /// The first rows alone.
  package func firstRows(_ count: Int) -> Matrix {
    Matrix(rows: count, columns: columns, elements: Array(elements.prefix(count * columns)))
  }

  /// The first columns alone.
  package func firstColumns(_ count: Int) -> Matrix { transposed.firstRows(count).transposed }

  /// The mean of matrices of one shape, added up in their order; nil without any.
  package static func mean(_ matrices: [Matrix]) -> Matrix? {
    guard let first = matrices.first else { return nil }
    return matrices.dropFirst().reduce(first) { $0.adding($1) }
      .scaled(by: 1 / Double(matrices.count))
  }

  /// self = R Q with orthonormal rows of Q, also where rows of self depend on one another: Q is then
  /// completed with other directions, to which R gives no weight.
  ///
  /// - Precondition: no more rows than columns.
  package func orthonormalRows() -> (r: Matrix, q: Matrix) {
    precondition(rows <= columns, "more rows than columns cannot be orthonormal")
    var r = Matrix(rows: rows, columns: rows)
    var basis: [[Double]] = []
    let largest = (0..<rows).map { Self.dot(row($0), row($0)).squareRoot() }.max() ?? 0
    for i in 0..<rows {
      var rest = row(i)
      // Twice is enough (Kahan and Parlett).
      for _ in 0..<2 {
        for (j, direction) in basis.enumerated() {
          let part = Self.dot(rest, direction)
          r[i, j] += part
          Self.subtract(part, direction, from: &rest)
        }
      }
      let length = Self.dot(rest, rest).squareRoot()
      if length > 1e-12 * largest, length > 0 {
        r[i, i] = length
        basis.append(rest.map { $0 / length })
      } else {
        basis.append(Self.completion(of: basis, dimension: columns))
      }
    }
    return (r, Matrix(rows: basis))
  }

  /// A unit vector orthogonal to the basis: what is left of the coordinate that the basis covers least.
  private static func completion(of basis: [[Double]], dimension: Int) -> [Double] {
    let covered = (0..<dimension).map { k in basis.reduce(0) { $0 + $1[k] * $1[k] } }
    let free = covered.indices.min { (covered[$0], $0) < (covered[$1], $1) } ?? 0
    var vector = [Double](repeating: 0, count: dimension)
    vector[free] = 1
    for _ in 0..<2 {
      for direction in basis { subtract(dot(vector, direction), direction, from: &vector) }
    }
    let length = dot(vector, vector).squareRoot()
    return vector.map { $0 / length }
  }

  /// X with self X = right.
  ///
  /// - Precondition: self is symmetric and positive definite, with as many rows as `right`.
  package func solving(_ right: Matrix) -> Matrix {
    precondition(rows == columns && rows == right.rows, "shapes must agree")
    // Cholesky: self = L Lᵀ.
    var l = Matrix(rows: rows, columns: rows)
    for i in 0..<rows {
      for j in 0...i {
        var rest = self[i, j]
        for k in 0..<j { rest -= l[i, k] * l[j, k] }
        l[i, j] = i == j ? rest.squareRoot() : rest / l[j, j]
      }
    }
    var x = right
    for column in 0..<right.columns {
      for i in 0..<rows {
        for k in 0..<i { x[i, column] -= l[i, k] * x[k, column] }
        x[i, column] /= l[i, i]
      }
      for i in (0..<rows).reversed() {
        for k in i + 1..<rows { x[i, column] -= l[k, i] * x[k, column] }
        x[i, column] /= l[i, i]
      }
    }
    return x
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    var total = 0.0
    for i in a.indices { total += a[i] * b[i] }
    return total
  }

  private static func subtract(_ factor: Double, _ b: [Double], from a: inout [Double]) {
    for i in a.indices { a[i] -= factor * b[i] }
  }

  /// The best approximation B A of rank at most `rank` (Eckart and Young): B = U S, A = Vᵀ with
  /// orthonormal rows, singular values descending.
  ///
  /// - Precondition: `rank` is at most the smaller side.
  package func bestFactors(rank: Int) throws(EigenError) -> (b: Matrix, a: Matrix) {
    precondition(rank <= Swift.min(rows, columns), "the rank is at most the smaller side")
    if rows <= columns {
      let u = try multiplied(by: transposed).symmetricEigen().vectors.firstRows(rank)
      // The rows of Uᵀ W are orthogonal already; their lengths are the singular values.
      let (r, q) = u.multiplied(by: self).orthonormalRows()
      return (u.transposed.multiplied(by: r), q)
    }
    let v = try transposed.multiplied(by: self).symmetricEigen().vectors.firstRows(rank)
    return (multiplied(by: v.transposed), v)
  }
}
