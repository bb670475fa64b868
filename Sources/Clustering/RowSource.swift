// Rows of numbers read block by block, so that wide updates are never copied as a whole.

import Kernels

/// A matrix whose rows can be read a stretch at a time.
protocol RowSource {
  var rowCount: Int { get }
  var columnCount: Int { get }
  /// Writes columns `first ..< first + count` of a row into `buffer`, beginning at `offset`.
  func copy(row: Int, first: Int, count: Int, into buffer: inout [Double], at offset: Int)
}

/// Client updates as training leaves them: one array of Floats a client.
struct FloatRows: RowSource {
  let rows: [[Float]]
  let columnCount: Int

  var rowCount: Int { rows.count }

  init(_ rows: [[Float]]) throws(ClusteringError) {
    guard let first = rows.first, !first.isEmpty else { throw .empty }
    for (index, row) in rows.enumerated() where row.count != first.count {
      throw .raggedRows(row: index, expected: first.count, found: row.count)
    }
    self.rows = rows
    columnCount = first.count
  }

  func copy(row: Int, first: Int, count: Int, into buffer: inout [Double], at offset: Int) {
    let source = rows[row]
    for j in 0..<count { buffer[offset + j] = Double(source[first + j]) }
  }
}

/// A matrix of doubles.
struct MatrixRows: RowSource {
  let matrix: Matrix

  var rowCount: Int { matrix.rows }
  var columnCount: Int { matrix.columns }

  init(_ matrix: Matrix) throws(ClusteringError) {
    guard matrix.rows > 0, matrix.columns > 0 else { throw .empty }
    self.matrix = matrix
  }

  func copy(row: Int, first: Int, count: Int, into buffer: inout [Double], at offset: Int) {
    let start = row * matrix.columns + first
    for j in 0..<count { buffer[offset + j] = matrix.elements[start + j] }
  }
}

extension RowSource {
  /// The first place that holds no number whose square is finite, if there is one.
  func firstUnusable() -> (row: Int, column: Int)? {
    var buffer = [Double](repeating: 0, count: columnCount)
    for row in 0..<rowCount {
      copy(row: row, first: 0, count: columnCount, into: &buffer, at: 0)
      if let column = buffer.firstIndex(where: { !($0.magnitude <= 1e150) }) {
        return (row, column)
      }
    }
    return nil
  }
}
