// The innermost part of matrix products: up to six rows by two vectors of columns, held in registers while
// the chains of fused multiply-adds run. Generic over the width of the vectors; an element's bits do not
// depend on it, since no element ever meets another.

/// Where a tile reads and writes. All distances are in numbers, not bytes.
struct TilePlace<Scalar> {
  /// The first row's numbers, one after the other `rowRight` apart; rows are `rowDown` apart.
  var row: UnsafePointer<Scalar>
  let rowDown: Int
  let rowRight: Int
  /// Two vectors of columns, for each step of the chains `panelDown` further.
  var panel: UnsafePointer<Scalar>
  let panelDown: Int
  /// Steps of the chains.
  let depth: Int
  var target: UnsafeMutablePointer<Scalar>
  let targetDown: Int
  let targetRight: Int
  /// Columns that are stored, at most two vectors.
  let width: Int
}

/// Two vectors of numbers: one row of a tile.
private struct RowPair<V: SIMD> where V.Scalar: FusedScalar {
  var low: V
  var high: V

  @inline(__always)
  init(_ pointer: UnsafePointer<V.Scalar>) {
    low = UnsafeRawPointer(pointer).loadUnaligned(as: V.self)
    high = UnsafeRawPointer(pointer + V.scalarCount).loadUnaligned(as: V.self)
  }

  @inline(__always)
  init() {
    low = V()
    high = V()
  }

  /// What the target holds: chains go on from there. Columns that are not stored are left 0.
  @inline(__always)
  init(_ place: TilePlace<V.Scalar>, row: Int) {
    let start = place.target + row &* place.targetDown
    if place.targetRight == 1, place.width == 2 &* V.scalarCount {
      self.init(UnsafePointer(start))
    } else {
      self.init()
      for j in 0..<min(place.width, V.scalarCount) { low[j] = start[j &* place.targetRight] }
      var j = V.scalarCount
      while j < place.width {
        high[j &- V.scalarCount] = start[j &* place.targetRight]
        j &+= 1
      }
    }
  }

  @inline(__always)
  mutating func add(_ x: V.Scalar, _ columns: RowPair<V>) {
    let x = V(repeating: x)
    low = low.fused(x, columns.low)
    high = high.fused(x, columns.high)
  }

  @inline(__always)
  func store(_ place: TilePlace<V.Scalar>, row: Int) {
    let start = place.target + row &* place.targetDown
    if place.targetRight == 1, place.width == 2 &* V.scalarCount {
      UnsafeMutableRawPointer(start).storeBytes(of: low, as: V.self)
      UnsafeMutableRawPointer(start + V.scalarCount).storeBytes(of: high, as: V.self)
    } else {
      for j in 0..<min(place.width, V.scalarCount) { start[j &* place.targetRight] = low[j] }
      var j = V.scalarCount
      while j < place.width {
        start[j &* place.targetRight] = high[j &- V.scalarCount]
        j &+= 1
      }
    }
  }
}

/// Tiles over vectors `V`.
enum ProductTile<V: SIMD> where V.Scalar: FusedScalar {
  /// Columns of a whole tile.
  static var columns: Int { 2 &* V.scalarCount }

  @inline(__always)
  static func six(_ place: TilePlace<V.Scalar>) {
    var c0 = RowPair<V>(place, row: 0)
    var c1 = RowPair<V>(place, row: 1)
    var c2 = RowPair<V>(place, row: 2)
    var c3 = RowPair<V>(place, row: 3)
    var c4 = RowPair<V>(place, row: 4)
    var c5 = RowPair<V>(place, row: 5)
    var x = place.row
    var y = place.panel
    let (down, right) = (place.rowDown, place.rowRight)
    for _ in 0..<place.depth {
      let columns = RowPair<V>(y)
      c0.add(x[0], columns)
      c1.add(x[down], columns)
      c2.add(x[2 &* down], columns)
      c3.add(x[3 &* down], columns)
      c4.add(x[4 &* down], columns)
      c5.add(x[5 &* down], columns)
      x += right
      y += place.panelDown
    }
    c0.store(place, row: 0)
    c1.store(place, row: 1)
    c2.store(place, row: 2)
    c3.store(place, row: 3)
    c4.store(place, row: 4)
    c5.store(place, row: 5)
  }

  @inline(__always)
  static func four(_ place: TilePlace<V.Scalar>) {
    var c0 = RowPair<V>(place, row: 0)
    var c1 = RowPair<V>(place, row: 1)
    var c2 = RowPair<V>(place, row: 2)
    var c3 = RowPair<V>(place, row: 3)
    var x = place.row
    var y = place.panel
    let (down, right) = (place.rowDown, place.rowRight)
    for _ in 0..<place.depth {
      let columns = RowPair<V>(y)
      c0.add(x[0], columns)
      c1.add(x[down], columns)
      c2.add(x[2 &* down], columns)
      c3.add(x[3 &* down], columns)
      x += right
      y += place.panelDown
    }
    c0.store(place, row: 0)
    c1.store(place, row: 1)
    c2.store(place, row: 2)
    c3.store(place, row: 3)
  }

  @inline(__always)
  static func two(_ place: TilePlace<V.Scalar>) {
    var c0 = RowPair<V>(place, row: 0)
    var c1 = RowPair<V>(place, row: 1)
    var x = place.row
    var y = place.panel
    for _ in 0..<place.depth {
      let columns = RowPair<V>(y)
      c0.add(x[0], columns)
      c1.add(x[place.rowDown], columns)
      x += place.rowRight
      y += place.panelDown
    }
    c0.store(place, row: 0)
    c1.store(place, row: 1)
  }

  @inline(__always)
  static func one(_ place: TilePlace<V.Scalar>) {
    var c0 = RowPair<V>(place, row: 0)
    var x = place.row
    var y = place.panel
    for _ in 0..<place.depth {
      c0.add(x[0], RowPair<V>(y))
      x += place.rowRight
      y += place.panelDown
    }
    c0.store(place, row: 0)
  }
}
