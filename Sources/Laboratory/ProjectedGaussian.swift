// What M (V + E) costs, M the projection on the row space of a random A: noise is added before the projection, which is
// post-processing, and amplifies where A is fresh in every step, independent of the data and published (lora.md A.6 v,
// M2).
//
// Given A the release is a Gaussian mechanism with the squared shift β μ², μ = Δ/σ; for a record that moves V by a
// matrix of rank 1, β ~ Beta(r/2, (d − r)/2). Rényi divergences of the pair (A, release) are means over β, and a
// Poisson-sampled Gaussian has at integer orders a sum of exponentials of β with positive coefficients (Mironov,
// Talwar, Zhang 2019, section 3.3). It is convex in β, so a record that moves V by any matrix of that length, whose β
// is a mean of such ones, costs no more (Jensen).

import Kernels
import Privacy

package struct ProjectedGaussian: Sendable, Hashable {
  /// r, rows of A; 1 to d.
  package let rank: Int
  /// d, columns of A.
  package let dimension: Int

  package init(rank: Int, dimension: Int) {
    self.rank = rank
    self.dimension = dimension
  }

  /// ln E exp(β z), ₁F₁(r/2; d/2; z), for z ≥ 0.
  private func logMoment(_ z: Double) -> Double {
    let (a, b) = (Double(rank) / 2, Double(dimension) / 2)
    // All terms are positive; they are summed relative to the largest so far.
    var (logTerm, logSum) = (0.0, 0.0)
    for k in 0..<1_000_000 where z > 0 {
      let k = Double(k)
      logTerm += Elementary.log((a + k) / (b + k)) + Elementary.log(z / (k + 1))
      let larger = max(logSum, logTerm)
      logSum =
        larger + Elementary.log(Elementary.exp(logSum - larger) + Elementary.exp(logTerm - larger))
      if logTerm < logSum - 40, k > z { return logSum }
    }
    // A mean of exp(β z) is at most exp(z).
    return z
  }

  /// ε_α = ln ₁F₁(r/2; d/2; α(α − 1) μ²/2) / (α − 1); plain Gaussian noise has α μ²/2.
  package func renyi(mu: Double, order alpha: Double) -> Double {
    logMoment(alpha * (alpha - 1) * mu * mu / 2) / (alpha - 1)
  }

  /// Integer orders that bounds are looked for at.
  private static let orders = Array(2...128)

  /// ε at δ of so many steps on Poisson batches.
  ///
  /// - Parameters:
  ///   - noiseMultiplier: σ/Δ, above 0.
  ///   - sampleRate: above 0, at most 1.
  package func epsilon(
    noiseMultiplier: Double, sampleRate q: Double, steps: Int, delta: Double
  ) -> Double {
    let last = Self.orders[Self.orders.count - 1]
    let square = 1 / (noiseMultiplier * noiseMultiplier)
    let moments = (0...last).map { logMoment(Double($0) * Double($0 - 1) * square / 2) }
    let divergences = Self.orders.map { order -> Double in
      let terms = (0...order).map { k -> Double in
        let stays = order - k
        guard q < 1 || stays == 0 else { return -.infinity }
        let choose =
          Elementary.logGamma(Double(order) + 1) - Elementary.logGamma(Double(k) + 1)
          - Elementary.logGamma(Double(stays) + 1)
        return choose + Double(k) * Elementary.log(q)
          + (stays > 0 ? Double(stays) * Elementary.log(onePlus: -q) : 0) + moments[k]
      }
      let largest = terms.max() ?? 0
      let sum = terms.reduce(0) { $0 + Elementary.exp($1 - largest) }
      return Double(steps) * (largest + Elementary.log(sum)) / Double(order - 1)
    }
    return RDPCurve(orders: Self.orders.map(Double.init), divergences: divergences)
      .bound(delta: delta).epsilon
  }

  /// The smallest noise multiplier with which `epsilon` is kept, rounded up by a thousandth at most.
  package func noiseMultiplier(
    epsilon target: Double, sampleRate: Double, steps: Int, delta: Double
  ) -> Double {
    func keeps(_ multiplier: Double) -> Bool {
      epsilon(noiseMultiplier: multiplier, sampleRate: sampleRate, steps: steps, delta: delta)
        <= target
    }
    var (low, high) = (0.05, 1.0)
    while !keeps(high) { (low, high) = (high, 2 * high) }
    while high / low > 1.001 {
      let middle = (low * high).squareRoot()
      if keeps(middle) { high = middle } else { low = middle }
    }
    return high
  }
}
