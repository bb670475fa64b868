// Gaussian noise whose sampler cannot be inverted from one output: the normalised sum of several normals.
//
// Holohan and Braghin, "Secure random sampling in differential privacy" (2021): a value y = f + noise can
// betray f by the doubles that a sampler cannot reach (Mironov 2012). Undoing the sum of 2n normals takes
// about 2^(53(2n−1)) steps; n = 2. A hardening, not a proof: DiscreteGaussian has the proof.

/// Noise of four normals an element, in double precision until the last rounding.
public enum HardenedNoise {
  /// A standard normal number; always eight draws.
  public static func normal<Generator: RandomNumberGenerator>(
    using generator: inout Generator
  ) -> Double {
    var sum = 0.0
    for _ in 0..<4 { sum += generator.nextGaussian() }
    return sum / 2
  }

  /// values[i] += standardDeviation · N(0, 1) for the elements of the range, in order. The number of draws
  /// does not depend on the values.
  public static func add<Generator: RandomNumberGenerator>(
    to values: inout [Float], in range: Range<Int>, standardDeviation: Double,
    using generator: inout Generator
  ) {
    for i in range {
      values[i] = Float(Double(values[i]) + standardDeviation * normal(using: &generator))
    }
  }
}
