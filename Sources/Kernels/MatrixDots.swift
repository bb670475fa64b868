// Sums of elementwise products of two matrices along rows or columns, and elements at listed places: what
// gradients of scales, gates and sparse values are made of.

extension FloatBuffer {
  /// self[offset + i] += Σ_j a(i, j)·b(i, j).
  public func addRowDots(_ a: MatrixView, _ b: MatrixView, to offset: Int) {
    precondition(a.rows == b.rows && a.columns == b.columns, "the shapes must agree")
    check(offset, a.rows)
    for row in 0..<a.rows {
      let x = a.buffer.base + a.offset + row &* a.stride
      let y = b.buffer.base + b.offset + row &* b.stride
      var sums = SIMD8<Float>()
      var j = 0
      while j &+ 8 <= a.columns {
        sums = sums.fused(load8(x + j), load8(y + j))
        j &+= 8
      }
      var total = sums.sum()
      while j < a.columns {
        total = total.fused(x[j], y[j])
        j &+= 1
      }
      base[offset &+ row] += total
    }
  }

  /// self[offset + j] += Σ_i a(i, j)·b(i, j).
  public func addColumnDots(_ a: MatrixView, _ b: MatrixView, to offset: Int) {
    precondition(a.rows == b.rows && a.columns == b.columns, "the shapes must agree")
    check(offset, a.columns)
    let target = base + offset
    for row in 0..<a.rows {
      let x = a.buffer.base + a.offset + row &* a.stride
      let y = b.buffer.base + b.offset + row &* b.stride
      var j = 0
      while j &+ 8 <= a.columns {
        store8(load8(target + j).fused(load8(x + j), load8(y + j)), target + j)
        j &+= 8
      }
      while j < a.columns {
        target[j] = target[j].fused(x[j], y[j])
        j &+= 1
      }
    }
  }

  /// self[offset + k] += the element of `matrix` at row-major place `indices[k]`.
  public func addElements(of matrix: MatrixView, at indices: [Int], to offset: Int) {
    check(offset, indices.count)
    for (k, index) in indices.enumerated() {
      checkRange(index, 1, in: matrix.rows * matrix.columns)
      let (row, column) = index.quotientAndRemainder(dividingBy: matrix.columns)
      base[offset &+ k] += matrix.buffer.base[matrix.offset &+ row &* matrix.stride &+ column]
    }
  }
}
