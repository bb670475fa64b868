// What other ways of forming batches cost; Poisson accounting holds for Poisson sampling alone.

import RealModule

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
      return -Double.expMinusOne(Normal.logCumulative((c - shift) / sigma) + others)
    }
    // For each event the ε at which its bound is δ; the best event gives the largest.
    var best = 0.0
    for index in 0...20_000 {
      let c = 2 + sigma * (-10 + 20 * Double(index) / 20_000)
      let (with, without) = (tail(2, c), tail(1, c))
      if with > delta, without > 0 { best = max(best, Double.log((with - delta) / without)) }
    }
    return best
  }

  /// Rényi divergence of one Gaussian release on a batch of fixed size drawn without replacement, under
  /// replace-one (Wang, Balle, Kasiviswanathan 2019, Theorem 9, with ε(∞) = ∞).
  ///
  /// - Parameters:
  ///   - fraction: batch size over number of records.
  ///   - noiseMultiplier: relative to the replace-one sensitivity, which is twice the clip norm.
  ///   - order: an integer of at least 2.
  public static func fixedSizeDivergence(
    fraction: Double, noiseMultiplier sigma: Double, order: Int
  ) -> Double {
    precondition(order >= 2 && order <= LogFactorial.largest, "The order is an integer from 2.")
    let precision = 1 / (sigma * sigma)
    var sum = LogSum()
    for j in 2...order {
      let growth = Double(j) * Double(j - 1) * precision / 2
      var term = Double.log(2) + growth
      if j == 2 { term = min(term, Double.log(4 * Double.expMinusOne(precision))) }
      sum.add(LogFactorial.binomial(order, j) + Double(j) * Double.log(fraction) + term)
    }
    return logOnePlusExp(sum.value) / Double(order - 1)
  }
}
