// Accounting by privacy-loss distributions: tight up to the grid, for any number of steps.

import RealModule

/// Bounds ε by composing the privacy losses themselves.
///
/// With the standard grid ε is at most some 1e-4 (relative) above the true value; it is never below it.
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
    var bound = EpsilonBound(epsilon: .infinity, delta: delta, accountant: .pld)
    guard delta > 0 else { return bound }
    let (epsilons, step) = directedEpsilons(of: releases, delta: delta)
    bound.epsilon = max(epsilons.remove, epsilons.add)
    if bound.epsilon == .infinity, estimate == .optimistic {
      bound.epsilon = 0
      return bound
    }
    if bound.epsilon == .infinity {
      // Numbers left the range of a double; those of Rényi divergences are smaller.
      bound = try RDPAccountant().bound(for: event, delta: delta)
      bound.warnings.append(
        "the losses are too large for loss distributions; this is the bound by Rényi divergences")
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
    directedEpsilons(of: try CountedReleases(event), delta: delta).epsilons
  }

  private func directedEpsilons(of releases: CountedReleases, delta: Double) -> (
    epsilons: (remove: Double, add: Double), step: Double
  ) {
    let losses = Losses(releases)
    var step = discretization ?? losses.standardStep
    while step > 0, step.isFinite, losses.areFinite {
      if let epsilons = losses.composition(step: step, delta: delta, estimate: estimate)?
        .epsilons(delta: delta)
      {
        return (epsilons, step)
      }
      step *= 2
    }
    return ((.infinity, .infinity), step)
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
      let spread = q == 1 ? precision : q * q * min(Double.expMinusOne(precision), 4 * precision)
      sum += Double(count) * spread
    }
    for (epsilon, count) in exponentialMechanisms { sum += Double(count) * epsilon * epsilon / 3 }
    for (epsilon, count) in pureMechanisms { sum += Double(count) * epsilon * epsilon }
    return sum
  }

  /// Connecting the dots inflates a step's variance by about Δ²/6; at a thirtieth of the loss's standard
  /// deviation ε is off by some 1e-4.
  var standardStep: Double {
    min(1e-3, (variance / count).squareRoot() / 30)
  }

  /// Whether the numbers from which grids are chosen are within the range of a double.
  var areFinite: Bool { variance > 0 && variance.isFinite && widestLoss(width: 37).isFinite }

  /// The range of losses of the most spread release.
  private func widestLoss(width: Double) -> Double {
    let gaussian = gaussians.map { release, _ in
      let sigma = release.noiseMultiplier
      return (2 * width * sigma + 1) / (sigma * sigma)
    }
    let bounded = (exponentialMechanisms + pureMechanisms).map { 2 * $0.key }
    return (gaussian + bounded).max() ?? 0
  }

  /// nil if a single release has more cells than fit.
  func composition(step: Double, delta: Double, estimate: LossEstimate) -> LossComposition? {
    // Tails beyond `width` standard deviations must not count against δ, however often they happen.
    let tail = min(1e-23, 1e-8 * delta / count)
    let width = min(37, -Normal.quantile(tail))
    guard widestLoss(width: width) / step < Double(LossComposition.largestTransform) else {
      return nil
    }
    var (remove, add) = (DirectedLoss(parts: [], step: step), DirectedLoss(parts: [], step: step))
    for (release, count) in gaussians {
      for direction in LossDirection.allCases {
        let distribution = PrivacyLossDistribution.gaussian(
          release, direction: direction, step: step, width: width, estimate: estimate)
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
