// Sine, cosine and the arc tangent in double precision, written out: see PortableExponential.swift.

/// Errors are in units of the last place of the result, measured against 60 digits.
enum PortableTrigonometry {
  /// sin x, below 0.8 units for |x| < 2²⁰; beyond that x is taken modulo the float nearest to 2π.
  static func sin(_ x: Double) -> Double {
    guard x.isFinite else { return .nan }
    guard x != 0 else { return x }
    let (quarter, r, rest) = reduced(x)
    let value = quarter & 1 == 0 ? sine(r, rest) : cosine(r, rest)
    return quarter & 2 == 0 ? value : -value
  }

  /// cos x, with the errors of the sine.
  static func cos(_ x: Double) -> Double {
    guard x.isFinite else { return .nan }
    let (quarter, r, rest) = reduced(x)
    let value = quarter & 1 == 0 ? cosine(r, rest) : sine(r, rest)
    return (quarter &+ 1) & 2 == 0 ? value : -value
  }

  /// The angle of the point (x, y), in [−π, π], below 2 units.
  static func atan2(y: Double, x: Double) -> Double {
    guard !x.isNaN, !y.isNaN else { return .nan }
    let (w, h) = (abs(x), abs(y))
    var angle: Double
    if w == h {
      angle = w == 0 ? 0 : .pi / 4
    } else if h < w {
      angle = h.isInfinite ? .pi / 4 : arcTangent(h, w)
    } else {
      angle = h.isInfinite ? .pi / 2 : .pi / 2 - (arcTangent(w, h) - 6.123_233_995_736_766e-17)
    }
    if x.sign == .minus { angle = .pi - (angle - 1.224_646_799_147_353_2e-16) }
    return y.sign == .minus ? -angle : angle
  }

  /// arctan(a/b) for 0 ≤ a < b.
  private static func arcTangent(_ a: Double, _ b: Double) -> Double {
    // tan(π/8) parts the two halves.
    let isLarge = a > 0.414_213_562_373_095_05 * b
    let t = isLarge ? (a - b) / (a + b) : a / b
    let z = t * t
    var p = 0.016_283_572_356_482_59
    p = (-0.034_568_590_668_606_9).addingProduct(p, z)
    p = 0.045_515_165_635_903_104.addingProduct(p, z)
    p = (-0.052_304_374_642_516_874).addingProduct(p, z)
    p = 0.058_789_267_157_567_26.addingProduct(p, z)
    p = (-0.066_664_246_872_465).addingProduct(p, z)
    p = 0.076_922_963_639_799_52.addingProduct(p, z)
    p = (-0.090_909_087_531_185_94).addingProduct(p, z)
    p = 0.111_111_111_051_477_64.addingProduct(p, z)
    p = (-0.142_857_142_856_597_48).addingProduct(p, z)
    p = 0.199_999_999_999_998_04.addingProduct(p, z)
    p = (-0.333_333_333_333_333_3).addingProduct(p, z)
    let angle = t.addingProduct(t * z, p)
    return isLarge ? .pi / 4 + (angle + 3.061_616_997_868_383e-17) : angle
  }

  /// x − quarter · π/2 as two numbers, |r| ≤ π/4.
  @inline(__always)
  private static func reduced(_ x: Double) -> (quarter: Int, r: Double, rest: Double) {
    let x = abs(x) < 0x1p20 ? x : x.remainder(dividingBy: 2 * .pi)
    let n = (x * 0.636_619_772_367_581_4).rounded(.toNearestOrEven)
    let first = x.addingProduct(n, -1.570_796_326_794_896_6)
    let r = first.addingProduct(n, -6.123_233_995_736_766e-17)
    let rest = (first - r).addingProduct(n, -6.123_233_995_736_766e-17).addingProduct(
      n, 1.497_384_904_859_169_8e-33)
    return (Int(n) & 3, r, rest)
  }

  /// sin(r + rest), |r| ≤ π/4.
  private static func sine(_ r: Double, _ rest: Double) -> Double {
    let z = r * r
    var p = -8.220_635_246_624_33e-18
    p = 2.811_457_254_345_520_6e-15.addingProduct(p, z)
    p = (-7.647_163_731_819_816e-13).addingProduct(p, z)
    p = 1.605_904_383_682_161_3e-10.addingProduct(p, z)
    p = (-2.505_210_838_544_172e-8).addingProduct(p, z)
    p = 2.755_731_922_398_589_3e-6.addingProduct(p, z)
    p = (-0.000_198_412_698_412_698_4).addingProduct(p, z)
    p = 0.008_333_333_333_333_333.addingProduct(p, z)
    p = (-0.166_666_666_666_666_66).addingProduct(p, z)
    return r + (rest * (1 - 0.5 * z)).addingProduct(r * z, p)
  }

  /// cos(r + rest), |r| ≤ π/4.
  private static func cosine(_ r: Double, _ rest: Double) -> Double {
    let z = r * r
    var p = -1.561_920_696_858_622_5e-16
    p = 4.779_477_332_387_385e-14.addingProduct(p, z)
    p = (-1.147_074_559_772_972_5e-11).addingProduct(p, z)
    p = 2.087_675_698_786_81e-9.addingProduct(p, z)
    p = (-2.755_731_922_398_589e-7).addingProduct(p, z)
    p = 2.480_158_730_158_73e-5.addingProduct(p, z)
    p = (-0.001_388_888_888_888_889).addingProduct(p, z)
    p = 0.041_666_666_666_666_664.addingProduct(p, z)
    let half = 0.5 * z
    let head = 1 - half
    // What the subtraction lost, and what squaring lost.
    let lost = (1 - head) - half
    let square = (-z).addingProduct(r, r)
    return head + (lost - 0.5 * square - r * rest).addingProduct(z * z, p)
  }
}
