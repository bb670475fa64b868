// One release with only what its cost depends on: not when it happened, whose it was or what it was for.

/// A mechanism with its parameters, in an order that depends on their values alone.
struct CostedRelease: Hashable, Comparable, Sendable {
  let mechanism: LedgerMechanism
  /// 1 without sampling.
  let sampleRate: Double
  /// Noise multiplier, ε of a selection, or rank; 0 where there is none.
  let parameter: Double

  static func < (a: Self, b: Self) -> Bool {
    (a.mechanism.rawValue, a.sampleRate, a.parameter)
      < (b.mechanism.rawValue, b.sampleRate, b.parameter)
  }

  var event: PrivacyEvent {
    switch mechanism {
    case .gaussian: .gaussian(noiseMultiplier: parameter)
    case .poissonSampledGaussian:
      .poissonSampled(sampleRate: sampleRate, event: .gaussian(noiseMultiplier: parameter))
    case .exponentialMechanism: .exponentialMechanism(epsilon: parameter)
    case .nonPrivate: .nonPrivate
    case .noiseFreeLowRank: .noiseFreeLowRank(rank: Int(parameter))
    }
  }
}
