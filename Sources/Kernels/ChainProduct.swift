// Matrix products in which every element is one chain of fused multiply-adds over k, from 0
// upwards: its bits depend on its own row and column alone, not on where the row stands, on what
// stands beside it, on the processor or on the width of its vectors. OpenBLAS guarantees nothing of
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
  start.prepare(c)
  ChainProduct(
    rows: Strided(a), rowCount: a.rows, depth: a.columns,
    columns: Strided(b.memory.base, down: Panels.width, right: 1), columnCount: b.columns,
    panelNext: b.depth &* Panels.width, target: Strided(c)
  ).run()
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
  start.prepare(c)
  ChainProduct(
    rows: Strided(a).transposed, rowCount: a.columns, depth: a.rows,
    columns: Strided(b.memory.base, down: Panels.width, right: 1), columnCount: b.columns,
    panelNext: b.depth &* Panels.width, target: Strided(c)
  ).run()
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
  start.prepare(c)
  ChainProduct(
    rows: transposeA ? Strided(a).transposed : Strided(a), rowCount: rows, depth: depth,
    columns: Strided(b), columnCount: b.columns, panelNext: Panels.width, target: Strided(c)
  ).run()
}

extension ChainStart {
  /// Chains go on from the target, so that they can be cut.
  func prepare(_ c: MatrixView) {
    guard c.rows > 0 else { return }
    let target = c.buffer.base + c.offset
    switch self {
    case .target: return
    case .zero:
      for i in 0..<c.rows { (target + i &* c.stride).update(repeating: 0, count: c.columns) }
    case .row(let buffer, let offset):
      buffer.check(offset, c.columns)
      for i in 0..<c.rows {
        (target + i &* c.stride).update(from: buffer.base + offset, count: c.columns)
      }
    }
  }
}

/// Numbers of a matrix in memory: how far it is to the element below and to the one on the right.
struct Strided<Scalar> {
  let base: UnsafeMutablePointer<Scalar>
  let down: Int
  let right: Int

  init(_ base: UnsafeMutablePointer<Scalar>, down: Int, right: Int) {
    self.base = base
    self.down = down
    self.right = right
  }

  var transposed: Strided { Strided(base, down: right, right: down) }
}

extension Strided<Float> {
  init(_ view: MatrixView) {
    self.init(view.buffer.base + view.offset, down: view.stride, right: 1)
  }
}

/// One product that is added to its target.
struct ChainProduct<Scalar: FusedScalar> {
  let rows: Strided<Scalar>
  let rowCount: Int
  let depth: Int
  /// The columns' numbers, side by side within a panel. Reading past the last column is harmless:
  /// buffers are followed by 128 bytes.
  let columns: Strided<Scalar>
  let columnCount: Int
  /// From a panel to the next.
  let panelNext: Int
  let target: Strided<Scalar>

  /// So much of a chain at a time that a panel of columns stays in the first cache beside six rows.
  @inline(__always)
  static var depthBlock: Int { 256 }
  /// Numbers of the rows that stay in the second cache.
  @inline(__always)
  private static var rowBlock: Int { 1 << 16 }

  /// - Precondition: panels are two vectors wide, unless they are read where they lie.
  @inline(__always)
  func run<V: SIMD>(over vectors: V.Type) where V.Scalar == Scalar {
    guard rowCount > 0 else { return }
    let tile = ProductTile<V>.columns
    let blockRows = max(
      6, ChainProduct.rowBlock / max(1, min(depth, ChainProduct.depthBlock)) / 6 &* 6)
    var row = 0
    while row < rowCount {
      let last = min(rowCount, row &+ blockRows)
      var k = 0
      while k < depth {
        let length =
          depth &- k <= ChainProduct.depthBlock &* 3 / 2
          ? depth &- k : ChainProduct.depthBlock
        var column = 0
        var panel = columns.base + k &* columns.down
        while column < columnCount {
          strip(
            over: vectors, from: row, to: last, k: k, depth: length, panel: panel,
            panelDown: columns.down, column: column, width: min(tile, columnCount &- column))
          panel += panelNext
          column &+= tile
        }
        k &+= length
      }
      row = last
    }
  }

  /// One panel's columns of the target, rows from `first` until before `last`.
  @inline(__always)
  func strip<V: SIMD>(
    over vectors: V.Type, from first: Int, to last: Int, k: Int, depth: Int,
    panel: UnsafeMutablePointer<Scalar>, panelDown: Int, column: Int, width: Int
  ) where V.Scalar == Scalar {
    var row = first
    while row < last {
      let left = last &- row
      let x = rows.base + (row &* rows.down &+ k &* rows.right)
      let y = target.base + (row &* target.down &+ column &* target.right)
      @inline(__always) func place(right: Int) -> TilePlace<Scalar> {
        TilePlace(
          row: x, rowDown: rows.down, rowRight: right, panel: panel, panelDown: panelDown,
          depth: depth, target: y, targetDown: target.down, targetRight: target.right,
          width: width)
      }
      // Eight rows are better two times four than six and two.
      if left >= 6, left != 8, left != 7 {
        rows.right == 1
          ? ProductTile<V>.six(place(right: 1)) : ProductTile<V>.six(place(right: rows.right))
        row &+= 6
      } else if left >= 4 {
        ProductTile<V>.four(place(right: rows.right))
        row &+= 4
      } else if left >= 2 {
        ProductTile<V>.two(place(right: rows.right))
        row &+= 2
      } else {
        ProductTile<V>.one(place(right: rows.right))
        row &+= 1
      }
    }
  }
}

extension ChainProduct<Float> {
  func run() {
    switch VectorWidth.floats {
    case 16: run(over: SIMD16<Float>.self)
    case 8: run(over: SIMD8<Float>.self)
    default: run(over: SIMD4<Float>.self)
    }
  }
}
