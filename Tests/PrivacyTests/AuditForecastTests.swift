// Forecasts of an audit's power against audits that are drawn.

import Foundation
import Kernels
import Privacy
import Testing

@Suite("Forecast of an audit")
struct AuditForecastTests {
  @Test(
    "audits of a Gaussian mechanism show on average what was forecast",
    arguments: [(0.8, 1e-5), (3, 1e-4)])
  func drawn(mu: Double, delta: Double) throws {
    let epsilon = try GDPAccountant().epsilon(
      of: .gaussian(noiseMultiplier: 1 / mu), delta: delta)
    let forecast = AuditForecast(
      canaries: 300, claimedEpsilon: epsilon, delta: delta, significance: 0.05)
    var (bound, gaussian) = (0.0, 0.0)
    let runs = 8
    for seed in 0..<runs {
      var stream = RandomStream(seed: UInt64(seed), purpose: .test)
      let canaries = (0..<300).map { _ in
        let isIncluded = stream.next() & 1 == 1
        return (isIncluded: isIncluded, score: (isIncluded ? mu : 0) + stream.nextGaussian())
      }
      let verdict = OneRunAudit.verdict(
        on: canaries, delta: delta, claim: PrivacyClaim(points: []))
      bound += verdict.lowerBound / Double(runs)
      gaussian += verdict.gaussianLowerBound / Double(runs)
    }
    #expect(abs(bound - forecast.lowerBound) < 0.15 * epsilon, "\(bound) \(forecast)")
    #expect(abs(gaussian - forecast.gaussianLowerBound) < 0.15 * epsilon, "\(gaussian) \(forecast)")
    #expect(forecast.lowerBound <= forecast.bestPossible)
    #expect(forecast.gaussianLowerBound < epsilon)
    #expect(forecast.bestPossible == OneRunAudit.bestPossible(canaries: 300, delta: delta))
  }

  @Test("more canaries show more, and a claim of nothing shows nothing")
  func monotone() {
    func forecast(_ canaries: Int, _ epsilon: Double) -> AuditForecast {
      AuditForecast(canaries: canaries, claimedEpsilon: epsilon, delta: 1e-6, significance: 0.01)
    }
    #expect(forecast(1600, 4).gaussianLowerBound > forecast(400, 4).gaussianLowerBound)
    #expect(forecast(1600, 4).bestPossible > forecast(400, 4).bestPossible)
    #expect(forecast(400, 1e-3).gaussianLowerBound == 0 && forecast(400, 1e-3).lowerBound == 0)
  }

  @Test("what so many canaries can show at most is held down by δ, and then more of them show less")
  func reach() {
    func reach(_ canaries: Int, _ delta: Double) -> AuditReach {
      AuditReach(canaries: canaries, delta: delta, significance: 0.05 / 12)
    }
    let none = reach(320, 1e-3)
    #expect(none.bestPossible == 0 && none.bestCanaries == nil && none.furthest == 0)
    #expect(none.isLimitedByDelta && !none.growsWithCanaries && none.sufficientDelta == 1e-5)
    let sound = reach(400, 1e-5)
    #expect(!sound.isLimitedByDelta && sound.growsWithCanaries && sound.sufficientDelta == nil)
    #expect(sound.bestPossible > 3.7 && sound.bestPossible < 4)
    let many = reach(6400, 1e-5)
    #expect(many.isLimitedByDelta && !many.growsWithCanaries && many.bestCanaries == 512)
    #expect(many.furthest > many.bestPossible && many.sufficientDelta == 1e-6)
    #expect(many.furthest == reach(512, 1e-5).bestPossible)
    // Too few of them show nothing at any δ.
    let few = reach(8, 1e-9)
    #expect(few.bestPossible == 0 && !few.isLimitedByDelta && few.growsWithCanaries)
  }
}
