// The low-rank term of an adapted convolution. What its frozen weights make of an example (W x + b and
// A x at every position) is held in half precision, cached or not, so that a cache fits in memory and
// changes no bit; where A is trained nothing is frozen and single precision is kept.

/// A fixed block of half-precision floats, zeroed and followed by 64 bytes that may be read.
public final class HalfBuffer {
  package let base: UnsafeMutablePointer<Float16>
  public let count: Int

  public init(count: Int) {
    precondition(count >= 0, "a buffer cannot have a negative size")
    self.count = count
    base = .allocate(capacity: count + 32)
    base.initialize(repeating: 0, count: count + 32)
  }

  deinit { base.deallocate() }

  package func check(_ offset: Int, _ length: Int) {
    checkRange(offset, length, in: count)
  }

  /// All numbers as bytes, in this machine's order.
  public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(RawSpan(_unsafeStart: base, byteCount: count * MemoryLayout<Float16>.stride))
  }

  /// Writes the whole buffer.
  ///
  /// - Parameter bytes: `count` numbers in this machine's order.
  public func write(bytes: RawSpan) {
    precondition(bytes.byteCount == count * MemoryLayout<Float16>.stride, "bytes of another buffer")
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(start: base, count: $0.count).copyMemory(from: $0)
    }
  }

  /// Rounds `length` floats to half precision (to nearest, ties to even).
  public func round(
    _ source: FloatBuffer, at sourceOffset: Int, to offset: Int, count length: Int
  ) {
    source.check(sourceOffset, length)
    check(offset, length)
    let x = UnsafePointer(source.base + sourceOffset)
    let y = UnsafeMutableRawPointer(base + offset)
    var i = 0
    while i &+ 8 <= length {
      y.storeBytes(
        of: SIMD8<Float16>(load8(x + i)), toByteOffset: i &* 2, as: SIMD8<Float16>.self)
      i &+= 8
    }
    while i < length {
      base[offset + i] = Float16(x[i])
      i &+= 1
    }
  }

  /// Copies a part of another buffer into this one. The buffers must differ.
  public func copy(_ count: Int, from source: HalfBuffer, at sourceOffset: Int, to offset: Int) {
    check(offset, count)
    source.check(sourceOffset, count)
    precondition(source !== self, "copying needs two buffers")
    (base + offset).update(from: source.base + sourceOffset, count: count)
  }
}

/// Numbers that the low-rank kernels can read: single or half precision.
protocol FeatureElement {
  static func vector8(_ pointer: UnsafePointer<Self>) -> SIMD8<Float>
  static func vector4(_ pointer: UnsafePointer<Self>) -> SIMD4<Float>
  static func scalar(_ pointer: UnsafePointer<Self>) -> Float
}

extension Float: FeatureElement {
  @inline(__always) static func vector8(_ pointer: UnsafePointer<Float>) -> SIMD8<Float> {
    load8(pointer)
  }
  @inline(__always) static func vector4(_ pointer: UnsafePointer<Float>) -> SIMD4<Float> {
    UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Float>.self)
  }
  @inline(__always) static func scalar(_ pointer: UnsafePointer<Float>) -> Float {
    pointer.pointee
  }
}

extension Float16: FeatureElement {
  @inline(__always) static func vector8(_ pointer: UnsafePointer<Float16>) -> SIMD8<Float> {
    SIMD8<Float>(UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Float16>.self))
  }
  @inline(__always) static func vector4(_ pointer: UnsafePointer<Float16>) -> SIMD4<Float> {
    SIMD4<Float>(UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Float16>.self))
  }
  @inline(__always) static func scalar(_ pointer: UnsafePointer<Float16>) -> Float {
    Float(pointer.pointee)
  }
}

public enum LowRank {
  /// z[t, c] = features[t, c] + Σ_k u[t, k] · factor[k, c], where u are the `rank` numbers that follow
  /// the channels in each row of features.
  ///
  /// - Parameters:
  ///   - features: `positions` rows of `stride` halves: first the channels, then the projections A·x.
  ///   - factor: s·Bᵀ, `rank × channels`; channels a multiple of 8.
  ///   - output: `positions × channels`.
  public static func combine(
    positions: Int, features: HalfBuffer, at featureOffset: Int, stride: Int, channels: Int,
    rank: Int, factor: FloatBuffer, output: FloatBuffer, at outputOffset: Int
  ) {
    features.check(featureOffset, (positions - 1) * stride + channels + rank)
    combine(
      positions, features.base + featureOffset, stride, channels, rank, factor, output,
      outputOffset)
  }

  /// The same with features in single precision, for an A that is trained.
  public static func combine(
    positions: Int, features: FloatBuffer, at featureOffset: Int, stride: Int, channels: Int,
    rank: Int, factor: FloatBuffer, output: FloatBuffer, at outputOffset: Int
  ) {
    features.check(featureOffset, (positions - 1) * stride + channels + rank)
    combine(
      positions, features.base + featureOffset, stride, channels, rank, factor, output,
      outputOffset)
  }

  @inline(__always)
  private static func combine<Element: FeatureElement>(
    _ positions: Int, _ features: UnsafePointer<Element>, _ stride: Int, _ channels: Int,
    _ rank: Int, _ factor: FloatBuffer, _ output: FloatBuffer, _ outputOffset: Int
  ) {
    factor.check(0, rank * channels)
    output.check(outputOffset, positions * channels)
    precondition(channels % 8 == 0, "channels come in whole vectors")
    if rank == 4 {
      combineRankFour(positions, features, stride, channels, factor, output, outputOffset)
      return
    }
    var row = features
    var target = output.base + outputOffset
    for _ in 0..<positions {
      var c = 0
      while c < channels {
        var z = Element.vector8(row + c)
        for k in 0..<rank {
          z = z.fused(
            SIMD8(repeating: Element.scalar(row + channels + k)),
            load8(factor.base + k &* channels + c))
        }
        store8(z, target + c)
        c &+= 8
      }
      row += stride
      target += channels
    }
  }

  /// The same for the usual rank, with the projections of a position read once.
  @inline(__always)
  private static func combineRankFour<Element: FeatureElement>(
    _ positions: Int, _ features: UnsafePointer<Element>, _ stride: Int, _ channels: Int,
    _ factor: FloatBuffer, _ output: FloatBuffer, _ outputOffset: Int
  ) {
    var row = features
    var target = output.base + outputOffset
    for _ in 0..<positions {
      let u = Element.vector4(row + channels)
      let u0 = SIMD8(repeating: u[0])
      let u1 = SIMD8(repeating: u[1])
      let u2 = SIMD8(repeating: u[2])
      let u3 = SIMD8(repeating: u[3])
      var c = 0
      var b = UnsafePointer(factor.base)
      while c < channels {
        var z = Element.vector8(row + c)
        z = z.fused(u0, load8(b))
        z = z.fused(u1, load8(b + channels))
        z = z.fused(u2, load8(b + 2 &* channels))
        z = z.fused(u3, load8(b + 3 &* channels))
        store8(z, target + c)
        c &+= 8
        b += 8
      }
      row += stride
      target += channels
    }
  }

  /// dB[c, k] = scale · Σ over the entries of channel c of value · u[position, k].
  ///
  /// - Parameters:
  ///   - rankStride: pitch of dB's rows, a multiple of 4; the projections of a position are that long too.
  public static func factorGradient(
    entries: SparseGradient, features: HalfBuffer, at featureOffset: Int, stride: Int,
    channels: Int, rankStride: Int, scale: Float, into gradient: FloatBuffer, at offset: Int
  ) {
    precondition(channels + rankStride <= stride, "the projections follow the channels")
    factorGradient(
      entries, features.base + featureOffset + channels, stride, rankStride, scale, gradient,
      offset)
  }

  /// The same with features in single precision, for an A that is trained.
  public static func factorGradient(
    entries: SparseGradient, features: FloatBuffer, at featureOffset: Int, stride: Int,
    channels: Int, rankStride: Int, scale: Float, into gradient: FloatBuffer, at offset: Int
  ) {
    precondition(channels + rankStride <= stride, "the projections follow the channels")
    factorGradient(
      entries, features.base + featureOffset + channels, stride, rankStride, scale, gradient,
      offset)
  }

  @inline(__always)
  private static func factorGradient<Element: FeatureElement>(
    _ entries: SparseGradient, _ u: UnsafePointer<Element>, _ stride: Int, _ rankStride: Int,
    _ scale: Float, _ gradient: FloatBuffer, _ offset: Int
  ) {
    precondition(rankStride % 4 == 0, "ranks come in whole vectors")
    gradient.check(offset, entries.channels * rankStride)
    for c in 0..<entries.channels {
      let n = Int(entries.counts.base[c])
      let positions = UnsafePointer(entries.positions.base + c &* entries.capacity)
      let values = UnsafePointer(entries.values.base + c &* entries.capacity)
      var k = 0
      while k < rankStride {
        // Two accumulators, since one chain of additions would wait for itself.
        var even = SIMD4<Float>()
        var odd = even
        var i = 0
        while i < n {
          let row = Element.vector4(u + Int(positions[i]) &* stride + k)
          even = even.fused(SIMD4(repeating: values[i]), row)
          i &+= 1
          guard i < n else { break }
          let next = Element.vector4(u + Int(positions[i]) &* stride + k)
          odd = odd.fused(SIMD4(repeating: values[i]), next)
          i &+= 1
        }
        let total = (even + odd) * scale
        let row = gradient.base + offset + c &* rankStride + k
        UnsafeMutableRawPointer(row).storeBytes(of: total, as: SIMD4<Float>.self)
        k &+= 4
      }
    }
  }

  /// e[t, k] = Σ over the entries at position t of value · factor[k, channel]: the gradient of the
  /// projections, dense over positions; overwritten.
  public static func projectionGradient(
    entries: SparseGradient, positions: Int, rank: Int, rankStride: Int, factor: FloatBuffer,
    into gradient: FloatBuffer, at offset: Int
  ) {
    gradient.clear(at: offset, count: positions * rankStride)
    factor.check(0, rank * entries.channels)
    for c in 0..<entries.channels {
      for i in 0..<Int(entries.counts.base[c]) {
        let entry = c &* entries.capacity &+ i
        let row = gradient.base + offset + Int(entries.positions.base[entry]) &* rankStride
        let value = entries.values.base[entry]
        for k in 0..<rank {
          row[k] = row[k].fused(value, factor.base[k &* entries.channels &+ c])
        }
      }
    }
  }
}
