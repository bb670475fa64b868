// Products of matrices as they lie, in portable arithmetic: chains of fused multiply-adds, with as little packing
// as the shapes allow.

/// A product of matrices that lie in memory in any order, added to its target. Which side is read as vectors and
/// what is packed changes the speed and no bit.
struct PortableProduct<Scalar: FusedScalar> {
  /// `m × k`.
  let a: Strided<Scalar>
  /// `k × n`.
  let b: Strided<Scalar>
  /// `m × n`.
  let c: Strided<Scalar>
  let m: Int
  let n: Int
  let k: Int
  /// Whether memory behind the matrices may be read, as that behind lane buffers.
  let isFollowed: Bool

  /// Rows that use a panel before the next is packed.
  private static var rowBlock: Int { 252 }

  /// cᵀ = bᵀ aᵀ.
  private var transposed: PortableProduct {
    PortableProduct(
      a: b.transposed, b: a.transposed, c: c.transposed, m: n, n: m, k: k, isFollowed: isFollowed)
  }

  @inline(__always)
  func run<V: SIMD>(over vectors: V.Type) where V.Scalar == Scalar {
    let other = transposed
    (cost(over: vectors) <= other.cost(over: vectors) ? self : other).add(over: vectors)
  }

  /// Multiply-adds, and what packing and storing across rows cost beside them.
  private func cost<V: SIMD>(over vectors: V.Type) -> Int where V.Scalar == Scalar {
    let tile = ProductTile<V>.columns
    let columns = (n &+ tile &- 1) / tile &* tile
    let packing = b.right == 1 ? 0 : 6 &* k &* n
    let storing = c.right == 1 ? 0 : 16 &* m &* n
    return (m &+ (m < 4 ? 2 : 0)) &* columns &* k &+ packing &+ storing
  }

  @inline(__always)
  private func add<V: SIMD>(over vectors: V.Type) where V.Scalar == Scalar {
    let tile = ProductTile<V>.columns
    let product = ChainProduct(
      rows: a, rowCount: m, depth: k, columns: b, columnCount: n, panelNext: tile, target: c)
    // A panel that many rows use is read faster when it lies together; a short chain stays in the cache anyway.
    if isFollowed, b.right == 1, n >= tile, m <= 24 || k <= 24 {
      product.run(over: vectors)
      return
    }
    // Rows that lie across memory take a cache line for every step of the chains.
    let longest =
      a.right == 1 ? ChainProduct<Scalar>.depthBlock : ChainProduct<Scalar>.depthBlock / 2
    ThreadScratch.with(
      bytes: tile &* min(k, longest &* 3 / 2) &* MemoryLayout<Scalar>.stride
    ) { memory in
      let panel = memory.assumingMemoryBound(to: Scalar.self)
      var row = 0
      while row < m {
        let last = m &- row <= Self.rowBlock &* 3 / 2 ? m : row &+ Self.rowBlock
        var first = 0
        while first < k {
          let depth = k &- first <= longest &* 3 / 2 ? k &- first : longest
          let block = Strided(b.base + first &* b.down, down: b.down, right: b.right)
          var column = 0
          while column < n {
            let width = min(tile, n &- column)
            block.packPanel(
              column: column, width: width, depth: depth, panelWidth: tile, into: panel)
            product.strip(
              over: vectors, from: row, to: last, k: first, depth: depth, panel: panel,
              panelDown: tile, column: column, width: width)
            column &+= tile
          }
          first &+= depth
        }
        row = last
      }
    }
  }
}

extension PortableProduct<Float> {
  /// `c = alpha · (a · b) + beta · c`: the chains begin at 0, or, with alpha 1 and beta 1, at c.
  ///
  /// - Parameter width: floats of a vector, 4, 8 or 16.
  @inline(__always)
  func run(alpha: Float, beta: Float, width: Int) {
    if alpha == 1, beta == 0 || beta == 1 {
      if beta == 0 { clear(c) }
      addProduct(width: width)
    } else if beta == 0 {
      clear(c)
      addProduct(width: width)
      for i in 0..<m {
        for j in 0..<n { c.base[i &* c.down &+ j &* c.right] *= alpha }
      }
    } else {
      withUnsafeTemporaryAllocation(of: Float.self, capacity: m &* n) { memory in
        guard let start = memory.baseAddress else { return }
        let target = Strided(start, down: n, right: 1)
        clear(target)
        PortableProduct(a: a, b: b, c: target, m: m, n: n, k: k, isFollowed: isFollowed)
          .addProduct(width: width)
        for i in 0..<m {
          for j in 0..<n {
            let place = i &* c.down &+ j &* c.right
            c.base[place] = (beta * c.base[place]).fused(alpha, start[i &* n &+ j])
          }
        }
      }
    }
  }

  @inline(__always)
  private func addProduct(width: Int) {
    switch width {
    case 16: run(over: SIMD16<Float>.self)
    case 8: run(over: SIMD8<Float>.self)
    default: run(over: SIMD4<Float>.self)
    }
  }

  private func clear(_ target: Strided<Float>) {
    for i in 0..<m { (target.base + i &* target.down).update(repeating: 0, count: n) }
  }
}

/// `multiply` in portable arithmetic over vectors of 4, 8 or 16 floats, for tests that the width changes no bit.
///
/// - Precondition: the shapes agree, and `c` shares no memory with `a` or `b`.
package func portableMultiply(
  _ a: MatrixView, _ b: MatrixView, transposeA: Bool = false, transposeB: Bool = false,
  alpha: Float = 1, beta: Float = 0, into c: MatrixView, width: Int
) {
  let k = transposeA ? a.rows : a.columns
  precondition(k == (transposeB ? b.columns : b.rows), "the shapes of a product must agree")
  PortableProduct(
    a: transposeA ? Strided(a).transposed : Strided(a),
    b: transposeB ? Strided(b).transposed : Strided(b), c: Strided(c), m: c.rows, n: c.columns,
    k: k, isFollowed: true
  ).run(alpha: alpha, beta: beta, width: width)
}

extension PortableProduct<Double> {
  func run() {
    switch VectorWidth.floats {
    case 16: run(over: SIMD8<Double>.self)
    case 8: run(over: SIMD4<Double>.self)
    default: run(over: SIMD2<Double>.self)
    }
  }
}
