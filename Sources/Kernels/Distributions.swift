// Draws from the distributions that the simulator needs, one at a time and in double precision.
// The bulk Gaussian noise of DP-SGD has a vectorised generator of its own, in GaussianNoise.swift.

import RealModule

extension RandomNumberGenerator {
  /// A uniform number in [0, 1) with 53 random bits.
  @inlinable
  public mutating func nextUnit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A uniform number in (0, 1): safe under a logarithm.
  @inlinable
  public mutating func nextOpenUnit() -> Double {
    (Double(next() >> 12) + 0.5) * 0x1p-52
  }

  /// A standard normal number (Box–Muller; two uniforms a draw, so draws are independent of order).
  public mutating func nextGaussian() -> Double {
    let radius = Double.sqrt(-2 * Elementary.log(nextOpenUnit()))
    return radius * Elementary.cos(2 * Double.pi * nextUnit())
  }

  /// A standard Gumbel number, −ln(−ln U): its argmax over utilities is the exponential mechanism.
  public mutating func nextGumbel() -> Double {
    -Elementary.log(-Elementary.log(nextOpenUnit()))
  }

  /// A Gamma(shape, 1) number; shape > 0. Marsaglia and Tsang (2000), boosted for shape < 1.
  public mutating func nextGamma(shape: Double) -> Double {
    guard shape >= 1 else {
      // Kept as a logarithm until the end: U^(1/shape) alone underflows for tiny shapes.
      let boosted = nextGamma(shape: shape + 1)
      return Elementary.exp(Elementary.log(boosted) + Elementary.log(nextOpenUnit()) / shape)
    }
    let d = shape - 1.0 / 3
    let c = 1 / Double.sqrt(9 * d)
    while true {
      let x = nextGaussian()
      let root = 1 + c * x
      guard root > 0 else { continue }
      let v = root * root * root
      if Elementary.log(nextOpenUnit()) < 0.5 * x * x + d - d * v + d * Elementary.log(v) {
        return d * v
      }
    }
  }

  /// An index drawn with probability proportional to its non-negative weight, or nil if all are zero.
  public mutating func nextIndex(weights: [Double]) -> Int? {
    let total = weights.reduce(0, +)
    guard total > 0, total.isFinite else { return nil }
    var left = nextUnit() * total
    for (index, weight) in weights.enumerated() where weight > 0 {
      left -= weight
      if left < 0 { return index }
    }
    return weights.lastIndex { $0 > 0 }
  }
}
