// What was released about the data, as values that any accountant can interpret.
//
// Every event speaks of the add-or-remove-one relation. The cases and their meaning never change once a
// ledger has been written with them; new kinds of release get new cases.

/// A release, or a composition of releases; adaptive choice of the later ones is allowed throughout.
public indirect enum PrivacyEvent: Hashable, Sendable {
  /// Nothing that depends on the data.
  case noRelease
  /// A sum plus Gaussian noise of standard deviation noiseMultiplier · sensitivity, the sensitivity being
  /// how far (in L2) the sum moves when one record is added or removed: the clip norm.
  case gaussian(noiseMultiplier: Double)
  /// The same, of which only the projection on fresh random rows leaves.
  case projectedGaussian(noiseMultiplier: Double, projection: RandomProjection)
  /// `event` applied to a batch that contains each record independently with probability `sampleRate`.
  case poissonSampled(sampleRate: Double, event: PrivacyEvent)
  /// A choice by the exponential mechanism: ε-differentially private and of bounded range ε.
  case exponentialMechanism(epsilon: Double)
  /// Any other mechanism known only to be (ε, 0)-differentially private.
  case pure(epsilon: Double)
  /// The same kind of release `count` times.
  case selfComposed(event: PrivacyEvent, count: Int)
  case composed([PrivacyEvent])
  /// The data as they are, or with noise of scale zero: ε is infinite.
  case nonPrivate
  /// A low-rank adapter trained without noise. The random projection inside LoRA is not independent noise
  /// of known scale, so no accountant may put an ε on it: all of them refuse.
  case noiseFreeLowRank(rank: Int)
}

extension PrivacyEvent {
  /// One step of DP-SGD, `count` times: Poisson batches at `sampleRate`, noise on the clipped sum.
  ///
  /// - Parameter projection: what of it leaves; nil for all.
  public static func trainingSteps(
    sampleRate: Double, noiseMultiplier: Double, projection: RandomProjection? = nil, count: Int
  ) -> PrivacyEvent {
    let step =
      projection.map { .projectedGaussian(noiseMultiplier: noiseMultiplier, projection: $0) }
      ?? PrivacyEvent.gaussian(noiseMultiplier: noiseMultiplier)
    let sampled =
      sampleRate == 1 ? step : .poissonSampled(sampleRate: sampleRate, event: step)
    return .selfComposed(event: sampled, count: count)
  }

  /// The same releases seen under replace-one, where a record's removal and another's addition come
  /// together: the sensitivity doubles, so noise multipliers halve and pure ε double.
  ///
  /// Throws for Poisson-sampled releases, whose pair of laws under replacement is another one; convert
  /// the final guarantee with `PrivacyGuarantee.forReplacement()` instead.
  public func underReplacement() throws(AccountingError) -> PrivacyEvent {
    switch self {
    case .noRelease, .nonPrivate, .noiseFreeLowRank: return self
    case .gaussian(let multiplier): return .gaussian(noiseMultiplier: multiplier / 2)
    case .projectedGaussian(let multiplier, let projection):
      return .projectedGaussian(noiseMultiplier: multiplier / 2, projection: projection)
    case .exponentialMechanism(let epsilon): return .exponentialMechanism(epsilon: 2 * epsilon)
    case .pure(let epsilon): return .pure(epsilon: 2 * epsilon)
    case .selfComposed(let event, let count):
      return .selfComposed(event: try event.underReplacement(), count: count)
    case .composed(let events):
      var converted: [PrivacyEvent] = []
      for event in events { converted.append(try event.underReplacement()) }
      return .composed(converted)
    case .poissonSampled:
      throw .unsupported(
        event: self,
        reason: "Poisson sampling has no exact counterpart under replace-one; "
          + "convert the final guarantee instead")
    }
  }
}

// MARK: - Coding

extension PrivacyEvent: Codable {
  private enum Kind: String, Codable {
    case noRelease = "no_release"
    case gaussian
    case projectedGaussian = "projected_gaussian"
    case poissonSampled = "poisson_sampled"
    case exponentialMechanism = "exponential_mechanism"
    case pure
    case selfComposed = "self_composed"
    case composed
    case nonPrivate = "non_private"
    case noiseFreeLowRank = "noise_free_low_rank"
  }

  private enum Key: String, CodingKey {
    case kind
    case noiseMultiplier = "noise_multiplier"
    case sampleRate = "sample_rate"
    case epsilon
    case event
    case events
    case count
    case rank
    case dimension
  }

  public init(from decoder: any Decoder) throws {
    let box = try decoder.container(keyedBy: Key.self)
    switch try box.decode(Kind.self, forKey: .kind) {
    case .noRelease: self = .noRelease
    case .gaussian:
      self = .gaussian(noiseMultiplier: try box.decode(Double.self, forKey: .noiseMultiplier))
    case .projectedGaussian:
      let (rank, dimension) = (
        try box.decode(Int.self, forKey: .rank), try box.decode(Int.self, forKey: .dimension)
      )
      guard rank >= 1, rank <= dimension else {
        throw DecodingError.dataCorruptedError(
          forKey: .rank, in: box, debugDescription: "rank must be from 1 to dimension")
      }
      self = .projectedGaussian(
        noiseMultiplier: try box.decode(Double.self, forKey: .noiseMultiplier),
        projection: RandomProjection(rank: rank, dimension: dimension))
    case .poissonSampled:
      self = .poissonSampled(
        sampleRate: try box.decode(Double.self, forKey: .sampleRate),
        event: try box.decode(PrivacyEvent.self, forKey: .event))
    case .exponentialMechanism:
      self = .exponentialMechanism(epsilon: try box.decode(Double.self, forKey: .epsilon))
    case .pure: self = .pure(epsilon: try box.decode(Double.self, forKey: .epsilon))
    case .selfComposed:
      self = .selfComposed(
        event: try box.decode(PrivacyEvent.self, forKey: .event),
        count: try box.decode(Int.self, forKey: .count))
    case .composed: self = .composed(try box.decode([PrivacyEvent].self, forKey: .events))
    case .nonPrivate: self = .nonPrivate
    case .noiseFreeLowRank:
      self = .noiseFreeLowRank(rank: try box.decode(Int.self, forKey: .rank))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var box = encoder.container(keyedBy: Key.self)
    switch self {
    case .noRelease: try box.encode(Kind.noRelease, forKey: .kind)
    case .gaussian(let multiplier):
      try box.encode(Kind.gaussian, forKey: .kind)
      try box.encode(multiplier, forKey: .noiseMultiplier)
    case .projectedGaussian(let multiplier, let projection):
      try box.encode(Kind.projectedGaussian, forKey: .kind)
      try box.encode(multiplier, forKey: .noiseMultiplier)
      try box.encode(projection.rank, forKey: .rank)
      try box.encode(projection.dimension, forKey: .dimension)
    case .poissonSampled(let rate, let event):
      try box.encode(Kind.poissonSampled, forKey: .kind)
      try box.encode(rate, forKey: .sampleRate)
      try box.encode(event, forKey: .event)
    case .exponentialMechanism(let epsilon):
      try box.encode(Kind.exponentialMechanism, forKey: .kind)
      try box.encode(epsilon, forKey: .epsilon)
    case .pure(let epsilon):
      try box.encode(Kind.pure, forKey: .kind)
      try box.encode(epsilon, forKey: .epsilon)
    case .selfComposed(let event, let count):
      try box.encode(Kind.selfComposed, forKey: .kind)
      try box.encode(event, forKey: .event)
      try box.encode(count, forKey: .count)
    case .composed(let events):
      try box.encode(Kind.composed, forKey: .kind)
      try box.encode(events, forKey: .events)
    case .nonPrivate: try box.encode(Kind.nonPrivate, forKey: .kind)
    case .noiseFreeLowRank(let rank):
      try box.encode(Kind.noiseFreeLowRank, forKey: .kind)
      try box.encode(rank, forKey: .rank)
    }
  }
}
