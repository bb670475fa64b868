// Accounting by privacy-loss distributions: tight up to the grid, for any number of steps.

import Kernels

/// Bounds ε by composing the privacy losses themselves.
///
/// With the standard grid ε is at most some 1e-4 (relative) above the true value; it is never below it, and
/// never above the bound by Rényi divergences. What a random projection takes from the cost of a release it does not see.
public struct PLDAccountant: PrivacyAccountant {
  /// The distance of grid points; nil chooses it for the event.
  public let discretization: Double?
  public let estimate: LossEstimate

  public init(discretization: Double? = nil, estimate: LossEstimate = .pessimistic) {
    precondition(discretization.map { $0 > 0 && $0.isFinite } ?? true, "A grid step is positive.")
    self.discretization = discretization
    self.estimate = estimate
  }

  public var kind: AccountantKind { .pld }

  public func bound(for event: PrivacyEvent, delta: Double) throws(AccountingError) -> EpsilonBound
  {
    let releases = try CountedReleases(event)
    if let trivial = try trivialBound(for: releases, delta: delta) { return trivial }
    guard estimate == .pessimistic || releases.projectedGaussians.isEmpty else {
      throw .unsupported(
        event: event, reason: "no lower bound is known for releases behind a random projection")
    }
    var bound = EpsilonBound(epsilon: .infinity, delta: delta, accountant: .pld)
    guard delta > 0 else { return bound }
    // Rényi divergences say about where ε is, hence how fine a grid has to be; and they bound it too.
    let renyi = try RDPAccountant().bound(for: event, delta: delta)
    let (epsilons, step) = directedEpsilons(
      of: try releases.withoutProjections(), delta: delta, near: renyi)
    bound.epsilon = max(epsilons.remove, epsilons.add)
    if estimate == .optimistic {
      if bound.epsilon == .infinity { bound.epsilon = 0 }
      return bound
    }
    // A 0 that counts projections is the divergences' own, though the search was left out for it.
    let isTheirs =
      renyi.epsilon < bound.epsilon
      || (renyi.epsilon == 0 && !releases.projectedGaussians.isEmpty)
    if bound.epsilon == .infinity || (discretization == nil && isTheirs) {
      bound = renyi
      bound.warnings.append(
        releases.projectedGaussians.isEmpty
          ? "the losses are too large for loss distributions; this is the bound by Rényi divergences"
          : "loss distributions count nothing of a random projection; this is the bound by Rényi divergences"
      )
      return bound
    }
    if let discretization, step > discretization {
      bound.warnings.append(
        "the grid step \(discretization) needs too much memory; \(step) was used, which is looser")
    }
    return bound
  }

  /// ε when a record is removed and when one is added, before the larger is taken; `delta` in (0, 1).
  package func directedEpsilons(of event: PrivacyEvent, delta: Double) throws(AccountingError)
    -> (remove: Double, add: Double)
  {
    directedEpsilons(
      of: try CountedReleases(event).withoutProjections(), delta: delta,
      near: try RDPAccountant().bound(for: event, delta: delta)
    ).epsilons
  }

  private func directedEpsilons(
    of releases: CountedReleases, delta: Double, near renyi: EpsilonBound
  ) -> (epsilons: (remove: Double, add: Double), step: Double) {
    let losses = Losses(releases)
    // Where δ covers all that can be told there is nothing to look for.
    if discretization == nil, estimate == .pessimistic,
      losses.totalVariation <= delta || renyi.epsilon == 0
    {
      return ((0, 0), 0)
    }
    var best = (remove: Double.infinity, add: Double.infinity)
    var guess = (epsilon: renyi.epsilon, tilt: (renyi.order ?? 2) - 1)
    var step = discretization ?? losses.step(epsilon: guess.epsilon, tilt: guess.tilt)
    // A grid for a guess far above the truth is too coarse for it; every answer is a bound.
    var isCoarse = false
    for _ in 0..<Self.refinements {
      guard let answer = answer(losses, delta: delta, step: &step) else { break }
      best = (min(best.remove, answer.remove), min(best.add, answer.add))
      let epsilon = max(best.remove, best.add)
      guard discretization == nil, epsilon > 0, epsilon.isFinite else { break }
      let isSettled = epsilon >= 0.7 * guess.epsilon && answer.tilt <= 2 * guess.tilt
      if isSettled, step < epsilon / 500, answer.cells >= 8192 { break }
      guess = (epsilon, answer.tilt)
      // Few points cost nothing, and lead faster to where the grid no longer matters; a quarter of a million are enough.
      let finer = max(
        min(
          losses.step(epsilon: guess.epsilon, tilt: guess.tilt), epsilon / 1000,
          step * answer.cells / 32_768), losses.leastStep(epsilon: guess.epsilon))
      let next = max(finer, step / 32, step * answer.cells / 262_144)
      isCoarse = finer < step / 3
      guard next < 0.9 * step else { break }
      step = next
    }
    if isCoarse, estimate == .pessimistic, let reach = losses.reach(delta: delta) {
      sharpen(&best, losses, delta: delta, step: step, reach: reach)
    }
    return (best, step)
  }

  private static let refinements = 6

  /// Where losses that matter are small beside the largest one, most of a grid lies where next to nothing happens: without
  /// that part it can be finer by as much. Every answer is a bound.
  private func sharpen(
    _ best: inout (remove: Double, add: Double), _ losses: Losses, delta: Double, step: Double,
    reach: Double
  ) {
    var step = step
    for _ in 0..<Self.refinements {
      guard let answer = answer(losses, delta: delta, step: &step, reach: reach) else { return }
      best = (min(best.remove, answer.remove), min(best.add, answer.add))
      let epsilon = max(best.remove, best.add)
      let next = max(epsilon / 1000, step / 64, step * answer.cells / 524_288)
      guard epsilon > 0, next < 0.9 * step else { return }
      step = next
    }
  }

  /// The answer on a grid, which is made coarser until it fits the memory; nil where none does.
  private func answer(
    _ losses: Losses, delta: Double, step: inout Double, reach: Double? = nil
  ) -> LossComposition.Answer? {
    while step > 0, step.isFinite, losses.areFinite {
      if let answer = losses.composition(
        step: step, delta: delta, reach: reach, estimate: estimate)?
        .epsilons(delta: delta)
      {
        return answer
      }
      step *= 2
    }
    return nil
  }
}

/// The releases as the accountant composes them: full-batch Gaussians merged into one.
private struct Losses {
  var gaussians: [(release: SampledGaussian, count: Int)]
  var exponentialMechanisms: [(key: Double, count: Int)]
  var pureMechanisms: [(key: Double, count: Int)]

  init(_ releases: CountedReleases) {
    gaussians = releases.sorted(releases.sampledGaussians).map { ($0.key, $0.count) }
    let precision = releases.gaussianPrecision
    if precision > 0 {
      let merged = SampledGaussian(sampleRate: 1, noiseMultiplier: 1 / precision.squareRoot())
      gaussians.append((merged, 1))
    }
    exponentialMechanisms = releases.sorted(releases.exponentialMechanisms)
    pureMechanisms = releases.sorted(releases.pureMechanisms)
  }

  var count: Double {
    gaussians.reduce(0) { $0 + Double($1.count) }
      + (exponentialMechanisms + pureMechanisms).reduce(0) { $0 + Double($1.count) }
  }

  /// A rough variance of the composed loss. One subsampled step has q²(e^{1/σ²} − 1); for small σ that is
  /// all in a tail too rare to matter for the grid, hence the cap.
  var variance: Double {
    var sum = 0.0
    for (release, count) in gaussians {
      let (q, precision) = (
        release.sampleRate, 1 / (release.noiseMultiplier * release.noiseMultiplier)
      )
      let spread =
        q == 1 ? precision : q * q * min(Elementary.expMinusOne(precision), 4 * precision)
      sum += Double(count) * spread
    }
    for (epsilon, count) in exponentialMechanisms { sum += Double(count) * epsilon * epsilon / 3 }
    for (epsilon, count) in pureMechanisms { sum += Double(count) * epsilon * epsilon }
    return sum
  }

  /// A grid step whose blur raises ε by about 5e-5 of itself.
  ///
  /// Connecting the dots adds E[(l − kΔ)((k+1)Δ − l)] to the variance of a loss l in cell k: about Δ²/6 where
  /// losses are wider than a cell, at most Δ·E|l| where they are not; ε grows by (θ+1)/2 of the sum.
  ///
  /// - Parameters:
  ///   - epsilon: about what ε is.
  ///   - tilt: θ, the saddle point for δ: the best Rényi order less one.
  func step(epsilon: Double, tilt: Double) -> Double {
    let usual = min(1e-3, (variance / count).squareRoot() / 30)
    let allowed = 1e-4 * epsilon / (tilt + 1)
    guard epsilon > 0, allowed.isFinite, allowed > 0 else { return usual }
    let absolute = absoluteLosses
    func blur(_ step: Double) -> Double {
      absolute.reduce(0) { $0 + $1.count * min(step * step / 6, step * $1.mean) }
    }
    var high = 1e-3 * max(1, epsilon / 50)
    guard blur(high) > allowed else { return high }
    var low = high
    while blur(low) > allowed, low > 1e-300 { low /= 16 }
    for _ in 0..<16 {
      let middle = (low * high).squareRoot()
      if blur(middle) > allowed { high = middle } else { low = middle }
    }
    return low
  }

  /// A finer grid than this is of no use: rounding every loss up raises ε by at most a step for each release,
  /// and connecting the dots by no more, so that here the blur is below 5e-5 of ε whatever the losses are.
  func leastStep(epsilon: Double) -> Double { min(1e-3, 5e-5 * epsilon / count) }

  /// About E|loss| of each kind of release, and how often it happens.
  private var absoluteLosses: [(count: Double, mean: Double)] {
    gaussians.map { release, count in
      let (q, sigma) = (release.sampleRate, release.noiseMultiplier)
      return (Double(count), q == 1 ? .infinity : 2 * q * Normal.totalVariation(sigma: sigma))
    } + (exponentialMechanisms + pureMechanisms).map { (Double($0.count), $0.key) }
  }

  /// At least the total variation of all releases together: where δ covers it, ε is 0.
  var totalVariation: Double {
    gaussians.reduce(0) {
      $0 + Double($1.count) * $1.release.sampleRate
        * Normal.totalVariation(sigma: $1.release.noiseMultiplier)
    }
      + (exponentialMechanisms + pureMechanisms).reduce(0) {
        $0 + Double($1.count) * Elementary.tanh($1.key / 2)
      }
  }

  /// How many σ of a sample that has the record in it have to be kept, so that what lies beyond has a probability of at most
  /// a hundred-thousandth of δ in all steps together; nil without sampled releases.
  func reach(delta: Double) -> Double? {
    let shown = gaussians.reduce(0) { $0 + Double($1.count) * $1.release.sampleRate }
    guard gaussians.contains(where: { $0.release.sampleRate < 1 }), shown > 0 else { return nil }
    return -Normal.quantile(min(1e-3, 1e-5 * delta / shown))
  }

  /// Whether the numbers from which grids are chosen are within the range of a double.
  var areFinite: Bool { variance > 0 && variance.isFinite && widestLoss(width: 37).isFinite }

  /// The range of losses of the most spread release.
  private func widestLoss(width: Double) -> Double {
    let gaussian = gaussians.map { release, _ in
      let (q, sigma) = (release.sampleRate, release.noiseMultiplier)
      let highest = (2 * width * sigma + 1) / (2 * sigma * sigma)
      if q == 1 { return 2 * highest }
      // Between ln(1 − q) and ln(1 − q + q e^highest).
      let above =
        highest > 30
        ? Elementary.log(q) + highest : Elementary.log(onePlus: q * Elementary.expMinusOne(highest))
      return max(above, 0) - Elementary.log(onePlus: -q)
    }
    let bounded = (exponentialMechanisms + pureMechanisms).map { 2 * $0.key }
    return (gaussian + bounded).max() ?? 0
  }

  /// nil if a single release has more cells than fit.
  func composition(
    step: Double, delta: Double, reach: Double?, estimate: LossEstimate
  ) -> LossComposition? {
    // Tails beyond `width` standard deviations must not count against δ, however often they happen.
    let tail = min(1e-23, 1e-8 * delta / count)
    let width = min(37, -Normal.quantile(tail))
    guard widestLoss(width: reach ?? width) / step < Double(LossComposition.largestTransform) else {
      return nil
    }
    var (remove, add) = (DirectedLoss(parts: [], step: step), DirectedLoss(parts: [], step: step))
    for (release, count) in gaussians {
      for direction in LossDirection.allCases {
        let distribution = PrivacyLossDistribution.gaussian(
          release, direction: direction, step: step, width: width,
          reach: release.sampleRate == 1 ? width : min(reach ?? width, width), estimate: estimate)
        switch direction {
        case .remove: remove.parts.append((distribution, count))
        case .add: add.parts.append((distribution, count))
        }
      }
    }
    for (epsilon, count) in exponentialMechanisms {
      let distribution = PrivacyLossDistribution.boundedRange(
        epsilon: epsilon, step: step, estimate: estimate)
      remove.parts.append((distribution, count))
      add.parts.append((distribution, count))
    }
    for (epsilon, count) in pureMechanisms {
      let distribution = PrivacyLossDistribution.randomizedResponse(
        epsilon: epsilon, step: step, estimate: estimate)
      remove.parts.append((distribution, count))
      add.parts.append((distribution, count))
    }
    return LossComposition(remove: remove, add: add, estimate: estimate, variance: variance)
  }
}
