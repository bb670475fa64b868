// The accountant of noise before a fresh projection: against published values, the plain accountant, and the exact
// privacy loss.

import Kernels
import Laboratory
import Privacy
import Testing

@Suite("Noise before a projection")
struct ProjectedGaussianTests {
  @Test("the curve is amplified as the hypergeometric formula says")
  func curve() {
    func renyi(_ rank: Int, mu: Double = 1, order: Double = 8) -> Double {
      ProjectedGaussian(rank: rank, dimension: 768).renyi(mu: mu, order: order)
    }
    #expect(abs(renyi(16) - 0.0864) < 5e-5)
    #expect(abs(renyi(768) - 4) < 1e-9)
    for rank in [700, 760, 767] { #expect(renyi(rank) < 4 && renyi(rank) > 3) }
    // Small μ: α μ²/2 · r/d.
    #expect(abs(renyi(16, mu: 0.01, order: 2) / (0.0001 * 16 / 768) - 1) < 1e-3)
  }

  @Test("with all directions kept it is the plain bound at the same orders", arguments: [0.05, 1])
  func plain(sampleRate: Double) throws {
    let accountant = RDPAccountant(orders: (2...128).map(Double.init))
    for noise in [0.8, 2, 10] {
      let projected = ProjectedGaussian(rank: 30, dimension: 30).epsilon(
        noiseMultiplier: noise, sampleRate: sampleRate, steps: 40, delta: 1e-5)
      let plain = try accountant.bound(
        for: .selfComposed(
          event: .poissonSampled(
            sampleRate: sampleRate, event: .gaussian(noiseMultiplier: noise)), count: 40),
        delta: 1e-5
      ).epsilon
      #expect(abs(projected / plain - 1) < 1e-6, "noise \(noise): \(projected) and \(plain)")
      let fewer = ProjectedGaussian(rank: 3, dimension: 30).epsilon(
        noiseMultiplier: noise, sampleRate: sampleRate, steps: 40, delta: 1e-5)
      #expect(fewer < plain)
    }
  }

  /// P(normal > x).
  private func tail(_ x: Double) -> Double { 0.5 * Elementary.erfc(x / 2.0.squareRoot()) }

  /// The larger of both directions' δ at ε of one Poisson-sampled Gaussian with this shift.
  private func delta(epsilon: Double, shift m: Double, rate q: Double) -> Double {
    func place(_ ratio: Double) -> Double {
      (Elementary.log((ratio - 1 + q) / q) + m * m / 2) / m
    }
    let up = Elementary.exp(epsilon)
    let above = place(up)
    let added = (1 - q) * tail(above) + q * tail(above - m) - up * tail(above)
    guard 1 / up > 1 - q else { return added }
    let below = place(1 / up)
    let removed =
      (1 - tail(below)) - up * ((1 - q) * (1 - tail(below)) + q * (1 - tail(below - m)))
    return max(added, removed)
  }

  @Test(
    "the exact δ of one release is below the stated one, and not with a third of the noise",
    arguments: [(1, 0.3), (4, 0.3), (16, 0.3), (4, 1)])
  func exact(rank: Int, rate: Double) {
    let mechanism = ProjectedGaussian(rank: rank, dimension: 64)
    let stated = 1e-3
    for epsilon in [0.3, 1, 3] {
      let noise = mechanism.noiseMultiplier(
        epsilon: epsilon, sampleRate: rate, steps: 1, delta: stated)
      func found(_ noise: Double) -> Double {
        var stream = RandomStream(seed: 1, purpose: .test)
        var sum = 0.0
        for _ in 0..<20_000 {
          let kept = stream.nextGamma(shape: Double(rank) / 2)
          let lost = stream.nextGamma(shape: Double(64 - rank) / 2)
          let shift = (kept / (kept + lost)).squareRoot() / noise
          sum += max(delta(epsilon: epsilon, shift: max(shift, 1e-9), rate: rate), 0)
        }
        return sum / 20_000
      }
      #expect(found(noise) <= stated, "ε \(epsilon), noise \(noise)")
      #expect(found(noise / 3) > stated, "ε \(epsilon), noise \(noise)")
    }
  }
}
