// What other ways of forming batches cost; Poisson accounting holds for Poisson sampling alone.

import Kernels

/// Bounds for batches that are not Poisson samples.
public enum BatchSampling {
  /// Fixed batches, every record in exactly one of them per epoch: the cost of full-batch steps, one per
  /// epoch, whatever the number of batches. Also an upper bound for shuffled batches.
  public static func deterministicBatches(noiseMultiplier: Double, epochs: Int) -> PrivacyEvent {
    .trainingSteps(sampleRate: 1, noiseMultiplier: noiseMultiplier, count: epochs)
  }

  /// A lower bound on the ε of one epoch of shuffled batches (Chua et al., ICML 2024): what Poisson
  /// accounting would hide. Zero-out adjacency.
  ///
  /// From the events {max_t x_t > c}, δ(ε) ≥ 1 − Φ((c−2)/σ)Φ(c/σ)^{T−1} − e^ε[1 − Φ((c−1)/σ)Φ(c/σ)^{T−1}].
  public static func shuffledLowerBound(
    noiseMultiplier sigma: Double, batches: Int, delta: Double
  ) -> Double {
    func tail(_ shift: Double, _ c: Double) -> Double {
      let others = Double(batches - 1) * Normal.logCumulative(c / sigma)
      return -Elementary.expMinusOne(Normal.logCumulative((c - shift) / sigma) + others)
    }
    // For each event the ε at which its bound is δ; the best event gives the largest.
    var best = 0.0
    for index in 0...20_000 {
      let c = 2 + sigma * (-10 + 20 * Double(index) / 20_000)
      let (with, without) = (tail(2, c), tail(1, c))
      if with > delta, without > 0 { best = max(best, Elementary.log((with - delta) / without)) }
    }
    return best
  }

  /// Rényi divergence of one Gaussian release on a batch of fixed size drawn without replacement, under
  /// replace-one (Wang, Balle, Kasiviswanathan 2019, Theorem 27, with ε(∞) = ∞).
  ///
  /// - Parameters:
  ///   - fraction: batch size over number of records.
  ///   - sigma: noise multiplier, relative to the replace-one sensitivity, which is twice the clip norm.
  ///   - order: an integer of at least 2.
  public static func fixedSizeDivergence(
    fraction: Double, noiseMultiplier sigma: Double, order: Int
  ) -> Double {
    precondition(order >= 2 && order <= LogFactorial.largest, "The order is an integer from 2.")
    let moments = (0...order / 2 + 1).map { logEvenMoment(2 * $0, sigma: sigma) }
    var sum = LogSum()
    for j in 2...order {
      let growth = Double(j) * Double(j - 1) / (2 * sigma * sigma)
      // Two bounds on E|p/q − 1|^j: from the Rényi divergence, and by Cauchy–Schwarz from even moments.
      let term = min(
        Elementary.log(2) + growth, Elementary.log(4) + (moments[j / 2] + moments[(j + 1) / 2]) / 2)
      sum.add(LogFactorial.binomial(order, j) + Double(j) * Elementary.log(fraction) + term)
    }
    return logOnePlusExp(sum.value) / Double(order - 1)
  }

  /// ln E[(φ₁/φ₀ − 1)^power] under φ₀ for an even power, by the trapezoid rule: the integrand is positive,
  /// where the usual alternating sum cancels.
  private static func logEvenMoment(_ power: Int, sigma: Double) -> Double {
    guard power > 0 else { return 0 }
    let step = min(sigma / 6, 0.3 * sigma * sigma)
    let count = Int((Double(power) + 26 * sigma) / step)
    var sum = LogSum()
    for index in 0...count {
      let z = -13 * sigma + Double(index) * step
      let exponent = (2 * z - 1) / (2 * sigma * sigma)
      // ln|e^x − 1| without overflow.
      let ratio =
        exponent > 0
        ? exponent + Elementary.log(-Elementary.expMinusOne(-exponent))
        : Elementary.log(-Elementary.expMinusOne(exponent))
      sum.add(Double(power) * ratio - z * z / (2 * sigma * sigma))
    }
    return sum.value + Elementary.log(step / sigma) - 0.5 * Elementary.log(2 * .pi)
  }
}
