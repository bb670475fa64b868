// Exponentials and logarithms in double precision, written out: the C library's differ from version to version
// and, within one version, from processor to processor. Rounding is the only thing that these depend on.
//
// eˣ: x = (64 k + j) ln 2 / 64 + r, |r| ≤ ln 2 / 128, from a table of 2^(j/64) and a series in r.
// ln x: x = 2ᵏ m, m in [√½, √2); ln m = 2 artanh(s), s = (m − 1)/(m + 1), with s to twice the precision.

/// Errors are in units of the last place of the result, measured against 60 digits.
enum PortableExponential {
  /// eˣ, below 0.52 units; 0.75 where the result is subnormal.
  static func exp(_ x: Double) -> Double {
    guard x < 709.8 else { return x.isNaN ? x : .infinity }
    guard x > -746 else { return x.isNaN ? x : 0 }
    let (whole, power, growth) = parts(x)
    return scale(power.high + (power.low + power.high * growth), by: whole)
  }

  /// eˣ − 1, below 1.7 units.
  static func expMinusOne(_ x: Double) -> Double {
    guard abs(x) > 0x1p-54 else { return x }
    guard x < 38 else { return exp(x) }
    guard x > -38 else { return x.isNaN ? x : -1 }
    let (whole, power, growth) = parts(x)
    let unit = Double(bitPattern: UInt64(1023 &+ whole) &<< 52)
    return (unit * power.high - 1) + unit * (power.low + power.high * growth)
  }

  /// ln x, below 0.55 units.
  static func log(_ x: Double) -> Double {
    guard x > 0, x < .infinity else {
      return x == 0 ? -.infinity : x < 0 ? .nan : x
    }
    let (m, k) = split(x)
    let (high, low) = logarithm(m - 1, 0, k)
    return high + low
  }

  /// ln(1 + x), below 0.75 units.
  static func log(onePlus x: Double) -> Double {
    guard abs(x) > 0x1p-54 else { return x }
    guard x > -1, x < .infinity else {
      return x == -1 ? -.infinity : x < -1 ? .nan : x
    }
    if x > -0.29, x < 0.41 {
      let (high, low) = logarithm(x, 0, 0)
      return high + low
    }
    let sum = 1 + x
    // What the sum lost.
    let part = sum - x
    let rest = (x - (sum - part)) + (1 - part)
    let (m, k) = split(sum)
    let unit = Double(bitPattern: UInt64(1023 &- min(k, 64)) &<< 52)
    let (high, low) = logarithm(m - 1, k > 64 ? 0 : rest * unit, k)
    return high + low
  }

  /// x^y for x ≥ 0, below 0.7 units where |y ln x| < 100.
  static func pow(_ x: Double, _ y: Double) -> Double {
    if y == 0 || x == 1 { return 1 }
    guard x > 0, x < .infinity, y.isFinite else {
      if x == 0 { return y > 0 ? 0 : .infinity }
      if x == .infinity { return y > 0 ? .infinity : 0 }
      if y.isInfinite, x > 0 { return (x > 1) == (y > 0) ? .infinity : 0 }
      return .nan
    }
    let (m, k) = split(x)
    let (a, b) = logarithm(m - 1, 0, k)
    let (high, low) = (a + b, b - ((a + b) - a))
    let product = y * high
    guard abs(product) < 800 else { return product > 0 ? .infinity : 0 }
    let rest = (-product).addingProduct(y, high) + y * low
    let (whole, power, growth) = parts(product)
    let grown = growth + rest * (1 + growth)
    return scale(power.high + (power.low + power.high * grown), by: whole)
  }

  /// tanh x, below 3.5 units.
  static func tanh(_ x: Double) -> Double {
    guard abs(x) < 20 else { return x.isNaN ? x : x > 0 ? 1 : -1 }
    let growth = expMinusOne(2 * x)
    return growth / (growth + 2)
  }

  /// eˣ = 2^whole · (power.high + power.low) · (1 + growth).
  ///
  /// - Precondition: |x| < 1000.
  @inline(__always)
  private static func parts(
    _ x: Double
  ) -> (whole: Int, power: (high: Double, low: Double), growth: Double) {
    let n = (x * 92.332_482_616_893_66).rounded(.toNearestOrEven)
    let count = Int(n)
    var r = x.addingProduct(n, -0.010_830_424_696_249_145)
    r = r.addingProduct(n, -3.623_510_646_634_843e-19)
    var q = (1.0 / 120).addingProduct(1.0 / 720, r)
    q = (1.0 / 24).addingProduct(q, r)
    q = (1.0 / 6).addingProduct(q, r)
    q = 0.5.addingProduct(q, r)
    let growth = r.addingProduct(r * r, q)
    let j = (count & 63) &* 2
    return (count >> 6, (powers[j], powers[j &+ 1]), growth)
  }

  /// 2^power · x for x near 1.
  @inline(__always)
  private static func scale(_ x: Double, by power: Int) -> Double {
    if power > -1021, power < 1024 {
      return x * Double(bitPattern: UInt64(1023 &+ power) &<< 52)
    }
    return power > 0
      ? x * 0x1p1023 * Double(bitPattern: UInt64(power) &<< 52)
      : x * Double(bitPattern: UInt64(1123 &+ power) &<< 52) * 0x1p-100
  }

  /// x = 2ᵏ m with m in [√½, √2).
  ///
  /// - Precondition: x is positive and finite.
  @inline(__always)
  private static func split(_ x: Double) -> (m: Double, k: Int) {
    let isSmall = x < 0x1p-1022
    let bits = (isSmall ? x * 0x1p54 : x).bitPattern
    let shifted = bits &- 0x3FE6_A09E_667F_3BCD
    let k = Int(Int64(bitPattern: shifted) >> 52)
    let m = Double(bitPattern: (shifted & 0x000F_FFFF_FFFF_FFFF) &+ 0x3FE6_A09E_667F_3BCD)
    return (m, isSmall ? k &- 54 : k)
  }

  /// ln(1 + f + rest) + k ln 2 as two numbers, of which the second is small.
  @inline(__always)
  private static func logarithm(
    _ f: Double, _ rest: Double, _ k: Int
  ) -> (high: Double, low: Double) {
    let d = 2 + f
    let dRest = (f - (d - 2)) + rest
    let inverse = 1 / d
    let s = f * inverse
    let sRest = (f.addingProduct(-s, d) + (rest - s * dRest)) * inverse
    let z = s * s
    var p = 0.065_433_788_334_760_35
    p = 0.066_343_802_810_183_62.addingProduct(p, z)
    p = 0.076_931_200_862_239_19.addingProduct(p, z)
    p = 0.090_908_978_157_491_22.addingProduct(p, z)
    p = 0.111_111_111_958_973_64.addingProduct(p, z)
    p = 0.142_857_142_854_016_27.addingProduct(p, z)
    p = 0.200_000_000_000_004_4.addingProduct(p, z)
    p = 0.333_333_333_333_333_3.addingProduct(p, z)
    let small = 2 * sRest.addingProduct(s * z, p)
    guard k != 0 else { return (2 * s, small) }
    let a = Double(k) * 0.693_147_180_559_208_2
    let b = 2 * s
    // |a| > |b|, so that the error of the sum is exact.
    let sum = a + b
    let error = b - (sum - a)
    return (sum, error + small.addingProduct(Double(k), 7.371_002_565_167_799e-13))
  }

  /// 2^(j/64), j from 0 to 63, each in two parts.
  private static let powers: [Double] = [
    1.0, 0.0, 1.010_889_286_051_700_5, -1.523_477_860_336_857_7e-17,
    1.021_897_148_654_116_6, 5.109_225_028_973_444e-17, 1.033_024_879_021_228_4,
    7.600_838_874_027_088e-18,
    1.044_273_782_427_413_8, 8.551_889_705_537_965e-17, 1.055_645_178_360_557_2,
    1.759_325_738_772_092e-18,
    1.067_140_400_676_823_7, -7.899_853_966_841_582e-17, 1.078_760_797_757_119_9,
    -6.656_660_436_056_593e-17,
    1.090_507_732_665_257_7, -3.046_782_079_812_471e-17, 1.102_382_583_307_841,
    5.266_036_871_570_694_4e-17,
    1.114_386_742_595_892_4, 1.041_027_845_684_557_1e-16, 1.126_521_618_608_241_8,
    5.165_856_758_795_457e-17,
    1.138_788_634_756_691_6, 8.912_812_676_025_408e-17, 1.151_189_229_952_982_7,
    3.250_710_218_863_827e-17,
    1.163_724_858_777_577_5, 3.829_204_836_924_093_5e-17, 1.176_396_991_650_281_2,
    5.554_203_254_218_079e-17,
    1.189_207_115_002_721, 3.982_015_231_465_646e-17, 1.202_156_731_452_703,
    6.644_981_499_252_301e-17,
    1.215_247_359_980_469, -7.712_630_692_681_488e-17, 1.228_480_536_106_87,
    -1.898_781_631_302_53e-17,
    1.241_857_812_073_484, 4.658_027_591_836_937e-17, 1.255_380_757_024_691,
    -6.711_389_821_296_878_4e-18,
    1.269_050_957_191_733_2, 2.667_932_131_342_186e-18, 1.282_870_016_078_778_3,
    1.713_594_918_243_561e-17,
    1.296_839_554_651_009_6, 2.538_250_279_488_831_5e-17, 1.310_961_211_524_764_4,
    -7.181_536_135_519_454e-17,
    1.325_236_643_159_741_3, -2.858_731_210_038_861_4e-17, 1.339_667_524_053_303,
    8.927_282_594_831_732e-17,
    1.354_255_546_936_892_7, 7.700_948_379_802_99e-17, 1.369_002_422_974_590_5,
    9.593_797_919_118_849e-17,
    1.383_909_881_963_832, -6.770_511_658_794_786e-17, 1.398_979_672_538_311_2,
    -9.614_213_209_051_323e-17,
    1.414_213_562_373_095_1, -9.667_293_313_452_913e-17, 1.429_613_338_391_97,
    -1.203_164_248_905_365_5e-17,
    1.445_180_806_977_046_7, -3.023_758_134_993_987_3e-17, 1.460_917_794_180_647,
    -5.600_377_186_075_216e-17,
    1.476_826_145_939_499_3, -3.483_994_556_892_796e-17, 1.492_907_728_291_264_8,
    1.419_292_015_428_403_6e-17,
    1.509_164_427_593_422_8, -1.016_455_327_754_295e-16, 1.525_598_150_744_538_4,
    -1.102_494_171_234_256_1e-16,
    1.542_210_825_407_940_7, 7.949_834_809_697_621e-17, 1.559_004_400_237_837,
    3.781_207_053_357_527_5e-17,
    1.575_980_845_107_886_5, -1.013_691_647_127_830_4e-17, 1.593_142_151_342_267,
    -1.009_440_654_231_196_4e-16,
    1.610_490_331_949_254_3, 2.470_719_256_979_788_8e-17, 1.628_027_421_857_347_8,
    -6.712_955_084_707_084e-17,
    1.645_755_478_153_965, -1.012_567_991_367_477_3e-16, 1.663_676_580_326_736_4,
    5.890_992_696_713_1e-17,
    1.681_792_830_507_429, 8.199_010_020_581_497e-17, 1.700_106_353_718_523_5,
    -8.023_719_370_397_7e-18,
    1.718_619_298_122_478, -1.851_380_418_263_111e-17, 1.737_333_835_273_706_2,
    3.164_389_299_292_957e-17,
    1.756_252_160_373_299_5, 2.960_140_695_448_873e-17, 1.775_376_492_526_521_2,
    6.429_731_796_556_572e-17,
    1.794_709_075_003_107_2, 1.822_745_842_791_208_7e-17, 1.814_252_175_500_398_9,
    -9.969_531_538_920_349e-17,
    1.834_008_086_409_342_4, 3.283_107_224_245_627e-17, 1.853_979_125_083_385_5,
    9.761_887_490_727_594e-17,
    1.874_167_634_110_3, -6.122_763_413_004_143e-17, 1.894_575_981_586_965_6,
    3.403_403_535_216_529_7e-17,
    1.915_206_561_397_147_4, -1.061_994_605_619_596_3e-16, 1.936_061_793_492_294_3,
    1.033_238_596_067_632_6e-16,
    1.957_144_124_175_400_2, 8.960_767_791_036_668e-17, 1.978_456_026_387_951,
    4.038_875_310_927_816_7e-17,
  ]
}
