// What a convolution hands down to the layer below, from the few live entries of its output gradient.

extension Convolution {
  /// dx += Σ over all entries of value · w[c]: the gradient of one padded example, accumulated.
  ///
  /// Row by row of the kernel, so that the weights in use stay in the nearest cache; a position's
  /// channels are summed in registers and touch the gradient once.
  ///
  /// - Parameter weights: rows `[channel][patch]` from `weightOffset`.
  public static func inputGradient(
    _ geometry: ConvGeometry, entries: PositionGradient, weights: FloatBuffer,
    at weightOffset: Int, into gradient: FloatBuffer, at offset: Int
  ) {
    gradient.check(offset, geometry.exampleStride)
    weights.check(weightOffset, entries.channels * geometry.patch)
    precondition(
      entries.positions == geometry.positions, "the lists were made for another convolution")
    let (run, patch) = (geometry.run, geometry.patch)
    for kh in 0..<ConvGeometry.kernel {
      let kernelRow = UnsafePointer(weights.base + weightOffset + kh &* run)
      var t = 0
      for y in 0..<geometry.height {
        var target = gradient.base + offset + (y &+ kh) &* geometry.rowStride
        for _ in 0..<geometry.width {
          let list = entries.list(at: t)
          if list.count > 0 {
            var chunk = 0
            while chunk &+ 80 <= run {
              addTenVectors(list, kernelRow + chunk, patch, to: target + chunk)
              chunk &+= 80
            }
            addRest(list, kernelRow, patch, from: chunk, run, to: target)
          }
          target += geometry.inputChannels
          t &+= 1
        }
      }
    }
  }

  /// target[j] += Σ value · w[channel][j] for eighty floats j.
  @inline(__always)
  private static func addTenVectors(
    _ list: PositionGradient.List, _ weights: UnsafePointer<Float>, _ patch: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    var (t0, t1, t2) = (load8(target), load8(target + 8), load8(target + 16))
    var (t3, t4, t5) = (load8(target + 24), load8(target + 32), load8(target + 40))
    var (t6, t7) = (load8(target + 48), load8(target + 56))
    var (t8, t9) = (load8(target + 64), load8(target + 72))
    for i in 0..<list.count {
      let w = weights + Int(list.channels[i]) &* patch
      let v = SIMD8(repeating: list.values[i])
      t0 = t0.fused(v, load8(w))
      t1 = t1.fused(v, load8(w + 8))
      t2 = t2.fused(v, load8(w + 16))
      t3 = t3.fused(v, load8(w + 24))
      t4 = t4.fused(v, load8(w + 32))
      t5 = t5.fused(v, load8(w + 40))
      t6 = t6.fused(v, load8(w + 48))
      t7 = t7.fused(v, load8(w + 56))
      t8 = t8.fused(v, load8(w + 64))
      t9 = t9.fused(v, load8(w + 72))
    }
    store8(t0, target)
    store8(t1, target + 8)
    store8(t2, target + 16)
    store8(t3, target + 24)
    store8(t4, target + 32)
    store8(t5, target + 40)
    store8(t6, target + 48)
    store8(t7, target + 56)
    store8(t8, target + 64)
    store8(t9, target + 72)
  }

  /// The same for the floats from `start` to `run`, in vectors and single floats.
  @inline(__always)
  private static func addRest(
    _ list: PositionGradient.List, _ weights: UnsafePointer<Float>, _ patch: Int, from start: Int,
    _ run: Int, to target: UnsafeMutablePointer<Float>
  ) {
    var j = start
    while j &+ 8 <= run {
      var total = load8(target + j)
      for i in 0..<list.count {
        let w = weights + Int(list.channels[i]) &* patch
        total = total.fused(SIMD8(repeating: list.values[i]), load8(w + j))
      }
      store8(total, target + j)
      j &+= 8
    }
    while j < run {
      for i in 0..<list.count {
        let w = weights + Int(list.channels[i]) &* patch
        target[j] = target[j].fused(list.values[i], w[j])
      }
      j &+= 1
    }
  }
}
