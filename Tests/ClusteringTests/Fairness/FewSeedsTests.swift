// Student's intervals, effect sizes and Holm's correction against SciPy (`stats.t`, `stats.nct`), hand and coverage.

import Clustering
import Kernels
import TestSupport
import Testing

@Suite("Few seeds and many tests")
struct FewSeedsTests {
  @Test(
    "quantiles of Student's t",
    arguments: [
      (1, 12.7062047362), (2, 4.30265272975), (3, 3.18244630528), (4, 2.7764451052),
      (7, 2.36462425159), (12, 2.17881282967),
    ])
  func quantile(degrees: Int, expected: Double) {
    #expect(
      isClose(StudentLaw.quantile(within: 0.95, degrees: degrees), expected, relative: 1e-10))
  }

  @Test(
    "the non-central law",
    arguments: [
      (1.5, 2, 0.7, 0.6924131129), (4.2, 4, 2.0, 0.8695167482), (-0.5, 3, 1.0, 0.07572611871),
      (10, 9, 8, 0.745951162), (0.3, 1, 0.5, 0.3984447787),
    ])
  func noncentral(t: Double, degrees: Int, lambda: Double, expected: Double) {
    let own = StudentLaw.cumulative(t, degrees: degrees, noncentrality: lambda)
    #expect(abs(own - expected) < 1e-6, "\(own)")
  }

  private static let differences = [0.031, 0.012, 0.045, 0.02, 0.027]

  @Test("an interval and an effect of five differences")
  func effect() throws {
    let comparison = try PairedComparison(
      first: Self.differences, second: [0, 0, 0, 0, 0], seed: 1)
    #expect(isClose(try #require(comparison.difference.lower), 0.0116163893750, relative: 1e-9))
    #expect(isClose(try #require(comparison.difference.upper), 0.0423836106250, relative: 1e-9))
    let effect = try #require(comparison.effect)
    #expect(isClose(effect.value, 1.7434101145059258, relative: 1e-12))
    #expect(abs(effect.lower - 0.46353375814) < 1e-5 && abs(effect.upper - 3.8497594930) < 1e-4)
    #expect(effect.lower < effect.value && effect.value < effect.upper)
    #expect(EffectSize(of: [1, 1, 1]) == nil && EffectSize(of: [1, 2]) == nil)
  }

  @Test("two values have no interval, more have Student's")
  func choice() throws {
    #expect(try SeedEstimate.interval([1, 2]).lower == nil)
    let three = try SeedEstimate.interval([1, nil, 2, 3])
    #expect(
      isClose(try #require(three.upper), 2 + 4.30265272975 / 3.0.squareRoot(), relative: 1e-9))
    // t(0.975, 5) = 2.570581836, s = 1.870828693.
    let six = try SeedEstimate.interval([1, 2, 3, 4, 5, 6])
    #expect(
      isClose(
        try #require(six.upper), 3.5 + 2.570581835636 * 1.8708286933870 / 6.0.squareRoot(),
        relative: 1e-9))
    let equal = try SeedEstimate.interval([0.5, 0.5, 0.5])
    #expect(equal.lower == 0.5 && equal.upper == 0.5)
    for level in [0.0, 1] {
      #expect(throws: ClusteringError.self) {
        try SeedEstimate.interval([1, 2, 3], level: level)
      }
    }
  }

  @Test(
    "the interval covers the truth of Gaussian values in 95 of a hundred trials",
    arguments: [3, 6, 10])
  func coverage(count: Int) throws {
    var stream = RandomStream(seed: 5, purpose: .test)
    var covered = 0
    for _ in 0..<1000 {
      let estimate = try SeedEstimate.interval((0..<count).map { _ in stream.nextGaussian() })
      if try #require(estimate.lower) <= 0, try #require(estimate.upper) >= 0 { covered += 1 }
    }
    // Three standard errors are 21.
    #expect(abs(covered - 950) < 21, "\(covered)")
  }

  @Test("Holm's p-values by hand")
  func holm() {
    #expect(MultipleTests.holm([]) == [])
    #expect(MultipleTests.holm([0.04]) == [0.04])
    // Ordered 0.01, 0.02, 0.03, 0.5: times 4, 3, 2, 1, and never falling.
    let adjusted = MultipleTests.holm([0.02, 0.5, 0.01, 0.03])
    for (own, expected) in zip(adjusted, [0.06, 0.5, 0.04, 0.06]) {
      #expect(isClose(own, expected, relative: 1e-12))
    }
    #expect(MultipleTests.holm([0.5, 0.9]) == [1, 1])
  }

  @Test("the best of equal methods seems better than one of the others, less often by Holm's p")
  func bestOfEqual() throws {
    var stream = RandomStream(seed: 7, purpose: .test)
    let trials = 400
    var (plain, adjusted) = (0, 0)
    for _ in 0..<trials {
      let methods = (0..<5).map { _ in (0..<8).map { _ in stream.nextGaussian() } }
      let sums = methods.map { $0.reduce(0, +) }
      let best = sums.indices.reduce(0) { sums[$1] > sums[$0] ? $1 : $0 }
      let values = try sums.indices.filter { $0 != best }.map { other in
        try #require(
          PairedComparison(first: methods[best], second: methods[other], seed: 0).pValue)
      }
      if values.contains(where: { $0 <= 0.05 }) { plain += 1 }
      if MultipleTests.holm(values).contains(where: { $0 <= 0.05 }) { adjusted += 1 }
    }
    // 26 and 5 of a hundred in 10,000 draws by NumPy; four standard errors are 9 and 4.5 of them.
    #expect(abs(Double(plain) / Double(trials) - 0.26) < 0.09, "\(plain)")
    #expect(abs(Double(adjusted) / Double(trials) - 0.05) < 0.045, "\(adjusted)")
  }
}
