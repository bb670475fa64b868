// Gaussian differential privacy: exact accounting of full-batch Gaussian releases.
//
// Dong, Roth, Su, "Gaussian differential privacy" (2019), Corollary 2.13 and section 3; the same curve is
// Balle, Wang, "Improving the Gaussian mechanism" (2018), Theorem 8.

import Kernels

/// Exact ε for compositions of full-batch Gaussian releases; refuses anything else.
///
/// The central-limit approximation for subsampled releases can lie below the true ε, so it is not offered.
public struct GDPAccountant: PrivacyAccountant {
  public init() {}

  public var kind: AccountantKind { .gdp }

  public func bound(for event: PrivacyEvent, delta: Double) throws(AccountingError) -> EpsilonBound
  {
    let releases = try CountedReleases(event)
    if let trivial = try trivialBound(for: releases, delta: delta) { return trivial }
    guard releases.hasOnlyGaussians else {
      throw .unsupported(
        event: event,
        reason: "Gaussian differential privacy is exact for full-batch Gaussian releases only; "
          + "use rdp, pld or best")
    }
    let mu = releases.gaussianPrecision.squareRoot()
    return EpsilonBound(
      epsilon: GaussianTradeoff(mu: mu).epsilon(delta: delta), delta: delta, accountant: .gdp)
  }
}

/// The privacy curve of N(0, 1) against N(μ, 1).
struct GaussianTradeoff {
  var mu: Double

  /// ln δ(ε), δ(ε) = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ), on the logarithmic scale throughout because e^ε and
  /// the tails over- and underflow long before their product does.
  func logDelta(epsilon: Double) -> Double {
    let upper = Normal.logCumulative(mu / 2 - epsilon / mu)
    let lower = epsilon + Normal.logCumulative(-mu / 2 - epsilon / mu)
    guard lower < upper else { return -.infinity }
    return upper + Elementary.log(-Elementary.expMinusOne(lower - upper))
  }

  /// The smallest ε with δ(ε) ≤ `delta`, from above; ∞ at delta 0.
  func epsilon(delta: Double) -> Double {
    guard mu > 0 else { return 0 }
    guard delta > 0 else { return .infinity }
    let target = Elementary.log(delta)
    if logDelta(epsilon: 0) <= target { return 0 }
    var low = 0.0
    var high = max(1e-6, mu * mu / 2)
    while logDelta(epsilon: high) > target {
      low = high
      high *= 2
      if !high.isFinite { return .infinity }
    }
    // 60 halvings: the relative width ends at the precision of a Double.
    for _ in 0..<60 where high > low.nextUp {
      let middle = low + (high - low) / 2
      if logDelta(epsilon: middle) <= target { high = middle } else { low = middle }
    }
    return high
  }
}
