// Gaussian noise in bulk: eight streams of Philox side by side and a vectorised Box–Muller transform.
//
// Accuracy: log and sin/cos by minimax-style polynomials in single precision, absolute error of a
// normal below 1e-6. Uniforms have 32 bits, and where those are all zero 64 more: noise reaches to
// √(2·97·ln 2) ≈ 11.6 standard deviations. (Without them it would end at 6.76, which a single record can push a value
// across with a probability above a small δ.)

/// Adds reproducible Gaussian noise to vectors, for simulation: not cryptographically secure.
public enum GaussianNoise {
  /// values[i] += standardDeviation · N(0, 1), drawn from the stream (seed, purpose, round, client, step).
  ///
  /// Element i depends on i and the key alone, not on the length of the vector.
  ///
  /// - Parameter range: the elements that get noise, as if the others were drawn too; nil takes all.
  public static func add(
    to values: inout [Float], in range: Range<Int>? = nil, standardDeviation: Float, seed: UInt64,
    purpose: RandomPurpose, round: Int, client: Int, step: Int
  ) {
    let range = range ?? 0..<values.count
    precondition(
      range.lowerBound >= 0 && range.upperBound <= values.count, "the range must be in the vector")
    let stream = RandomStream(
      seed: seed, purpose: purpose, round: round, client: client, step: step)
    let scale = SIMD8(repeating: standardDeviation)
    values.withUnsafeMutableBufferPointer { target in
      guard let base = target.baseAddress else { return }
      // Blocks begin at multiples of 32 wherever the range begins.
      var i = range.lowerBound / 32 * 32
      var block = UInt32(truncatingIfNeeded: i / 4)
      while i < range.upperBound {
        // Eight counters yield 8 × 4 words: two pairs of uniforms, hence 32 normals.
        let words = philox8(firstBlock: block, counter: stream.counter, key: stream.key)
        var (n0, n1) = boxMuller(words.0, words.1)
        var (n2, n3) = boxMuller(words.2, words.3)
        if hasZero(words.0, words.2) {
          for k in 0..<8 {
            if words.0[k] == 0 {
              let factor = tailFactor(block: block &+ UInt32(k), pair: 0, of: stream)
              (n0[k], n1[k]) = (factor * n0[k], factor * n1[k])
            }
            if words.2[k] == 0 {
              let factor = tailFactor(block: block &+ UInt32(k), pair: 1, of: stream)
              (n2[k], n3[k]) = (factor * n2[k], factor * n3[k])
            }
          }
        }
        if i >= range.lowerBound, i &+ 32 <= range.upperBound {
          let p = base + i
          store8(load8(p).fused(scale, n0), p)
          store8(load8(p + 8).fused(scale, n1), p + 8)
          store8(load8(p + 16).fused(scale, n2), p + 16)
          store8(load8(p + 24).fused(scale, n3), p + 24)
        } else {
          for (lane, normals) in [n0, n1, n2, n3].enumerated() {
            for k in 0..<8 where range.contains(i &+ lane &* 8 &+ k) {
              let at = i &+ lane &* 8 &+ k
              base[at] = base[at].fused(standardDeviation, normals[k])
            }
          }
        }
        block &+= 8
        i &+= 32
      }
    }
  }

  /// Whether any of sixteen words is zero, once in 2²⁸ blocks. In whole bits, since comparisons of vectors go lane by lane.
  @inline(__always)
  package static func hasZero(_ a: SIMD8<UInt32>, _ b: SIMD8<UInt32>) -> Bool {
    let zero = SIMD8<UInt32>()
    // x | −x has its top bit set unless x is 0.
    let nonzero = unsafeBitCast((a | (zero &- a)) & (b | (zero &- b)), to: SIMD4<UInt64>.self)
    let all = nonzero[0] & nonzero[1] & nonzero[2] & nonzero[3]
    return all & 0x8000_0000_8000_0000 != 0x8000_0000_8000_0000
  }

  /// By how much a pair of normals whose uniform U is below 2⁻³² is longer than for U = 2⁻³³, which the first 32 bits give:
  /// 64 more bits say where below 2⁻³² U is.
  ///
  /// - Parameters:
  ///   - block: the counter whose words the pair is made of.
  ///   - pair: 0 or 1 within the block.
  @inline(never)
  package static func tailFactor(block: UInt32, pair: UInt32, of stream: RandomStream) -> Float {
    var bits = stream
    // No other draw has anything but 0 in the second word.
    bits.counter[0] = block
    bits.counter[1] = 1 + pair
    return tailFactor(bits.next())
  }

  /// - Parameter word: U is (word + ½) / 2⁶⁴ of 2⁻³².
  package static func tailFactor(_ word: UInt64) -> Float {
    let logarithm = Elementary.log((Double(word) + 0.5) * 0x1p-64) - 32 * Elementary.log(2)
    return Float((logarithm / (-33 * Elementary.log(2))).magnitude.squareRoot())
  }

  /// Ten rounds of Philox4x32 on eight consecutive counters at once.
  @inline(__always)
  private static func philox8(
    firstBlock: UInt32, counter: SIMD4<UInt32>, key: SIMD2<UInt32>
  ) -> (SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>) {
    var c0 = SIMD8<UInt32>(0, 1, 2, 3, 4, 5, 6, 7) &+ SIMD8(repeating: firstBlock)
    var c1 = SIMD8<UInt32>(repeating: counter[1])
    var c2 = SIMD8<UInt32>(repeating: counter[2])
    var c3 = SIMD8<UInt32>(repeating: counter[3])
    var k0 = key[0]
    var k1 = key[1]
    for _ in 0..<10 {
      let (highA, lowA) = wideProduct(c0, 0xD251_1F53)
      let (highB, lowB) = wideProduct(c2, 0xCD9E_8D57)
      c0 = highB ^ c1 ^ SIMD8(repeating: k0)
      c1 = lowB
      c2 = highA ^ c3 ^ SIMD8(repeating: k1)
      c3 = lowA
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  /// The 64-bit products of eight words with a constant, as high and low halves. Even and odd lanes
  /// apart, which is how the processor multiplies 32-bit lanes to 64 bits.
  @inline(__always)
  private static func wideProduct(
    _ a: SIMD8<UInt32>, _ b: UInt32
  ) -> (high: SIMD8<UInt32>, low: SIMD8<UInt32>) {
    let lowMask = SIMD4<UInt64>(repeating: 0xFFFF_FFFF)
    let factor = SIMD4<UInt64>(repeating: UInt64(b))
    let pairs = unsafeBitCast(a, to: SIMD4<UInt64>.self)
    let even = (pairs & lowMask) &* factor
    let odd = (pairs &>> 32) &* factor
    let high = (even &>> 32) | (odd & ~lowMask)
    let low = (even & lowMask) | (odd &<< 32)
    return (
      unsafeBitCast(high, to: SIMD8<UInt32>.self), unsafeBitCast(low, to: SIMD8<UInt32>.self)
    )
  }

  /// Two vectors of normals from two vectors of uniform words: r cos θ and r sin θ.
  @inline(__always)
  static func boxMuller(
    _ a: SIMD8<UInt32>, _ b: SIMD8<UInt32>
  ) -> (SIMD8<Float>, SIMD8<Float>) {
    let radius = squareRoot(minusTwoLog(a))
    let (sine, cosine) = sinCos(b)
    return (radius * cosine, radius * sine)
  }

  /// −2 ln U for U = (word + ½) / 2³², elementwise.
  @inline(__always)
  private static func minusTwoLog(_ word: SIMD8<UInt32>) -> SIMD8<Float> {
    // U's leading 24 bits decide everything a float can hold; word = 0 gives U = 2⁻³³.
    let u = (exactFloats(word) + 0.5) * 0x1p-32
    let bits = unsafeBitCast(u, to: SIMD8<UInt32>.self)
    // u = 2^e · m with m in [√½, √2).
    let shifted = bits &- SIMD8(repeating: 0x3F35_04F3)
    let exponent = SIMD8<Int32>(truncatingIfNeeded: shifted) &>> SIMD8(repeating: 23)
    let mantissaBits = (shifted & SIMD8(repeating: 0x007F_FFFF)) &+ SIMD8(repeating: 0x3F35_04F3)
    let m = unsafeBitCast(mantissaBits, to: SIMD8<Float>.self)
    // ln m = 2 artanh(s), s = (m − 1)/(m + 1), |s| <= 0.1716: odd series to s⁹.
    let s = (m - 1) / (m + 1)
    let s2 = s * s
    var series = SIMD8<Float>(repeating: 2.0 / 9)
    series = SIMD8(repeating: 2.0 / 7).fused(series, s2)
    series = SIMD8(repeating: 2.0 / 5).fused(series, s2)
    series = SIMD8(repeating: 2.0 / 3).fused(series, s2)
    series = SIMD8(repeating: 2).fused(series, s2)
    let logarithm = (s * series).fused(
      SIMD8<Float>(exponent), SIMD8(repeating: 0.693_147_180_56))
    // Rounding may lift ln U above 0 at U = 1: what is then negative becomes 0.
    let doubled = unsafeBitCast(logarithm * -2, to: SIMD8<Int32>.self)
    return unsafeBitCast(doubled & ~(doubled &>> SIMD8(repeating: 31)), to: SIMD8<Float>.self)
  }

  /// √x for 0 ≤ x < 100, to within one unit in the last place: an estimate of 1/√x from the exponent,
  /// three Newton steps, and one correction of the root itself. (The square root of the standard
  /// library goes lane by lane.)
  @inline(__always)
  private static func squareRoot(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let bits = unsafeBitCast(x, to: SIMD8<UInt32>.self)
    var y = unsafeBitCast(
      SIMD8(repeating: 0x5F37_59DF) &- (bits &>> SIMD8(repeating: 1)), to: SIMD8<Float>.self)
    let half = x * 0.5
    for _ in 0..<3 {
      // In this order x = 0 gives 0 · y, never 0 · ∞.
      y *= SIMD8(repeating: 1.5).fused(-(half * y), y)
    }
    let root = x * y
    return root.fused(x.fused(-root, root), y * 0.5)
  }

  /// The words as floats, rounded once. The processor converts signed words alone, so the halves are
  /// converted apart; the fused sum rounds as a conversion of the whole would.
  @inline(__always)
  private static func exactFloats(_ word: SIMD8<UInt32>) -> SIMD8<Float> {
    let high = SIMD8<Float>(SIMD8<Int32>(truncatingIfNeeded: word &>> SIMD8(repeating: 16)))
    let low = SIMD8<Float>(SIMD8<Int32>(truncatingIfNeeded: word & SIMD8(repeating: 0xFFFF)))
    return low.fused(high, SIMD8(repeating: 0x1p16))
  }

  /// sin and cos of 2π · word / 2³².
  @inline(__always)
  private static func sinCos(_ word: SIMD8<UInt32>) -> (SIMD8<Float>, SIMD8<Float>) {
    // The top three bits name the octant; with the nearest quarter turn taken off, |x| <= π/4.
    let rounded = word &+ SIMD8(repeating: 0x2000_0000)
    let quarter = rounded &>> SIMD8(repeating: 30)
    let remainder = SIMD8<Int32>(
      truncatingIfNeeded: word &- (quarter &<< SIMD8(repeating: 30)))
    let x = SIMD8<Float>(remainder) * Float(Double.pi / 2 * 0x1p-30)
    let x2 = x * x
    var sine = SIMD8<Float>(repeating: 2.755_731_9e-6)
    sine = SIMD8(repeating: -1.984_126_98e-4).fused(sine, x2)
    sine = SIMD8(repeating: 8.333_333_33e-3).fused(sine, x2)
    sine = SIMD8(repeating: -1.666_666_67e-1).fused(sine, x2)
    sine = x.fused(x * x2, sine)
    var cosine = SIMD8<Float>(repeating: 2.480_158_73e-5)
    cosine = SIMD8(repeating: -1.388_888_89e-3).fused(cosine, x2)
    cosine = SIMD8(repeating: 4.166_666_67e-2).fused(cosine, x2)
    cosine = SIMD8(repeating: -0.5).fused(cosine, x2)
    cosine = SIMD8(repeating: 1).fused(cosine, x2)
    // Quarter q: (cos, sin) is rotated by q right angles. In whole bits, since comparisons of vectors
    // go lane by lane.
    let one = SIMD8<UInt32>(repeating: 1)
    let swapped = SIMD8<UInt32>() &- (quarter & one)
    let sineBits = unsafeBitCast(sine, to: SIMD8<UInt32>.self)
    let cosineBits = unsafeBitCast(cosine, to: SIMD8<UInt32>.self)
    let difference = (sineBits ^ cosineBits) & swapped
    let signOfSine = (quarter &>> one) &<< SIMD8(repeating: 31)
    let signOfCosine = ((quarter &+ one) &>> one) &<< SIMD8(repeating: 31)
    let s = unsafeBitCast(sineBits ^ difference ^ signOfSine, to: SIMD8<Float>.self)
    let c = unsafeBitCast(cosineBits ^ difference ^ signOfCosine, to: SIMD8<Float>.self)
    return (s, c)
  }
}
