// Vectors and their fused multiply-add, which has the same bits whether the processor has the instruction or not.

internal import COpenBLAS

enum VectorWidth {
  /// Floats of a vector: 16 with AVX-512, 8 with AVX, 4 otherwise.
  @inline(__always)
  static var floats: Int { Int(DPFLSIM_VECTOR_FLOATS) }

  /// Whether the processor that this program was compiled for has fused multiply-add.
  @inline(__always)
  static var isFused: Bool { DPFLSIM_HAS_FMA != 0 }
}

/// Numbers whose vectors multiply and add with one rounding.
protocol FusedScalar: FloatingPoint, SIMDScalar, Codable {
  static func fused<V: SIMD>(_ sum: V, _ x: V, _ y: V) -> V where V.Scalar == Self
}

extension SIMD where Scalar: FusedScalar {
  /// self + x · y, rounded once.
  @inline(__always)
  func fused(_ x: Self, _ y: Self) -> Self { Scalar.fused(self, x, y) }
}

extension Double: FusedScalar {
  /// Without the instruction by the C library: exact, and slow.
  @inline(__always)
  static func fused<V: SIMD>(_ sum: V, _ x: V, _ y: V) -> V where V.Scalar == Double {
    sum.addingProduct(x, y)
  }
}

extension Float: FusedScalar {
  @inline(__always)
  static func fused<V: SIMD>(_ sum: V, _ x: V, _ y: V) -> V where V.Scalar == Float {
    guard !VectorWidth.isFused else { return sum.addingProduct(x, y) }
    switch V.scalarCount {
    case 4: return apply(sum, x, y) { (a: SIMD4<Float>, b, c) in a.emulatingFused(b, c) }
    case 8: return apply(sum, x, y) { (a: SIMD8<Float>, b, c) in a.emulatingFused(b, c) }
    case 16:
      return apply(sum, x, y) { (a: SIMD16<Float>, b, c) in
        SIMD16(
          lowHalf: a.lowHalf.emulatingFused(b.lowHalf, c.lowHalf),
          highHalf: a.highHalf.emulatingFused(b.highHalf, c.highHalf))
      }
    default: return sum.addingProduct(x, y)
    }
  }

  /// Calls a body that names the vectors' type.
  @inline(__always)
  private static func apply<V: SIMD, Named: SIMD>(
    _ sum: V, _ x: V, _ y: V, _ body: (Named, Named, Named) -> Named
  ) -> V where V.Scalar == Float, Named.Scalar == Float {
    unsafeBitCast(
      body(
        unsafeBitCast(sum, to: Named.self), unsafeBitCast(x, to: Named.self),
        unsafeBitCast(y, to: Named.self)), to: V.self)
  }

  /// self + x · y, rounded once.
  @inline(__always)
  func fused(_ x: Float, _ y: Float) -> Float {
    VectorWidth.isFused
      ? addingProduct(x, y)
      : SIMD4(self, 0, 0, 0).emulatingFused(SIMD4(x, 0, 0, 0), SIMD4(y, 0, 0, 0))[0]
  }
}

extension SIMD4<Float> {
  /// The same in double precision: the product is exact there, and the sum is rounded to odd (Boldo and Melquiond
  /// 2008), which a second rounding to single precision cannot spoil. Infinities and NaN come out as they should.
  @inline(__always)
  func emulatingFused(_ x: SIMD4<Float>, _ y: SIMD4<Float>) -> SIMD4<Float> {
    typealias Bits = SIMD4<UInt64>
    let product = SIMD4<Double>(x) * SIMD4<Double>(y)
    let addend = SIMD4<Double>(self)
    let sum = product + addend
    let part = sum - product
    let lost = (product - (sum - part)) + (addend - part)
    let bits = unsafeBitCast(sum, to: Bits.self)
    let lostBits = unsafeBitCast(lost, to: Bits.self)
    let size = lostBits &<< 1
    let one = Bits(repeating: 1)
    // Ones where something was lost of a finite sum; in whole bits, since comparisons of vectors go lane by lane.
    let exponent = (bits &>> 52) & Bits(repeating: 0x7FF)
    let isEndless = (exponent &+ one) &>> 11
    let isInexact = ((size | (Bits() &- size)) &>> 63) & ~isEndless
    let isBeyond = ((bits ^ lostBits) &>> 63) & isInexact
    return SIMD4<Float>(
      unsafeBitCast((bits &- isBeyond) | isInexact, to: SIMD4<Double>.self))
  }
}

extension SIMD8<Float> {
  @inline(__always)
  func emulatingFused(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
    SIMD8(
      lowHalf: lowHalf.emulatingFused(x.lowHalf, y.lowHalf),
      highHalf: highHalf.emulatingFused(x.highHalf, y.highHalf))
  }
}
