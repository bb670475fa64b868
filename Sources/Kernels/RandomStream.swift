// Counter-based randomness: a draw depends on what it is for, never on what was drawn before it.
//
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): Philox4x32-10.

/// What a stream of random numbers is used for; two purposes never share numbers.
public enum RandomPurpose: UInt64, Sendable, CaseIterable {
  case partition = 1
  case shift
  case initialization
  case pretraining
  case batchSampling
  case gradientNoise
  case thresholdNoise
  case clusterSelection
  case mixtureStart
  case softAssignment
  case cohortSampling
  case dropout
  case synthetic
  case bootstrap
  case test
  case audit
  case scaling
  case projection
}

/// A reproducible stream of random bits keyed by (seed, purpose, round, client, step).
///
/// Any stream can be re-created alone, so a result does not depend on the number of workers, on the
/// order in which clients finish, or on an interruption. The stream is for simulation: whoever knows
/// the seed knows the noise.
public struct RandomStream: RandomNumberGenerator, Sendable, Hashable {
  @usableFromInline var key: SIMD2<UInt32>
  /// Words 2 and 3 hold round and step, words 0 and 1 count blocks of 128 bits.
  @usableFromInline var counter: SIMD4<UInt32>
  @usableFromInline var block = SIMD4<UInt32>()
  @usableFromInline var used: Int = 4

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - purpose: what the numbers are for.
  ///   - round: communication round, from 0; only the low 32 bits count.
  ///   - client: index of the client (or of another unit of work).
  ///   - step: local step within the round; only the low 32 bits count.
  public init(seed: UInt64, purpose: RandomPurpose, round: Int = 0, client: Int = 0, step: Int = 0)
  {
    var mixed = RandomStream.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
    mixed = RandomStream.mix(mixed ^ (purpose.rawValue &* 0xD1B5_4A32_D192_ED03))
    mixed = RandomStream.mix(mixed ^ (UInt64(truncatingIfNeeded: client) &+ 0x8CB9_2BA7_2F3D_8DD7))
    key = SIMD2(UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
    counter = SIMD4(
      0, 0, UInt32(truncatingIfNeeded: round), UInt32(truncatingIfNeeded: step))
  }

  @inlinable
  public mutating func next() -> UInt64 {
    if used >= 4 { refill() }
    let low = UInt64(block[used])
    let high = UInt64(block[used + 1])
    used += 2
    return high << 32 | low
  }

  @usableFromInline
  mutating func refill() {
    block = RandomStream.philox(counter: counter, key: key)
    used = 0
    counter[0] &+= 1
    if counter[0] == 0 { counter[1] &+= 1 }
  }

  /// Ten rounds of Philox4x32 on one counter block.
  public static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3])
    var (k0, k1) = (key[0], key[1])
    for _ in 0..<10 {
      let a = c0.multipliedFullWidth(by: 0xD251_1F53)
      let b = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (b.high ^ c1 ^ k0, b.low, a.high ^ c3 ^ k1, a.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }

  /// The finaliser of SplitMix64: a bijection of 64 bits that spreads every input bit.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
