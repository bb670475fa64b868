// A privacy event reduced to its elementary releases and how often each happened.
//
// Accountants read this list only, so they cannot disagree about what an event contains, and neither the
// nesting nor the order of a composition can change an epsilon, not even in the last bit.

/// A Gaussian release on a Poisson-sampled batch; 0 < sampleRate < 1, noiseMultiplier > 0.
struct SampledGaussian: Hashable, Comparable, Sendable {
  var sampleRate: Double
  var noiseMultiplier: Double

  static func < (a: SampledGaussian, b: SampledGaussian) -> Bool {
    (a.sampleRate, a.noiseMultiplier) < (b.sampleRate, b.noiseMultiplier)
  }
}

struct CountedReleases: Sendable {
  private(set) var gaussians: [Double: Int] = [:]
  private(set) var sampledGaussians: [SampledGaussian: Int] = [:]
  /// With rate 1 where nothing is sampled.
  private(set) var projectedGaussians: [ProjectedGaussian: Int] = [:]
  private(set) var exponentialMechanisms: [Double: Int] = [:]
  private(set) var pureMechanisms: [Double: Int] = [:]
  private(set) var isNonPrivate = false

  /// Throws if a number is out of range, a count overflows, or the event is one that nobody can account.
  init(_ event: PrivacyEvent) throws(AccountingError) {
    try add(event, times: 1)
  }

  private init() {}

  /// Σ count/σ² over the full-batch Gaussians: together they are one Gaussian of multiplier 1/√that.
  var gaussianPrecision: Double {
    sorted(gaussians).reduce(0) { $0 + Double($1.count) / ($1.key * $1.key) }
  }

  var isEmpty: Bool {
    !isNonPrivate && gaussians.isEmpty && hasOnlyGaussians
  }

  var hasOnlyGaussians: Bool {
    sampledGaussians.isEmpty && projectedGaussians.isEmpty && exponentialMechanisms.isEmpty
      && pureMechanisms.isEmpty
  }

  /// The same with all that was noised leaving: nobody learns less from it, so that a bound for this is one for them.
  ///
  /// - Throws: if a count overflows.
  func withoutProjections() throws(AccountingError) -> CountedReleases {
    var releases = self
    releases.projectedGaussians = [:]
    for (release, count) in sorted(projectedGaussians) {
      if release.sampleRate < 1 {
        try Self.increase(
          &releases.sampledGaussians,
          SampledGaussian(
            sampleRate: release.sampleRate, noiseMultiplier: release.noiseMultiplier), by: count)
      } else {
        try Self.increase(&releases.gaussians, release.noiseMultiplier, by: count)
      }
    }
    return releases
  }

  /// The entries in an order that depends on their values alone.
  func sorted<Key: Comparable>(_ counts: [Key: Int]) -> [(key: Key, count: Int)] {
    counts.map { (key: $0.key, count: $0.value) }.sorted { $0.key < $1.key }
  }
}

// MARK: - Reading events

extension CountedReleases {
  private mutating func add(_ event: PrivacyEvent, times: Int) throws(AccountingError) {
    switch event {
    case .noRelease: return
    case .nonPrivate: isNonPrivate = isNonPrivate || times > 0
    case .noiseFreeLowRank(let rank):
      throw .unsupported(
        event: event,
        reason: "a rank-\(rank) projection adds no independent noise of known scale; "
          + "clip and add Gaussian noise (a noise multiplier) or report no epsilon")
    case .gaussian(let multiplier):
      guard let multiplier = try usable(multiplier, times: times) else { return }
      try CountedReleases.increase(&gaussians, multiplier, by: times)
    case .projectedGaussian(let multiplier, let projection):
      guard let multiplier = try usable(multiplier, times: times) else { return }
      let release = ProjectedGaussian(
        projection: projection, sampleRate: 1, noiseMultiplier: multiplier)
      try CountedReleases.increase(&projectedGaussians, release, by: times)
    case .exponentialMechanism(let epsilon):
      try CountedReleases.check(epsilon)
      if epsilon > 0 { try CountedReleases.increase(&exponentialMechanisms, epsilon, by: times) }
    case .pure(let epsilon):
      try CountedReleases.check(epsilon)
      if epsilon > 0 { try CountedReleases.increase(&pureMechanisms, epsilon, by: times) }
    case .composed(let events):
      for event in events { try add(event, times: times) }
    case .selfComposed(let inner, let count):
      guard count >= 0 else {
        throw .invalid(reason: "count \(count): a release cannot happen less than 0 times")
      }
      let (product, overflow) = times.multipliedReportingOverflow(by: count)
      guard !overflow else {
        throw .invalid(reason: "count \(times) · \(count): too many releases; check the plan")
      }
      try add(inner, times: product)
    case .poissonSampled(let rate, let inner):
      try addSampled(rate: rate, inner: inner, event: event, times: times)
    }
  }

  /// A noise multiplier that a curve can be computed with; nil where nothing is released, or all of it without noise.
  private mutating func usable(
    _ multiplier: Double, times: Int
  ) throws(AccountingError) -> Double? {
    guard multiplier >= 0, multiplier.isFinite else {
      throw .invalid(
        reason: "noise_multiplier \(multiplier): must be a finite number of at least 0")
    }
    guard times > 0 else { return nil }
    // A multiplier whose square underflows cannot be told from none.
    if multiplier < 1e-150 {
      isNonPrivate = true
      return nil
    }
    // Beyond that 1/σ² may underflow; less noise is the safe side.
    return min(multiplier, 1e100)
  }

  /// All Gaussians inside one sampled batch share the batch, so they act as a single Gaussian.
  private mutating func addSampled(
    rate: Double, inner: PrivacyEvent, event: PrivacyEvent, times: Int
  ) throws(AccountingError) {
    guard rate >= 0, rate <= 1 else {
      throw .invalid(reason: "sample_rate \(rate): must be a probability, from 0 to 1")
    }
    var contents = CountedReleases()
    try contents.add(inner, times: 1)
    if rate == 0 || times == 0 { return }
    if rate == 1 { return try add(inner, times: times) }
    guard !contents.isNonPrivate else {
      isNonPrivate = true
      return
    }
    // Sampling a sampled batch is sampling at the product of the rates.
    if contents.gaussians.isEmpty, contents.exponentialMechanisms.isEmpty,
      contents.pureMechanisms.isEmpty, contents.projectedGaussians.isEmpty,
      contents.sampledGaussians.count == 1, let only = contents.sampledGaussians.first,
      only.value == 1
    {
      let key = SampledGaussian(
        sampleRate: rate * only.key.sampleRate, noiseMultiplier: only.key.noiseMultiplier)
      return try CountedReleases.increase(&sampledGaussians, key, by: times)
    }
    if contents.gaussians.isEmpty, contents.sampledGaussians.isEmpty,
      contents.exponentialMechanisms.isEmpty, contents.pureMechanisms.isEmpty,
      contents.projectedGaussians.count == 1, let only = contents.projectedGaussians.first,
      only.value == 1
    {
      var release = only.key
      release.sampleRate *= rate
      return try CountedReleases.increase(&projectedGaussians, release, by: times)
    }
    guard contents.hasOnlyGaussians else {
      throw .unsupported(
        event: event, reason: "amplification by sampling is known here for Gaussian noise only")
    }
    guard !contents.gaussians.isEmpty else { return }
    let multiplier: Double
    if contents.gaussians.count == 1, let only = contents.gaussians.first, only.value == 1 {
      multiplier = only.key
    } else {
      multiplier = 1 / contents.gaussianPrecision.squareRoot()
    }
    let key = SampledGaussian(sampleRate: rate, noiseMultiplier: multiplier)
    try CountedReleases.increase(&sampledGaussians, key, by: times)
  }

  private static func check(_ epsilon: Double) throws(AccountingError) {
    guard epsilon >= 0, epsilon.isFinite else {
      throw .invalid(reason: "epsilon \(epsilon): must be a finite number of at least 0")
    }
  }

  private static func increase<Key: Hashable>(
    _ counts: inout [Key: Int], _ key: Key, by times: Int
  ) throws(AccountingError) {
    guard times > 0 else { return }
    let (sum, overflow) = counts[key, default: 0].addingReportingOverflow(times)
    guard !overflow else { throw .invalid(reason: "count: too many releases; check the plan") }
    counts[key] = sum
  }
}
