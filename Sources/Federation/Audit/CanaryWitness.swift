// The strongest auditor of a step: knows every other record and every noisy sum, and weighs for each canary how much
// likelier the sum is with it than without.

import Foundation
import Kernels
import Learning

/// Adds up, for each canary of one client in one round, the logarithm of the likelihood ratio.
///
/// In a step with noise N(0, (σC)²) and rate q, a canary with clipped gradient g turns N(0, ·) into
/// (1 − q)N(0, ·) + qN(g, ·), so the ratio is 1 − q + q·exp((⟨x, g⟩ − ‖g‖²/2)/(σC)²) with x the released sum less the
/// known records. By the Neyman-Pearson lemma no test of a single canary is stronger.
final class CanaryWitness: StepObserver {
  private let canaries: Canaries
  private let clipping: Clipping
  private let rate: Double
  /// (σC)².
  private let variance: Double
  private(set) var scores: [Double]
  /// Of made gradients, which have places.
  private(set) var trace: CanaryTrace?
  private let work: LocalWork

  /// Nil where there is nothing to audit.
  init?(_ canaries: Canaries?, work: LocalWork) {
    guard let canaries, let privacy = work.privacy, privacy.noiseMultiplier > 0 else { return nil }
    self.canaries = canaries
    self.work = work
    clipping = work.clipping
    rate = work.rateAndSteps.rate
    let deviation = privacy.noiseMultiplier * Double(privacy.maxGradNorm)
    variance = deviation * deviation
    scores = [Double](repeating: 0, count: canaries.count)
    if canaries.kind == .gradient {
      trace = CanaryTrace(
        round: work.round, firstStep: work.firstStep, rate: rate,
        signal: Double(Canaries.madeGradient(clipping)) / deviation,
        places: canaries.places(among: work.start.count))
    }
  }

  /// Noisy sums that were seen.
  private(set) var sums = 0

  func see(_ release: borrowing StepRelease, network: Network) {
    sums += 1
    guard let known = release.knownSum else { return }
    // What the known records leave, rounded as the sums are.
    let rest = zip(release.sum.value, known).map { $0 - $1 }
    for canary in scores.indices {
      let (inner, power) = canaries.projection(
        of: rest, on: canary, clipping: clipping, network: network)
      scores[canary] += Self.logRatio((inner - power / 2) / variance, rate: rate)
    }
    guard trace != nil else { return }
    let scale = Float(1 / variance.squareRoot())
    trace?.add(
      canaries.places(among: rest.count).map { $0.map { rest[$0] * scale } ?? 0 },
      drawn: canaries.drawn(rate: rate, work: work, step: release.step))
  }

  /// ln(1 − q + q·e^x).
  static func logRatio(_ x: Double, rate: Double) -> Double {
    guard rate < 1 else { return x }
    return x > 0
      ? x + Elementary.log(rate + (1 - rate) * Elementary.exp(-x))
      : Elementary.log(onePlus: rate * Elementary.expMinusOne(x))
  }
}
