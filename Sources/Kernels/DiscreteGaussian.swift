// Exact samples of the discrete Gaussian: integer arithmetic and random bits alone, no floating point.
//
// Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy" (NeurIPS 2020), algorithms
// 1 to 3, for an integer standard deviation.

/// P[X = x] ∝ exp(−x²/(2σ²)) over all integers.
public enum DiscreteGaussian {
  /// The largest standard deviation; products of the sampler then fit 128 bits.
  public static let largest: UInt64 = 1 << 24

  /// One sample. How long it takes depends on the sample: it is exact, not constant in time.
  ///
  /// - Parameter standardDeviation: σ, at most `largest`; 0 gives 0.
  public static func sample<Generator: RandomNumberGenerator>(
    standardDeviation: UInt64, using generator: inout Generator
  ) -> Int64 {
    precondition(standardDeviation <= largest, "the sampler takes standard deviations up to 2^24")
    guard standardDeviation > 0 else { return 0 }
    let scale = standardDeviation + 1
    let variance = UInt128(standardDeviation) * UInt128(standardDeviation)
    let denominator = 2 * variance * UInt128(scale) * UInt128(scale)
    while true {
      let candidate = laplace(scale: scale, using: &generator)
      // exp(−(|Y| − σ²/t)² / (2σ²)) with everything times t².
      let product = UInt128(candidate.magnitude) * UInt128(scale)
      let distance = product > variance ? product - variance : variance - product
      // Squares of larger distances do not fit: |Y| beyond 2¹⁵ σ, accepted with a probability below
      // exp(−2²⁹).
      guard distance < 1 << 63 else { continue }
      if bernoulliExp(distance * distance, over: denominator, using: &generator) {
        return candidate
      }
    }
  }

  /// P[X = x] ∝ exp(−|x|/t).
  package static func laplace<Generator: RandomNumberGenerator>(
    scale: UInt64, using generator: inout Generator
  ) -> Int64 {
    while true {
      let rest = generator.next(upperBound: scale)
      guard bernoulliExp(UInt128(rest), over: UInt128(scale), using: &generator) else { continue }
      var whole: UInt64 = 0
      while bernoulliExp(1, over: 1, using: &generator) { whole += 1 }
      let magnitude = Int64(rest + scale * whole)
      let isNegative = generator.next() & 1 == 1
      // Zero has one sign only, or it would come twice as often.
      if isNegative, magnitude == 0 { continue }
      return isNegative ? -magnitude : magnitude
    }
  }

  /// True with probability exp(−numerator/denominator), exactly.
  package static func bernoulliExp<Generator: RandomNumberGenerator>(
    _ numerator: UInt128, over denominator: UInt128, using generator: inout Generator
  ) -> Bool {
    var left = numerator
    while left > denominator {
      guard bernoulliExpFraction(denominator, over: denominator, using: &generator) else {
        return false
      }
      left -= denominator
    }
    return bernoulliExpFraction(left, over: denominator, using: &generator)
  }

  /// The same for numerator ≤ denominator: the number of successes of Bernoulli(γ/k), k = 1, 2, …, is even.
  private static func bernoulliExpFraction<Generator: RandomNumberGenerator>(
    _ numerator: UInt128, over denominator: UInt128, using generator: inout Generator
  ) -> Bool {
    var k: UInt128 = 1
    while generator.next(upperBound: denominator * k) < numerator { k += 1 }
    return k % 2 == 1
  }
}
