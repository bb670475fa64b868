// The law of the privacy loss of one release, on a grid, never better than the true one.
//
// "Connect the dots": Doroshenko, Ghazi, Kamath, Kumar, Manurangsi (2022). The mass of a grid cell goes to its
// two ends so that both the P- and the Q-mass of the cell are kept; the hockey-stick curve of the result is
// then the chord of the true one in e^ε, which lies above it by convexity.

import Kernels

/// Which way the data sets differ; the two losses are composed apart and the worse one counts.
enum LossDirection: CaseIterable {
  /// P is the law with the record, Q the law without.
  case remove
  case add
}

/// How a cell's mass is put on the grid.
public enum LossEstimate: String, Codable, Hashable, Sendable, CaseIterable {
  /// Connect the dots: an upper bound on every δ(ε).
  case pessimistic
  /// Every loss rounded down (privacy buckets): a lower bound, for comparison only. Its error grows with the
  /// number of steps times the grid step; useful up to a thousand steps or so.
  case optimistic
}

/// Masses at losses (first + i) · step, and an atom at +∞.
struct PrivacyLossDistribution {
  let step: Double
  private(set) var first: Int
  private(set) var masses: [Double]
  private(set) var infinite = 0.0

  private init(step: Double, first: Int, count: Int) {
    self.step = step
    self.first = first
    masses = Array(repeating: 0, count: count)
  }

  var last: Int { first + masses.count - 1 }

  /// Splits the mass `p` of cell [k·step, (k+1)·step], given p − e^{k·step}·(its Q-mass).
  private mutating func place(
    _ p: Double, excess: Double, cell: Int, _ estimate: LossEstimate
  ) {
    guard p > 0 else { return }
    let right =
      estimate == .pessimistic ? min(p, max(0, excess / -Elementary.expMinusOne(-step))) : 0
    masses[cell - first] += p - right
    masses[cell + 1 - first] += right
  }

  /// Drops the cells at both ends whose mass underflowed: moments are summed from an end, which must be there.
  private mutating func trim() {
    guard let lowest = masses.firstIndex(where: { $0 > 0 }),
      let highest = masses.lastIndex(where: { $0 > 0 })
    else { return }
    first += lowest
    masses = Array(masses[lowest...highest])
  }

  /// Whether no mass was lost, but for rounding.
  var isWhole: Bool { abs(masses.reduce(infinite, +) - 1) < 1e-6 }
}

// MARK: - Gaussian releases

extension PrivacyLossDistribution {
  /// The loss of N(0, σ²) against (1−q)N(0, σ²) + qN(1, σ²), 0 < q ≤ 1.
  ///
  /// - Parameters:
  ///   - width: how many σ of either component are kept; what lies beyond goes to +∞ or to the lowest cell.
  ///   - reach: the same where the sample shows that the record is in it.
  static func gaussian(
    _ release: SampledGaussian, direction: LossDirection, step: Double, width: Double,
    reach: Double, estimate: LossEstimate
  ) -> PrivacyLossDistribution {
    // The full-batch Gaussian loses the same in both directions.
    let direction = release.sampleRate == 1 ? .remove : direction
    let loss = GaussianLoss(release)
    let sigma = release.noiseMultiplier
    let lowest = -width * sigma
    let highest = direction == .remove ? 1 + reach * sigma : reach * sigma
    // Cells are visited by increasing z; the loss falls with z when a record is added.
    let sign = direction == .remove ? 1.0 : -1.0
    let ends = [sign * loss.value(at: lowest), sign * loss.value(at: highest)].sorted()
    let first = Int((ends[0] / step).rounded(.down))
    let cells = max(1, Int((ends[1] / step).rounded(.up)) - first)
    var result = PrivacyLossDistribution(step: step, first: first, count: cells + 1)
    func boundary(_ cell: Int) -> TailedPoint {
      let z = loss.location(of: sign * Double(cell) * step)
      return TailedPoint(z: min(max(z, lowest), highest), sigma: sigma)
    }
    var from = boundary(first)
    for cell in first..<first + cells {
      let to = boundary(cell + 1)
      let epsilon = Double(cell) * step
      switch direction {
      case .remove:
        let (p, excess) = loss.removal(from: from, to: to, epsilon: epsilon)
        result.place(p, excess: excess, cell: cell, estimate)
      case .add:
        let (p, excess) = loss.addition(from: to, to: from, epsilon: epsilon)
        result.place(p, excess: excess, cell: cell, estimate)
      }
      from = to
    }
    result.placeTails(
      release, direction: direction, width: width, reach: reach, estimate: estimate)
    result.trim()
    return result
  }

  private mutating func placeTails(
    _ release: SampledGaussian, direction: LossDirection, width: Double, reach: Double,
    estimate: LossEstimate
  ) {
    let (q, sigma) = (release.sampleRate, release.noiseMultiplier)
    let tail = Normal.cumulative(-width)
    let shown = Normal.cumulative(-reach)
    let (above, below): (Double, Double)
    switch direction {
    case .remove:
      above = q * shown + (1 - q) * Normal.cumulative(-reach - 1 / sigma)
      below = (1 - q) * tail + q * Normal.cumulative(-width - 1 / sigma)
    case .add:
      (above, below) = (tail, shown)
    }
    if estimate == .pessimistic {
      infinite = above
      masses[min(1, masses.count - 1)] += below
    } else {
      masses[masses.count - 1] += above
    }
  }
}

/// A boundary between cells with the tails of both components beyond it, from one erfc each.
private struct TailedPoint {
  /// (z − mean)/σ for the components at 0 and at 1.
  var scores: SIMD2<Double>
  /// Φ(−|score|).
  var tails: SIMD2<Double>

  init(z: Double, sigma: Double) {
    scores = SIMD2(z / sigma, (z - 1) / sigma)
    tails = SIMD2(Normal.cumulative(-abs(scores[0])), Normal.cumulative(-abs(scores[1])))
  }

  /// Φ between this point and a higher one, for one component.
  func mass(to other: TailedPoint, component: Int) -> Double {
    let (a, b) = (scores[component], other.scores[component])
    let (tailA, tailB) = (tails[component], other.tails[component])
    if a > 0 { return max(0, tailA - tailB) }
    return b > 0 ? 1 - tailA - tailB : max(0, tailB - tailA)
  }
}

private struct GaussianLoss {
  let rate: Double
  let variance: Double

  init(_ release: SampledGaussian) {
    rate = release.sampleRate
    variance = release.noiseMultiplier * release.noiseMultiplier
  }

  /// ln(1 − q + q e^{(2z−1)/2σ²}), increasing in z.
  func value(at z: Double) -> Double {
    let exponent = (2 * z - 1) / (2 * variance)
    if rate == 1 { return exponent }
    return exponent > 30
      ? Elementary.log(rate) + exponent
        + Elementary.log(onePlus: (1 - rate) / rate * Elementary.exp(-exponent))
      : Elementary.log(onePlus: rate * Elementary.expMinusOne(exponent))
  }

  /// The z at which the loss is `value`; −∞ below the infimum ln(1 − q).
  func location(of value: Double) -> Double {
    if rate == 1 { return variance * value + 0.5 }
    if value > 600 { return variance * (value - Elementary.log(rate)) + 0.5 }
    let ratio = Elementary.expMinusOne(value) / rate
    return ratio > -1 ? variance * Elementary.log(onePlus: ratio) + 0.5 : -.infinity
  }

  /// P-mass of a cell and P − e^ε·Q when P is the mixture: q·N₁ − (e^ε − 1 + q)·N₀.
  func removal(from a: TailedPoint, to b: TailedPoint, epsilon: Double) -> (Double, Double) {
    let (zero, one) = (a.mass(to: b, component: 0), a.mass(to: b, component: 1))
    let p = (1 - rate) * zero + rate * one
    guard epsilon > 600 || a.scores[0] > 35 else {
      return (p, rate * one - (Elementary.expMinusOne(epsilon) + rate) * zero)
    }
    // e^ε overflows or N₀ underflows, but their product is of the size of N₁.
    let upper = Normal.logCumulative(-a.scores[0])
    let lower = Normal.logCumulative(-b.scores[0])
    let logMass =
      lower < upper ? upper + Elementary.log(-Elementary.expMinusOne(lower - upper)) : -.infinity
    return (p, p - Elementary.exp(epsilon + logMass))
  }

  /// P-mass of a cell and P − e^ε·Q when P is N₀: (1 − e^ε + q e^ε)·N₀ − q e^ε·N₁.
  func addition(from a: TailedPoint, to b: TailedPoint, epsilon: Double) -> (Double, Double) {
    let (zero, one) = (a.mass(to: b, component: 0), a.mass(to: b, component: 1))
    let scaled = rate * Elementary.exp(epsilon)
    return (zero, (scaled - Elementary.expMinusOne(epsilon)) * zero - scaled * one)
  }
}

// MARK: - Selections and pure mechanisms

extension PrivacyLossDistribution {
  /// The dominating loss of any mechanism of bounded range ε: density e^{(ε+l)/2}/(2(e^ε − 1)) on [−ε, ε].
  ///
  /// Its hockey-stick curve is (e^{ε/2} − e^{e/2})²/(e^ε − 1), |e| ≤ ε (Dong, Durfee, Rogers 2020), the same in
  /// both directions; being a dominating pair it covers adaptive composition (Zhu, Dong, Wang 2022).
  static func boundedRange(epsilon: Double, step: Double, estimate: LossEstimate)
    -> PrivacyLossDistribution
  {
    let first = Int((-epsilon / step).rounded(.down))
    let cells = max(1, Int((epsilon / step).rounded(.up)) - first)
    var result = PrivacyLossDistribution(step: step, first: first, count: cells + 1)
    // Over e^ε, so that nothing overflows however large ε is.
    let denominator = -Elementary.expMinusOne(-epsilon)
    for cell in first..<first + cells {
      let start = Double(cell) * step
      let a = max(start, -epsilon)
      let b = min(start + step, epsilon)
      guard b > a else { continue }
      let half = Elementary.expMinusOne((b - a) / 2) / denominator
      let p = Elementary.exp((a - epsilon) / 2) * half
      // The cell's Q-mass is e^{−(ε+b)/2}·half.
      let scaled = Elementary.exp(start - (epsilon + b) / 2) * half
      result.place(p, excess: p - scaled, cell: cell, estimate)
    }
    result.trim()
    return result
  }

  /// Randomised response: losses ±ε, which dominate any (ε, 0)-private mechanism.
  static func randomizedResponse(epsilon: Double, step: Double, estimate: LossEstimate)
    -> PrivacyLossDistribution
  {
    let first = Int((-epsilon / step).rounded(.down))
    let top = Int((epsilon / step).rounded(.down))
    var result = PrivacyLossDistribution(step: step, first: first, count: top - first + 2)
    for (loss, cell) in [(-epsilon, first), (epsilon, top)] {
      let p = 1 / (1 + Elementary.exp(-loss))
      let excess = -p * Elementary.expMinusOne(Double(cell) * step - loss)
      result.place(p, excess: excess, cell: cell, estimate)
    }
    return result
  }
}

// MARK: - Moments

extension PrivacyLossDistribution {
  /// ln Σ p e^{λ·loss} over the finite losses.
  ///
  /// Sums from the end with the largest factor towards the other; the factors shrink by a constant and are
  /// taken afresh every 64 cells, so that neither rounding nor overflow builds up.
  func logMoment(_ lambda: Double) -> Double {
    let rate = abs(lambda) * step
    let decay = Elementary.exp(-rate)
    let count = masses.count
    var sum = 0.0
    for start in Swift.stride(from: 0, to: count, by: 64) {
      var factor = Elementary.exp(-rate * Double(start))
      if factor == 0 { break }
      for offset in start..<min(start + 64, count) {
        sum += factor * masses[lambda > 0 ? count - 1 - offset : offset]
        factor *= decay
      }
    }
    return Elementary.log(sum) + lambda * step * Double(lambda > 0 ? last : first)
  }

  /// Adds p e^{θ·loss − logMoment}, wrapped modulo the vector's length, through `add`.
  func tilted(by theta: Double, logMoment: Double, _ add: (_ index: Int, _ mass: Double) -> Void) {
    for (offset, mass) in masses.enumerated() where mass > 1e-290 {
      let index = first + offset
      add(index, mass * Elementary.exp(theta * step * Double(index) - logMoment))
    }
  }
}
