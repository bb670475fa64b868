// Audits by many runs: no more is shown than is lost, and most of it.

import Foundation
import Kernels
import Privacy
import Testing

@Suite("Audit of many runs")
struct RepeatedVerdictTests {
  private static func trials(
    _ mu: Double, count: Int, seed: UInt64
  ) -> [(isIncluded: Bool, score: Double)] {
    var stream = RandomStream(seed: seed, purpose: .test)
    return (0..<count).map { _ in
      let isIncluded = stream.next() & 1 == 1
      return (isIncluded, (isIncluded ? mu : 0) + stream.nextGaussian())
    }
  }

  @Test(
    "a Gaussian mechanism is refuted in one audit of twenty at most, and twice the signal always")
  func gaussian() throws {
    let claim = try PrivacyClaim(
      covering: [.gaussian(noiseMultiplier: 1)], accountant: GDPAccountant())
    let epsilon = try GDPAccountant().epsilon(of: .gaussian(noiseMultiplier: 1), delta: 1e-5)
    var (above, refuted, found, near) = (0, 0, 0, 0)
    for seed in 0..<100 {
      func verdict(_ mu: Double) -> RepeatedVerdict {
        RepeatedVerdict(
          on: Self.trials(mu, count: 600, seed: UInt64(seed)), delta: 1e-5, claim: claim,
          significance: 0.05)
      }
      let (sound, broken) = (verdict(1), verdict(2))
      #expect(sound.lowerBound <= sound.bestPossible)
      if sound.gaussianLowerBound > epsilon / 3 { near += 1 }
      if sound.lowerBound > epsilon || sound.gaussianLowerBound > epsilon { above += 1 }
      if sound.refutesClaim { refuted += 1 }
      if broken.refutesClaim { found += 1 }
    }
    // More than 11 of 100 have probability 0.4 % at a rate of 5 %.
    #expect(
      above <= 11 && refuted <= 11 && found >= 90 && near >= 85,
      "\(above) \(refuted) \(found) \(near)")
  }

  @Test("no guess wrong gives the most that can be shown, by the limits of Clopper and Pearson")
  func perfect() {
    let trials = (0..<80).map { (isIncluded: $0 % 4 < 2, score: $0 % 4 < 2 ? 1.0 : 0) }
    let verdict = RepeatedVerdict(
      on: trials, delta: 0, claim: PrivacyClaim(points: []), significance: 0.05)
    #expect(verdict.positives == 20 && verdict.truePositives == 20 && verdict.falsePositives == 0)
    // Both rates are at most 1 − 0.025^(1/20).
    let limit = 1 - pow(0.025, 1.0 / 20)
    #expect(abs(verdict.lowerBound - log((1 - limit) / limit)) < 1e-9)
    #expect(verdict.lowerBound == verdict.bestPossible)
    let silent = RepeatedVerdict(
      on: [(true, 1), (true, 1)], delta: 0, claim: PrivacyClaim(points: []), significance: 0.05)
    #expect(silent.lowerBound == 0 && !silent.refutesClaim)
  }
}
