// The error function and the logarithm of the gamma function in double precision, written out: see
// PortableExponential.swift.

/// Errors are in units of the last place of the result, measured against 60 digits.
enum PortableErrorFunction {
  /// erf x, below 1.7 units.
  static func erf(_ x: Double) -> Double {
    guard abs(x) > 0.5 else { return x * core(x * x) }
    if x.isNaN { return x }
    return x > 0 ? 1 - tail(x) : tail(-x) - 1
  }

  /// 1 − erf x, below 3.5 units where the result is not subnormal.
  static func erfc(_ x: Double) -> Double {
    guard abs(x) > 0.5 else { return 1 - x * core(x * x) }
    if x.isNaN { return x }
    return x > 0 ? tail(x) : 2 - tail(-x)
  }

  /// ln Γ(x) for x > 0: relative error below 1e-14 for x ≥ 3, absolute error below 1e-14 for smaller x; infinity at 0
  /// and NaN below.
  static func logGamma(_ x: Double) -> Double {
    guard x > 0, x < .infinity else { return x == 0 ? .infinity : x > 0 ? x : .nan }
    if x == 1 || x == 2 { return 0 }
    var shifted = x
    var product = 1.0
    while shifted < 10 {
      product *= shifted
      shifted += 1
    }
    // Stirling's series.
    let inverse = 1 / shifted
    let z = inverse * inverse
    var p = -0.029_550_653_594_771_242
    p = 0.006_410_256_410_256_41.addingProduct(p, z)
    p = (-0.001_917_526_917_526_917_6).addingProduct(p, z)
    p = 0.000_841_750_841_750_841_7.addingProduct(p, z)
    p = (-0.000_595_238_095_238_095_3).addingProduct(p, z)
    p = 0.000_793_650_793_650_793_7.addingProduct(p, z)
    p = (-0.002_777_777_777_777_778).addingProduct(p, z)
    p = 0.083_333_333_333_333_33.addingProduct(p, z)
    let series = p * inverse
    let logarithm = PortableExponential.log(shifted)
    let value = (shifted - 0.5) * (logarithm - 1) + (0.418_938_533_204_672_7 + series)
    return product == 1 ? value : value - PortableExponential.log(product)
  }

  /// erf(x)/x for z = x² ≤ 1/4.
  private static func core(_ z: Double) -> Double {
    var p = 1.491_018_622_432_993_7e-6
    p = (-1.486_371_020_465_513_2e-5).addingProduct(p, z)
    p = 0.000_120_540_339_333_866_49.addingProduct(p, z)
    p = (-0.000_854_831_187_437_572_7).addingProduct(p, z)
    p = 0.005_223_977_529_323_107.addingProduct(p, z)
    p = (-0.026_866_170_642_132_82).addingProduct(p, z)
    p = 0.112_837_916_709_515_6.addingProduct(p, z)
    p = (-0.376_126_389_031_837_5).addingProduct(p, z)
    return 1.128_379_167_095_512_6 + (1.533_545_961_316_588e-17 + z * p)
  }

  /// erfc x for x > ½: e^(−x²) · P(t) / (x + 2) with t = (x − 2)/(x + 2) and P of degree 22, fitted to
  /// erfc(x) e^(x²) (x + 2) on ½ ≤ x ≤ 28.
  private static func tail(_ x: Double) -> Double {
    guard x < 27.5 else { return 0 }
    let t = (x - 2) / (x + 2)
    var p = coefficients[0]
    for c in coefficients[1...] { p = c.addingProduct(p, t) }
    // The rounding error of x² is a relative error of the result.
    let square = x * x
    let rest = (-square).addingProduct(x, x)
    let gauss = PortableExponential.exp(-square)
    return gauss * (p / (x + 2)) * (1 - rest)
  }

  private static let coefficients: [Double] = [
    -8.048_393_836_758_138e-8, 2.133_006_733_638_475e-7, 1.688_778_778_085_058_8e-7,
    -5.391_455_293_315_642e-7, -6.441_994_231_782_204e-7, 1.789_724_111_773_816_2e-7,
    1.997_730_318_370_156e-6, 3.563_895_381_397_339_3e-6, -1.110_381_417_702_205_6e-6,
    -1.609_895_784_222_374_7e-5, -2.170_238_621_058_683_3e-5, 3.414_508_506_098_984e-5,
    0.000_144_472_002_147_886_94, 3.437_185_389_022_466e-5, -0.000_663_073_648_617_08,
    -0.000_837_296_090_445_854_9, 0.003_090_612_068_229_312, 0.006_479_185_068_795_213,
    -0.021_510_661_889_768_502, -0.036_442_231_506_898_015, 0.279_472_092_556_058_1,
    -0.687_160_684_413_810_5, 1.021_582_705_242_023,
  ]
}
