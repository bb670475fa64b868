// What one audited run may conclude: never more than the mechanism loses, up to the stated confidence, and enough to
// find one that loses more.

import Foundation
import Kernels
import Privacy
import Testing

@Suite("One-run audit")
struct OneRunAuditTests {
  /// Canaries under a mechanism that adds N(0, 1) to their coin times `mu`.
  private static func gaussian(
    _ mu: Double, count: Int, seed: UInt64
  ) -> [(isIncluded: Bool, score: Double)] {
    var stream = RandomStream(seed: seed, purpose: .test)
    return (0..<count).map { _ in
      let isIncluded = stream.next() & 1 == 1
      return (isIncluded, (isIncluded ? mu : 0) + stream.nextGaussian())
    }
  }

  private static func claim(mu: Double) throws -> PrivacyClaim {
    try PrivacyClaim(
      covering: [.gaussian(noiseMultiplier: 1 / mu)], accountant: GDPAccountant())
  }

  @Test(
    "a mechanism that keeps its claim is refuted in at most one run of twenty",
    arguments: [0.5, 1, 2])
  func honest(mu: Double) throws {
    let claim = try Self.claim(mu: mu)
    let epsilon = try GDPAccountant().epsilon(of: .gaussian(noiseMultiplier: 1 / mu), delta: 1e-5)
    var (refuted, above, aboveGaussian) = (0, 0, 0)
    for seed in 0..<200 {
      let verdict = OneRunAudit.verdict(
        on: Self.gaussian(mu, count: 400, seed: UInt64(seed)), delta: 1e-5, claim: claim)
      if verdict.refutesClaim { refuted += 1 }
      if verdict.lowerBound > epsilon { above += 1 }
      if verdict.gaussianLowerBound > epsilon { aboveGaussian += 1 }
    }
    // 18 of 200 have probability below 1 % at a rate of 5 %.
    #expect(
      refuted < 18 && above < 18 && aboveGaussian < 18, "\(refuted) \(above) \(aboveGaussian)")
  }

  @Test("four times the signal that is claimed is found, and bounds come near to what is lost")
  func broken() throws {
    let claim = try Self.claim(mu: 0.75)
    let epsilon = try GDPAccountant().epsilon(of: .gaussian(noiseMultiplier: 1.0 / 3), delta: 1e-5)
    for seed in 0..<20 {
      let verdict = OneRunAudit.verdict(
        on: Self.gaussian(3, count: 1000, seed: UInt64(seed)), delta: 1e-5, claim: claim)
      #expect(verdict.refutesClaim)
      #expect(verdict.gaussianLowerBound > epsilon / 3 && verdict.gaussianLowerBound <= epsilon)
      #expect(verdict.lowerBound > 1 && verdict.lowerBound <= verdict.bestPossible)
    }
  }

  @Test(
    "the engine test errs in one run of twenty at most, and sees twice the signal",
    arguments: [0.4, 1.5])
  func engine(mu: Double) throws {
    let claim = try Self.claim(mu: mu)
    // Φ(μ/2), and at most a hundredth more for want of points.
    let exact = erfc(-mu / 2 / 2.0.squareRoot()) / 2
    #expect(claim.bestGuessRate >= exact - 1e-12 && claim.bestGuessRate <= exact + 0.012)
    var (false0, found) = (0, 0)
    for seed in 0..<200 {
      func test(_ signal: Double) -> EngineTest {
        let drawn = Self.gaussian(signal, count: 400, seed: UInt64(seed))
        return EngineTest(
          on: drawn.map { ($0.isIncluded, $0.score - signal / 2) }, claim: claim,
          significance: 0.05)
      }
      if test(mu).isRefuted { false0 += 1 }
      if test(2 * mu).isRefuted { found += 1 }
    }
    #expect(false0 < 18 && found > 150, "\(false0) \(found)")
  }

  @Test("scores that know nothing show nothing, equal ones too")
  func null() throws {
    let claim = try Self.claim(mu: 0.1)
    var shown = 0
    for seed in 0..<200 {
      let coins = Self.gaussian(0, count: 500, seed: UInt64(seed)).map { ($0.isIncluded, 0.0) }
      let verdict = OneRunAudit.verdict(on: coins, delta: 1e-5, claim: claim)
      if verdict.lowerBound > 0 || verdict.refutesClaim { shown += 1 }
    }
    // Coins guess well by chance, in one run of twenty at most: 18 of 200 have probability below 1 %.
    #expect(shown < 18, "\(shown) of 200")
  }

  @Test(
    "the best possible value is that of guesses that are all right, and grows with the canaries")
  func bestPossible() throws {
    let perfect = (0..<256).map { (isIncluded: $0 % 2 == 0, score: $0 % 2 == 0 ? 1.0 : -1) }
    let verdict = OneRunAudit.verdict(
      on: perfect, delta: 1e-5, claim: PrivacyClaim(points: []))
    #expect(verdict.lowerBound == verdict.bestPossible)
    #expect(verdict.correct == verdict.guesses)
    #expect(
      verdict.bestPossible > OneRunAudit.bestPossible(canaries: 64, delta: 1e-5))
  }
}
