// Matrix products in which every element is one chain of fused multiply-adds over k, from 0
// upwards: its bits depend on its own row and column alone, not on where the row stands, on what
// stands beside it, on the processor or on the width of its vectors. OpenBLAS promises nothing of
// this.

/// What the chains of a product begin with.
public enum ChainStart {
  case zero
  /// The same row for all: `columns` floats of a buffer.
  case row(FloatBuffer, at: Int)
  /// What the target holds: the product is added to it.
  case target
}

/// `c = start + a · b`.
///
/// - Precondition: the shapes agree, and `c` shares no memory with `a`.
public func chainMultiply(
  _ a: MatrixView, by b: Panels, start: ChainStart = .zero, into c: MatrixView
) {
  precondition(
    a.columns == b.depth && c.rows == a.rows && c.columns == b.columns,
    "the shapes of a product must agree")
  ChainProduct(
    a: a.buffer.base + a.offset, aDown: a.stride, aRight: 1, rows: a.rows, depth: a.columns,
    b: b.memory.base, bDown: 16, bNext: b.depth &* 16
  ).run(start, into: c)
}

/// `c = start + aᵀ · b`.
///
/// - Precondition: the shapes agree, and `c` shares no memory with `a`.
public func chainMultiply(
  transposeOf a: MatrixView, by b: Panels, start: ChainStart = .zero, into c: MatrixView
) {
  precondition(
    a.rows == b.depth && c.rows == a.columns && c.columns == b.columns,
    "the shapes of a product must agree")
  ChainProduct(
    a: a.buffer.base + a.offset, aDown: 1, aRight: a.stride, rows: a.columns, depth: a.rows,
    b: b.memory.base, bDown: 16, bNext: b.depth &* 16
  ).run(start, into: c)
}

/// `c = start + op(a) · b` for a small b that is read where it lies.
///
/// - Precondition: the shapes agree, and `c` shares no memory with `a` or `b`.
public func chainMultiply(
  _ a: MatrixView, transposeA: Bool = false, by b: MatrixView, start: ChainStart = .zero,
  into c: MatrixView
) {
  let (rows, depth) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
  precondition(
    depth == b.rows && c.rows == rows && c.columns == b.columns,
    "the shapes of a product must agree")
  ChainProduct(
    a: a.buffer.base + a.offset, aDown: transposeA ? 1 : a.stride,
    aRight: transposeA ? a.stride : 1, rows: rows, depth: depth, b: b.buffer.base + b.offset,
    bDown: b.stride, bNext: 16
  ).run(start, into: c)
}

/// One product with its strides.
private struct ChainProduct {
  let a: UnsafeMutablePointer<Float>
  /// From a row of a to the next, and from an element to the next of its chain.
  let aDown: Int
  let aRight: Int
  let rows: Int
  let depth: Int
  let b: UnsafeMutablePointer<Float>
  /// From a row of b to the next, and from 16 columns to the next 16. Reading past the last column
  /// is harmless: buffers are followed by 64 bytes.
  let bDown: Int
  let bNext: Int

  /// So much of a chain at a time that 16 columns of b stay in the first cache beside six rows of
  /// a.
  private static let depthBlock = 256
  /// Floats of a that stay in the second cache.
  private static let rowBlock = 1 << 16

  func run(_ start: ChainStart, into c: MatrixView) {
    guard rows > 0 else { return }
    let target = c.buffer.base + c.offset
    prepare(start, c)
    let blockRows = max(
      6, ChainProduct.rowBlock / max(1, min(depth, ChainProduct.depthBlock)) / 6 &* 6)
    var row = 0
    while row < rows {
      let last = min(rows, row &+ blockRows)
      var k = 0
      while k < depth {
        let length =
          depth &- k <= ChainProduct.depthBlock &* 3 / 2
          ? depth &- k : ChainProduct.depthBlock
        var column = 0
        var panel = b + k &* bDown
        while column < c.columns {
          strip(
            row, last, k, length, panel, target + column, c.stride,
            width: min(16, c.columns &- column))
          panel += bNext
          column &+= 16
        }
        k &+= length
      }
      row = last
    }
  }

  /// Chains go on from the target, so that they can be cut.
  private func prepare(_ start: ChainStart, _ c: MatrixView) {
    let target = c.buffer.base + c.offset
    switch start {
    case .target: return
    case .zero:
      for i in 0..<rows { (target + i &* c.stride).update(repeating: 0, count: c.columns) }
    case .row(let buffer, let offset):
      buffer.check(offset, c.columns)
      for i in 0..<rows {
        (target + i &* c.stride).update(from: buffer.base + offset, count: c.columns)
      }
    }
  }

  /// 16 columns of c, rows from `first` until before `last`.
  @inline(__always)
  private func strip(
    _ first: Int, _ last: Int, _ k: Int, _ length: Int, _ panel: UnsafeMutablePointer<Float>,
    _ c: UnsafeMutablePointer<Float>, _ cDown: Int, width: Int
  ) {
    var row = first
    while row < last {
      let left = last &- row
      let x = UnsafePointer(a + (row &* aDown &+ k &* aRight))
      let y = c + row &* cDown
      let b = UnsafePointer(panel)
      // Eight rows are better two times four than six and two.
      if left >= 6, left != 8, left != 7 {
        aRight == 1
          ? six(x, aDown, 1, b, bDown, length, y, cDown, width)
          : six(x, aDown, aRight, b, bDown, length, y, cDown, width)
        row &+= 6
      } else if left >= 4 {
        four(x, aDown, aRight, b, bDown, length, y, cDown, width)
        row &+= 4
      } else if left >= 2 {
        two(x, aDown, aRight, b, bDown, length, y, cDown, width)
        row &+= 2
      } else {
        one(x, aRight, b, bDown, length, y, width)
        row &+= 1
      }
    }
  }
}

/// 16 floats.
private struct Row16 {
  var low: SIMD8<Float>
  var high: SIMD8<Float>

  @inline(__always)
  init(_ pointer: UnsafePointer<Float>) {
    low = load8(pointer)
    high = load8(pointer + 8)
  }

  @inline(__always)
  mutating func add(_ x: Float, _ b: Row16) {
    let x = SIMD8(repeating: x)
    low = low.addingProduct(x, b.low)
    high = high.addingProduct(x, b.high)
  }

  @inline(__always)
  func store(_ pointer: UnsafeMutablePointer<Float>, _ width: Int) {
    if width == 16 {
      store8(low, pointer)
      store8(high, pointer + 8)
    } else {
      for j in 0..<width { pointer[j] = j < 8 ? low[j] : high[j &- 8] }
    }
  }
}

@inline(__always)
private func six(
  _ a: UnsafePointer<Float>, _ aDown: Int, _ aRight: Int, _ b: UnsafePointer<Float>, _ bDown: Int,
  _ depth: Int, _ c: UnsafeMutablePointer<Float>, _ cDown: Int, _ width: Int
) {
  var c0 = Row16(c)
  var c1 = Row16(c + cDown)
  var c2 = Row16(c + 2 &* cDown)
  var c3 = Row16(c + 3 &* cDown)
  var c4 = Row16(c + 4 &* cDown)
  var c5 = Row16(c + 5 &* cDown)
  var x = a
  var y = b
  for _ in 0..<depth {
    let row = Row16(y)
    c0.add(x[0], row)
    c1.add(x[aDown], row)
    c2.add(x[2 &* aDown], row)
    c3.add(x[3 &* aDown], row)
    c4.add(x[4 &* aDown], row)
    c5.add(x[5 &* aDown], row)
    x += aRight
    y += bDown
  }
  c0.store(c, width)
  c1.store(c + cDown, width)
  c2.store(c + 2 &* cDown, width)
  c3.store(c + 3 &* cDown, width)
  c4.store(c + 4 &* cDown, width)
  c5.store(c + 5 &* cDown, width)
}

@inline(__always)
private func four(
  _ a: UnsafePointer<Float>, _ aDown: Int, _ aRight: Int, _ b: UnsafePointer<Float>, _ bDown: Int,
  _ depth: Int, _ c: UnsafeMutablePointer<Float>, _ cDown: Int, _ width: Int
) {
  var c0 = Row16(c)
  var c1 = Row16(c + cDown)
  var c2 = Row16(c + 2 &* cDown)
  var c3 = Row16(c + 3 &* cDown)
  var x = a
  var y = b
  for _ in 0..<depth {
    let row = Row16(y)
    c0.add(x[0], row)
    c1.add(x[aDown], row)
    c2.add(x[2 &* aDown], row)
    c3.add(x[3 &* aDown], row)
    x += aRight
    y += bDown
  }
  c0.store(c, width)
  c1.store(c + cDown, width)
  c2.store(c + 2 &* cDown, width)
  c3.store(c + 3 &* cDown, width)
}

@inline(__always)
private func two(
  _ a: UnsafePointer<Float>, _ aDown: Int, _ aRight: Int, _ b: UnsafePointer<Float>, _ bDown: Int,
  _ depth: Int, _ c: UnsafeMutablePointer<Float>, _ cDown: Int, _ width: Int
) {
  var c0 = Row16(c)
  var c1 = Row16(c + cDown)
  var x = a
  var y = b
  for _ in 0..<depth {
    let row = Row16(y)
    c0.add(x[0], row)
    c1.add(x[aDown], row)
    x += aRight
    y += bDown
  }
  c0.store(c, width)
  c1.store(c + cDown, width)
}

@inline(__always)
private func one(
  _ a: UnsafePointer<Float>, _ aRight: Int, _ b: UnsafePointer<Float>, _ bDown: Int, _ depth: Int,
  _ c: UnsafeMutablePointer<Float>, _ width: Int
) {
  var c0 = Row16(c)
  var x = a
  var y = b
  for _ in 0..<depth {
    c0.add(x[0], Row16(y))
    x += aRight
    y += bDown
  }
  c0.store(c, width)
}
