// One example's weight gradient of a convolution, from the few live entries of its output gradient.

extension Convolution {
  /// G[c] = Σ over the entries of channel c of value · patch: one example's weight gradient.
  ///
  /// - Parameters:
  ///   - gradient: rows of `geometry.gradientStride` floats from `offset`; overwritten. Within a row,
  ///     each of the five runs is padded with zeros to `runStride`.
  public static func weightGradient(
    _ geometry: ConvGeometry, input: FloatBuffer, at inputOffset: Int, entries: SparseGradient,
    into gradient: FloatBuffer, at offset: Int
  ) {
    input.check(inputOffset, geometry.exampleStride)
    gradient.check(offset, entries.channels * geometry.gradientStride)
    precondition(
      entries.positionBound <= geometry.positions, "the lists were made for another convolution")
    entries.findOffsets(geometry)
    let x = UnsafePointer(input.base + inputOffset)
    for c in 0..<entries.channels {
      let list = EntryList(
        count: Int(entries.counts.base[c]),
        offsets: UnsafePointer(entries.offsets.base + c &* entries.capacity),
        values: UnsafePointer(entries.values.base + c &* entries.capacity))
      let row = gradient.base + offset + c &* geometry.gradientStride
      var chunk = 0
      while chunk &+ 16 <= geometry.run {
        gradientOfTwoChunks(geometry, x + chunk, list, into: row + chunk)
        chunk &+= 16
      }
      while chunk < geometry.runStride {
        gradientOfOneChunk(geometry, x + chunk, list, live: geometry.run - chunk, into: row + chunk)
        chunk &+= 8
      }
    }
  }

  /// The entries of one channel.
  private struct EntryList {
    let count: Int
    let offsets: UnsafePointer<Int32>
    let values: UnsafePointer<Float>
  }

  /// Sixteen columns of the five runs: ten accumulators, enough to keep both multipliers busy.
  @inline(__always)
  private static func gradientOfTwoChunks(
    _ geometry: ConvGeometry, _ x: UnsafePointer<Float>, _ list: EntryList,
    into row: UnsafeMutablePointer<Float>
  ) {
    let (rowStride, runStride) = (geometry.rowStride, geometry.runStride)
    var a0 = SIMD8<Float>()
    var (a1, a2, a3, a4) = (a0, a0, a0, a0)
    var (b0, b1, b2, b3, b4) = (a0, a0, a0, a0, a0)
    for i in 0..<list.count {
      let v = SIMD8(repeating: list.values[i])
      var p = x + Int(list.offsets[i])
      a0 = a0.fused(v, load8(p))
      b0 = b0.fused(v, load8(p + 8))
      p += rowStride
      a1 = a1.fused(v, load8(p))
      b1 = b1.fused(v, load8(p + 8))
      p += rowStride
      a2 = a2.fused(v, load8(p))
      b2 = b2.fused(v, load8(p + 8))
      p += rowStride
      a3 = a3.fused(v, load8(p))
      b3 = b3.fused(v, load8(p + 8))
      p += rowStride
      a4 = a4.fused(v, load8(p))
      b4 = b4.fused(v, load8(p + 8))
    }
    for (k, pair) in [(a0, b0), (a1, b1), (a2, b2), (a3, b3), (a4, b4)].enumerated() {
      store8(pair.0, row + k &* runStride)
      store8(pair.1, row + k &* runStride + 8)
    }
  }

  /// Eight columns of the five runs, of which the first `live` count and the others become zero. Even
  /// and odd entries are summed apart: one chain of additions alone would wait for itself.
  @inline(__always)
  private static func gradientOfOneChunk(
    _ geometry: ConvGeometry, _ x: UnsafePointer<Float>, _ list: EntryList, live: Int,
    into row: UnsafeMutablePointer<Float>
  ) {
    let (rowStride, runStride) = (geometry.rowStride, geometry.runStride)
    var a0 = SIMD8<Float>()
    var (a1, a2, a3, a4) = (a0, a0, a0, a0)
    var (b0, b1, b2, b3, b4) = (a0, a0, a0, a0, a0)
    var i = 0
    while i < list.count {
      let v = SIMD8(repeating: list.values[i])
      let p = x + Int(list.offsets[i])
      a0 = a0.fused(v, load8(p))
      a1 = a1.fused(v, load8(p + rowStride))
      a2 = a2.fused(v, load8(p + 2 &* rowStride))
      a3 = a3.fused(v, load8(p + 3 &* rowStride))
      a4 = a4.fused(v, load8(p + 4 &* rowStride))
      i &+= 1
      guard i < list.count else { break }
      let w = SIMD8(repeating: list.values[i])
      let q = x + Int(list.offsets[i])
      b0 = b0.fused(w, load8(q))
      b1 = b1.fused(w, load8(q + rowStride))
      b2 = b2.fused(w, load8(q + 2 &* rowStride))
      b3 = b3.fused(w, load8(q + 3 &* rowStride))
      b4 = b4.fused(w, load8(q + 4 &* rowStride))
      i &+= 1
    }
    let lanes = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7)
    let surplus = lanes .>= SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: live))
    @inline(__always) func put(_ k: Int, _ total: SIMD8<Float>) {
      store8(total.replacing(with: 0, where: surplus), row + k &* runStride)
    }
    put(0, a0 + b0)
    put(1, a1 + b1)
    put(2, a2 + b2)
    put(3, a3 + b3)
    put(4, a4 + b4)
  }
}
