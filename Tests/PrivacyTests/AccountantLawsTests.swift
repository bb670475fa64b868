// Laws that hold for every plan, on random plans: the accountants must agree with each other and with common
// sense far from the reference values too.

import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Laws of accounting")
struct AccountantLawsTests {
  /// A random run of the kind that both accountants can interpret.
  private struct Run {
    var sampleRate: Double
    var noiseMultiplier: Double
    var steps: Int
    var delta: Double

    init(using generator: inout TestGenerator) {
      func unit() -> Double { Double.random(in: 0..<1, using: &generator) }
      sampleRate = pow(10, -3.5 * unit())
      noiseMultiplier = 0.5 * pow(10, unit())
      steps = 1 + Int(pow(10, 3.7 * unit()))
      delta = pow(10, -3 - 6 * unit())
    }

    var event: PrivacyEvent {
      .trainingSteps(sampleRate: sampleRate, noiseMultiplier: noiseMultiplier, count: steps)
    }
  }

  private static func laws(
    _ accountant: any PrivacyAccountant, runs: Int, seed: UInt64, slack: Double
  ) throws {
    var generator = TestGenerator(seed: seed)
    for _ in 0..<runs {
      let run = Run(using: &generator)
      func epsilon(_ change: (inout Run) -> Void) throws -> Double {
        var changed = run
        change(&changed)
        return try accountant.epsilon(of: changed.event, delta: changed.delta)
      }
      let base = try epsilon { _ in }
      #expect(try epsilon { $0.noiseMultiplier *= 1.2 } <= base * (1 + slack), "noise \(run)")
      #expect(try epsilon { $0.steps *= 2 } >= base * (1 - slack), "steps \(run)")
      #expect(
        try epsilon { $0.sampleRate = min(1, $0.sampleRate * 1.2) } >= base * (1 - slack),
        "rate \(run)")
      #expect(try epsilon { $0.delta *= 2 } <= base * (1 + slack), "delta \(run)")
    }
  }

  @Test("Rényi epsilon falls with noise and delta, rises with steps and rate")
  func monotoneRDP() throws {
    try Self.laws(RDPAccountant(), runs: 300, seed: 1, slack: 1e-9)
  }

  @Test("loss-distribution epsilon does too, up to its grid")
  func monotonePLD() throws {
    try Self.laws(PLDAccountant(), runs: 12, seed: 2, slack: 3e-4)
  }

  @Test("pessimistic is above the exact Gaussian, optimistic below")
  func sandwich() throws {
    var generator = TestGenerator(seed: 3)
    for _ in 0..<40 {
      let run = Run(using: &generator)
      // A Gaussian taken once, so that rounding losses down costs one grid step at most.
      let event = PrivacyEvent.gaussian(noiseMultiplier: run.noiseMultiplier)
      let exact = try GDPAccountant().epsilon(of: event, delta: run.delta)
      let above = try PLDAccountant().epsilon(of: event, delta: run.delta)
      let below = try PLDAccountant(estimate: .optimistic).epsilon(of: event, delta: run.delta)
      #expect(above >= exact && above <= exact * (1 + 1e-3) + 1e-9, "\(run)")
      #expect(below <= exact && below >= exact - 2e-3, "\(run)")
      let renyi = try RDPAccountant().epsilon(of: event, delta: run.delta)
      #expect(renyi >= exact)
      #expect(try BestAccountant().bound(for: event, delta: run.delta).accountant == .gdp)
    }
  }

  @Test("many small full-batch steps agree with the exact Gaussian down to minute delta")
  func minuteDelta() throws {
    // A rate just below 1 forces sixty-four separate factors through the transform.
    let event = PrivacyEvent.trainingSteps(
      sampleRate: 1 - 1e-12, noiseMultiplier: 8, count: 64)
    for exponent in stride(from: -4.0, through: -30, by: -2) {
      let delta = pow(10, exponent)
      let exact = try GDPAccountant().epsilon(of: .gaussian(noiseMultiplier: 1), delta: delta)
      let epsilon = try PLDAccountant().epsilon(of: event, delta: delta)
      #expect(epsilon >= exact * (1 - 1e-9), "\(delta) \(epsilon) \(exact)")
      #expect(epsilon <= exact * (1 + 2e-4), "\(delta) \(epsilon) \(exact)")
    }
  }

  @Test("the loss-distribution bound is not above the Rényi bound for random runs")
  func tightness() throws {
    var generator = TestGenerator(seed: 4)
    for _ in 0..<30 {
      let run = Run(using: &generator)
      let renyi = try RDPAccountant().epsilon(of: run.event, delta: run.delta)
      let loss = try PLDAccountant().epsilon(of: run.event, delta: run.delta)
      #expect(loss <= renyi * (1 + 1e-4), "\(run) \(loss) \(renyi)")
    }
  }

  @Test("calibrating with loss distributions never exceeds the target")
  func calibration() throws {
    var generator = TestGenerator(seed: 6)
    var reached = 0
    for _ in 0..<6 {
      let plan = RandomPlan(using: &generator)
      do {
        let calibrated = try Calibration.calibrate(
          targetEpsilon: plan.targetEpsilon, delta: plan.delta, accountant: PLDAccountant(),
          plan: plan.event(noiseMultiplier:))
        let epsilon = try PLDAccountant().epsilon(
          of: plan.event(noiseMultiplier: calibrated.noiseMultiplier), delta: plan.delta)
        #expect(epsilon <= plan.targetEpsilon, "\(plan)")
        reached += 1
      } catch AccountingError.unreachableBudget {
        continue
      }
    }
    #expect(reached >= 5)
  }
}
