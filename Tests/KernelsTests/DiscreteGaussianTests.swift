// The exact sampler against its probability mass function.

import Kernels
import RealModule
import Testing

/// Whether counts fit probabilities: Pearson's statistic over cells with at least 10 expected, below its
/// mean by eight standard deviations at most (one failure in some 10⁸, and the seeds are fixed).
private func fits(_ counts: [Int64: Int], samples: Int, probability: (Int64) -> Double) -> Bool {
  var (statistic, cells, rest, left) = (0.0, 0, 1.0, samples)
  for x in Int64(-2000)...2000 {
    let expected = probability(x) * Double(samples)
    guard expected >= 10 else { continue }
    let seen = Double(counts[x] ?? 0)
    statistic += (seen - expected) * (seen - expected) / expected
    cells += 1
    rest -= probability(x)
    left -= counts[x] ?? 0
  }
  let expected = max(rest * Double(samples), 1)
  statistic += (Double(left) - expected) * (Double(left) - expected) / expected
  return statistic < Double(cells) + 8 * (2 * Double(cells)).squareRoot() + 8
}

@Suite("The discrete Gaussian")
struct DiscreteGaussianTests {
  @Test("samples have the mass function exp(−x²/2σ²)", arguments: [1, 2, 3, 10, 100] as [UInt64])
  func massFunction(_ sigma: UInt64) {
    var stream = RandomStream(seed: 11, purpose: .test, step: Int(sigma))
    let samples = 100_000
    var counts: [Int64: Int] = [:]
    for _ in 0..<samples {
      counts[DiscreteGaussian.sample(standardDeviation: sigma, using: &stream), default: 0] += 1
    }
    let variance = Double(sigma) * Double(sigma)
    let total = (-2000...2000).reduce(0.0) { $0 + Double.exp(-Double($1 * $1) / (2 * variance)) }
    #expect(
      fits(counts, samples: samples) {
        Double.exp(-Double($0) * Double($0) / (2 * variance)) / total
      })
    // The test can fail: a normal rounded to integers has other masses at σ = 1.
    if sigma == 1 {
      var rounded: [Int64: Int] = [:]
      for _ in 0..<samples { rounded[Int64(stream.nextGaussian().rounded()), default: 0] += 1 }
      #expect(
        !fits(rounded, samples: samples) {
          Double.exp(-Double($0) * Double($0) / (2 * variance)) / total
        })
    }
  }

  @Test("at the standard deviations of training it has the normal law's moments and tails")
  func large() {
    let sigma: UInt64 = (1 << 20) - 12_345
    var stream = RandomStream(seed: 5, purpose: .test)
    let n = 60_000
    let values = (0..<n).map { _ in
      Double(DiscreteGaussian.sample(standardDeviation: sigma, using: &stream)) / Double(sigma)
    }
    let root = Double(n).squareRoot()
    func mean(_ power: Int) -> Double {
      values.reduce(0) { $0 + Double.pow($1, power) } / Double(n)
    }
    // Six standard errors, as for the continuous law.
    #expect(abs(mean(1)) < 6 / root)
    #expect(abs(mean(2) - 1) < 6 * 2.0.squareRoot() / root)
    #expect(abs(mean(3)) < 6 * 15.0.squareRoot() / root)
    #expect(abs(mean(4) - 3) < 6 * 96.0.squareRoot() / root)
    for threshold in [-3.0, -2, -0.5, 0.1, 1, 2.5] {
      let expected = 0.5 * Double.erfc(-threshold / 2.0.squareRoot())
      let seen = Double(values.count { $0 <= threshold }) / Double(n)
      #expect(abs(seen - expected) < 6 * (expected * (1 - expected) / Double(n)).squareRoot())
    }
  }

  @Test("no noise is no noise, and equal streams give equal samples")
  func edges() {
    var stream = RandomStream(seed: 5, purpose: .test)
    let before = stream
    #expect(DiscreteGaussian.sample(standardDeviation: 0, using: &stream) == 0)
    #expect(stream == before)
    var (a, b) = (before, before)
    for _ in 0..<100 {
      #expect(
        DiscreteGaussian.sample(standardDeviation: 1 << 24, using: &a)
          == DiscreteGaussian.sample(standardDeviation: 1 << 24, using: &b))
    }
  }

  @Test("Bernoulli(exp(−γ)) for γ from 0 to beyond 1")
  func bernoulli() {
    var stream = RandomStream(seed: 8, purpose: .test)
    let n = 40_000
    for (numerator, denominator) in [(0, 1), (1, 1000), (1, 2), (1, 1), (5, 3), (4, 1)]
      as [(UInt128, UInt128)]
    {
      let hits = (0..<n).count { _ in
        DiscreteGaussian.bernoulliExp(numerator, over: denominator, using: &stream)
      }
      let p = Double.exp(-Double(numerator) / Double(denominator))
      #expect(abs(Double(hits) / Double(n) - p) <= 6 * (p * (1 - p) / Double(n)).squareRoot())
    }
  }

  @Test("the discrete Laplace has its mass function")
  func laplace() {
    var stream = RandomStream(seed: 9, purpose: .test)
    let samples = 100_000
    for scale in [1, 4] as [UInt64] {
      var counts: [Int64: Int] = [:]
      for _ in 0..<samples {
        counts[DiscreteGaussian.laplace(scale: scale, using: &stream), default: 0] += 1
      }
      let ratio = Double.exp(-1 / Double(scale))
      #expect(
        fits(counts, samples: samples) {
          (1 - ratio) / (1 + ratio) * Double.pow(ratio, Int($0.magnitude))
        })
    }
  }
}
