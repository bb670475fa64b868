// One release with only what its cost depends on: not when it happened, whose it was or what it was for.

/// A mechanism with its parameters, in an order that depends on their values alone.
struct CostedRelease: Hashable, Comparable, Sendable {
  let mechanism: LedgerMechanism
  /// 1 without sampling.
  let sampleRate: Double
  /// Noise multiplier, ε of a selection, or rank; 0 where there is none.
  let parameter: Double
  /// What of a Gaussian release leaves; nil for all of it.
  let projection: RandomProjection?

  static func < (a: Self, b: Self) -> Bool {
    (a.mechanism.rawValue, a.sampleRate, a.parameter, a.place)
      < (b.mechanism.rawValue, b.sampleRate, b.parameter, b.place)
  }

  /// Nothing projected comes first.
  private var place: RandomProjection { projection ?? RandomProjection(rank: 1, dimension: 1) }

  var event: PrivacyEvent {
    switch mechanism {
    case .gaussian: noised
    case .poissonSampledGaussian: .poissonSampled(sampleRate: sampleRate, event: noised)
    case .exponentialMechanism: .exponentialMechanism(epsilon: parameter)
    case .nonPrivate: .nonPrivate
    case .noiseFreeLowRank: .noiseFreeLowRank(rank: Int(parameter))
    }
  }

  private var noised: PrivacyEvent {
    projection.map { .projectedGaussian(noiseMultiplier: parameter, projection: $0) }
      ?? .gaussian(noiseMultiplier: parameter)
  }
}
