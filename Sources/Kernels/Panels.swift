// A matrix laid out for chain products: 16 columns of every row behind one another.

/// A matrix laid out for products: `panels · 16` columns, a panel holding 16 columns of every row.
///
/// Filled by one of the `pack` methods; missing columns of the last panel are zero.
public final class Panels {
  /// Rows, the length of the chains.
  public private(set) var depth = 0
  public private(set) var columns = 0
  let memory: FloatBuffer

  /// - Parameter count: `depth · columns` of the largest matrix, with `columns` rounded up to 16.
  public init(count: Int) { memory = FloatBuffer(count: count) }

  public convenience init(depth: Int, columns: Int) {
    self.init(count: Panels.count(depth: depth, columns: columns))
  }

  /// Floats that a matrix takes.
  public static func count(depth: Int, columns: Int) -> Int { depth * ((columns + 15) / 16 * 16) }

  /// Takes a matrix as it is: products are `a · matrix`.
  public func pack(_ matrix: MatrixView) {
    pack(
      depth: matrix.rows, columns: matrix.columns, from: matrix.buffer.base + matrix.offset,
      down: matrix.stride, right: 1)
  }

  /// Takes a transposed matrix: products are `a · matrixᵀ`.
  public func pack(transposeOf matrix: MatrixView) {
    pack(
      depth: matrix.columns, columns: matrix.rows, from: matrix.buffer.base + matrix.offset,
      down: 1, right: matrix.stride)
  }

  /// The same for `rows × columns` numbers of an array, transposed or not.
  public func pack(_ values: [Float], at offset: Int, rows: Int, columns: Int, transposed: Bool) {
    checkRange(offset, rows * columns, in: values.count)
    values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      if transposed {
        pack(depth: columns, columns: rows, from: start + offset, down: 1, right: columns)
      } else {
        pack(depth: rows, columns: columns, from: start + offset, down: columns, right: 1)
      }
    }
  }

  private func pack(
    depth: Int, columns: Int, from source: UnsafePointer<Float>, down: Int, right: Int
  ) {
    memory.check(0, Panels.count(depth: depth, columns: columns))
    self.depth = depth
    self.columns = columns
    var target = memory.base
    var first = 0
    while first < columns {
      let width = min(16, columns &- first)
      let corner = source + first &* right
      if width == 16, right == 1 {
        for k in 0..<depth {
          store8(load8(corner + k &* down), target + k &* 16)
          store8(load8(corner + k &* down + 8), target + k &* 16 + 8)
        }
      } else {
        if width < 16 { target.update(repeating: 0, count: depth &* 16) }
        for j in 0..<width {
          let column = corner + j &* right
          for k in 0..<depth { target[k &* 16 &+ j] = column[k &* down] }
        }
      }
      target += depth &* 16
      first &+= 16
    }
  }
}
