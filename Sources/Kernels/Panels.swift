// A matrix laid out for chain products: a panel's columns of every row behind one another.

/// A matrix laid out for products: panels of `width` columns, a panel holding its columns of every row.
///
/// Filled by one of the `pack` methods; missing columns of the last panel are zero.
public final class Panels {
  /// Rows, the length of the chains.
  public private(set) var depth = 0
  public private(set) var columns = 0
  let memory: FloatBuffer

  /// Columns of a panel: two vectors.
  @inline(__always)
  static var width: Int { 2 &* VectorWidth.floats }

  /// - Parameter count: `count(depth:columns:)` of the largest matrix.
  public init(count: Int) { memory = FloatBuffer(count: count) }

  public convenience init(depth: Int, columns: Int) {
    self.init(count: Panels.count(depth: depth, columns: columns))
  }

  /// Floats that a matrix takes.
  public static func count(depth: Int, columns: Int) -> Int {
    depth * ((columns + width - 1) / width * width)
  }

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
    let matrix = Strided(UnsafeMutablePointer(mutating: source), down: down, right: right)
    var first = 0
    while first < columns {
      matrix.packPanel(
        column: first, width: min(Panels.width, columns &- first), depth: depth,
        panelWidth: Panels.width, into: memory.base + first &* depth)
      first &+= Panels.width
    }
  }
}

extension Strided where Scalar: FusedScalar {
  /// Copies `width` columns of `depth` rows, `panelWidth` floats a row; missing columns become zero.
  @inline(__always)
  func packPanel(
    column: Int, width: Int, depth: Int, panelWidth: Int, into panel: UnsafeMutablePointer<Scalar>
  ) {
    let corner = UnsafePointer(base + column &* right)
    if width < panelWidth { panel.update(repeating: 0, count: depth &* panelWidth) }
    if right == 1 {
      for k in 0..<depth {
        (panel + k &* panelWidth).update(from: corner + k &* down, count: width)
      }
      return
    }
    var j = 0
    if down == 1 {
      while j &+ 4 <= width {
        transposeFour(corner + j &* right, depth: depth, panelWidth, panel + j)
        j &+= 4
      }
    }
    while j < width {
      let source = corner + j &* right
      for k in 0..<depth { panel[k &* panelWidth &+ j] = source[k &* down] }
      j &+= 1
    }
  }

  /// Four columns that lie along memory.
  @inline(__always)
  private func transposeFour(
    _ source: UnsafePointer<Scalar>, depth: Int, _ panelWidth: Int,
    _ target: UnsafeMutablePointer<Scalar>
  ) {
    @inline(__always) func load(_ j: Int, _ k: Int) -> SIMD4<Scalar> {
      UnsafeRawPointer(source + j &* right + k).loadUnaligned(as: SIMD4<Scalar>.self)
    }
    @inline(__always) func store(_ value: SIMD4<Scalar>, _ k: Int) {
      UnsafeMutableRawPointer(target + k &* panelWidth)
        .storeBytes(of: value, as: SIMD4<Scalar>.self)
    }
    var k = 0
    while k &+ 4 <= depth {
      let (a, b, c, d) = (load(0, k), load(1, k), load(2, k), load(3, k))
      store(SIMD4(a[0], b[0], c[0], d[0]), k)
      store(SIMD4(a[1], b[1], c[1], d[1]), k &+ 1)
      store(SIMD4(a[2], b[2], c[2], d[2]), k &+ 2)
      store(SIMD4(a[3], b[3], c[3], d[3]), k &+ 3)
      k &+= 4
    }
    while k < depth {
      for j in 0..<4 { target[k &* panelWidth &+ j] = source[j &* right &+ k] }
      k &+= 1
    }
  }
}
