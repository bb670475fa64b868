// A dense double-precision matrix for the statistics around training: clustering, PCA, accounting.

internal import COpenBLAS

/// A dense row-major matrix of doubles; a value.
public struct Matrix: Sendable, Hashable, Codable {
  public let rows: Int
  public let columns: Int
  /// `rows × columns` numbers, row after row.
  public private(set) var elements: [Double]

  /// - Precondition: `elements.count == rows * columns`.
  public init(rows: Int, columns: Int, elements: [Double]) {
    precondition(elements.count == rows * columns, "a matrix needs rows × columns elements")
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  public init(repeating value: Double = 0, rows: Int, columns: Int) {
    self.init(
      rows: rows, columns: columns, elements: [Double](repeating: value, count: rows * columns))
  }

  /// - Precondition: all rows have the same length.
  public init(rows rowArrays: [[Double]]) {
    let columns = rowArrays.first?.count ?? 0
    precondition(rowArrays.allSatisfy { $0.count == columns }, "rows must have equal lengths")
    self.init(rows: rowArrays.count, columns: columns, elements: rowArrays.flatMap { $0 })
  }

  public subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  /// A copy of one row.
  public func row(_ index: Int) -> [Double] {
    Array(elements[index * columns..<(index + 1) * columns])
  }

  public var transposed: Matrix {
    var result = Matrix(rows: columns, columns: rows)
    for i in 0..<rows { for j in 0..<columns { result[j, i] = self[i, j] } }
    return result
  }

  /// `self · other`: every element one chain of fused multiply-adds, or by `dgemm` in native arithmetic.
  ///
  /// - Precondition: `columns == other.rows`.
  public func multiplied(by other: Matrix) -> Matrix {
    precondition(columns == other.rows, "inner dimensions must agree")
    var result = Matrix(rows: rows, columns: other.columns)
    guard rows > 0, columns > 0, other.columns > 0 else { return result }
    guard !Arithmetic.isPortable else {
      addProduct(with: other, to: &result.elements)
      return result
    }
    Blas.prepare()
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(other.columns),
      blasint(columns), 1, elements, blasint(columns), other.elements, blasint(other.columns), 0,
      &result.elements, blasint(other.columns))
    return result
  }

  private func addProduct(with other: Matrix, to result: inout [Double]) {
    elements.withUnsafeBufferPointer { a in
      other.elements.withUnsafeBufferPointer { b in
        result.withUnsafeMutableBufferPointer { c in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          PortableProduct(
            a: Strided(UnsafeMutablePointer(mutating: a), down: columns, right: 1),
            b: Strided(UnsafeMutablePointer(mutating: b), down: other.columns, right: 1),
            c: Strided(c, down: other.columns, right: 1), m: rows, n: other.columns, k: columns,
            isFollowed: false
          ).run()
        }
      }
    }
  }
}

/// Eigenvalues and eigenvectors of a real symmetric matrix.
public struct SymmetricEigen: Sendable {
  /// Descending.
  public let values: [Double]
  /// Row k is the unit eigenvector of `values[k]`; its sign is arbitrary.
  public let vectors: Matrix
}

/// The eigenvalue routine did not converge (LAPACK's `info`, or how many eigenvalues are missing), for instance
/// because of NaN input.
public struct EigenError: Error, Sendable, CustomStringConvertible {
  public let info: Int
  public var description: String {
    "the eigenvalues of a symmetric matrix could not be computed (info \(info))"
  }
}

extension Matrix {
  /// The eigen-decomposition of a symmetric matrix: by reflections and the QL method, or in native arithmetic by
  /// LAPACK's divide and conquer (`dsyevd`).
  ///
  /// - Precondition: square. Only the lower triangle is read.
  public func symmetricEigen() throws(EigenError) -> SymmetricEigen {
    precondition(rows == columns, "only square matrices have eigenvalues")
    guard rows > 0 else { return SymmetricEigen(values: [], vectors: self) }
    guard elements.allSatisfy({ $0.isFinite }) else { throw EigenError(info: -4) }
    guard !Arithmetic.isPortable else { return try PortableEigen(of: self).solved() }
    Blas.prepare()
    var order = Int32(rows)
    var a = elements
    var ascending = [Double](repeating: 0, count: rows)
    // Workspace sizes that the LAPACK manual states as sufficient for jobz = V.
    var workCount = Int32(1 + 6 * rows + 2 * rows * rows)
    var integerCount = Int32(3 + 5 * rows)
    var work = [Double](repeating: 0, count: Int(workCount))
    var integerWork = [Int32](repeating: 0, count: Int(integerCount))
    var info: Int32 = 0
    // Row-major lower is column-major upper.
    dsyevd_(
      "V", "U", &order, &a, &order, &ascending, &work, &workCount, &integerWork, &integerCount,
      &info)
    guard info == 0 else { throw EigenError(info: Int(info)) }
    var vectors = Matrix(rows: rows, columns: rows)
    for k in 0..<rows {
      // Column-major output: eigenvector j is contiguous at a[j * rows].
      for i in 0..<rows { vectors[k, i] = a[(rows - 1 - k) * rows + i] }
    }
    return SymmetricEigen(values: ascending.reversed(), vectors: vectors)
  }
}
