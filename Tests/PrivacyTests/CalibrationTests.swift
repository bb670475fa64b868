import Foundation
import Privacy
import TestSupport
import Testing

/// A random plan of the shape that runs have: full-batch steps, sampled steps, selections.
struct RandomPlan: Sendable {
  var sampleRate: Double
  var steps: Int
  var fullBatchSteps: Int
  var selectionEpsilon: Double
  var selections: Int
  var delta: Double
  var targetEpsilon: Double

  init(using generator: inout TestGenerator) {
    func unit() -> Double { Double.random(in: 0..<1, using: &generator) }
    func power(_ exponent: Double) -> Double { pow(10, exponent) }
    sampleRate = unit() < 0.1 ? 1 : power(-4 * unit())
    steps = 1 + Int(power(4 * unit()))
    fullBatchSteps = unit() < 0.5 ? 0 : 1 + Int(5 * unit())
    delta = power(-3 - 6 * unit())
    targetEpsilon = power(-0.7 + 2 * unit())
    selections = unit() < 0.5 ? 0 : 1 + Int(20 * unit())
    selectionEpsilon = 0.02 * targetEpsilon * unit() + 1e-4
  }

  func event(noiseMultiplier: Double) -> PrivacyEvent {
    .composed([
      .trainingSteps(sampleRate: 1, noiseMultiplier: noiseMultiplier, count: fullBatchSteps),
      .trainingSteps(sampleRate: sampleRate, noiseMultiplier: noiseMultiplier, count: steps),
      .selfComposed(event: .exponentialMechanism(epsilon: selectionEpsilon), count: selections),
    ])
  }
}

@Suite("Calibration")
struct CalibrationTests {
  static func plan(_ golden: GoldenCase, noiseMultiplier: Double) -> PrivacyEvent {
    guard case .list(let steps)? = golden.inputs["steps"] else { return .nonPrivate }
    return .composed(
      steps.map {
        .trainingSteps(
          sampleRate: $0["q"]?.number ?? .nan, noiseMultiplier: noiseMultiplier,
          count: Int($0["count"]?.number ?? -1))
      })
  }

  @Test("noise multipliers for targets", arguments: Golden.cases("calibrated_sigma"))
  func golden(golden: GoldenCase) throws {
    for conversion in RDPConversion.allCases {
      let name = "sigma_rdp_\(conversion.rawValue)[wide]"
      let accountant = Golden.accountant(conversion, grid: "wide")
      let calibrated = try Calibration.calibrate(
        targetEpsilon: golden.input("target_eps"), delta: golden.input("delta"),
        accountant: accountant
      ) { Self.plan(golden, noiseMultiplier: $0) }
      #expect(golden.agrees(calibrated.noiseMultiplier, with: name), "\(name) \(calibrated)")
      #expect(calibrated.bound.epsilon <= golden.input("target_eps"))
    }
  }

  @Test("calibrating and then accounting never exceeds the target, on 10,000 random plans")
  func neverExceeds() throws {
    var stream = TestGenerator(seed: 20_240_611)
    let accountant = RDPAccountant()
    var reached = 0
    for _ in 0..<10_000 {
      let plan = RandomPlan(using: &stream)
      do {
        let calibrated = try Calibration.calibrate(
          targetEpsilon: plan.targetEpsilon, delta: plan.delta, accountant: accountant,
          plan: plan.event(noiseMultiplier:))
        let multiplier = calibrated.noiseMultiplier
        let epsilon = try accountant.epsilon(
          of: plan.event(noiseMultiplier: multiplier), delta: plan.delta)
        guard epsilon <= plan.targetEpsilon else {
          Issue.record("\(plan) at \(multiplier) costs \(epsilon)")
          return
        }
        guard Double(Float(multiplier)) == multiplier else {
          Issue.record("\(multiplier) is not a Float")
          return
        }
        // Smallest: a hundred-thousandth less noise costs more than the target.
        if reached % 50 == 0, multiplier > Calibration.smallestNoiseMultiplier {
          let less = try accountant.epsilon(
            of: plan.event(noiseMultiplier: multiplier * (1 - 1e-5)), delta: plan.delta)
          #expect(less > plan.targetEpsilon, "\(plan) needs less than \(multiplier)")
        }
        reached += 1
      } catch AccountingError.unreachableBudget {
        continue
      }
    }
    #expect(reached > 9_500)
  }

  @Test(
    "selections that alone exceed the target make the budget unreachable",
    arguments: [AccountantKind.rdp, .pld, .best])
  func unreachable(kind: AccountantKind) {
    let error = #expect(throws: AccountingError.self) {
      try Calibration.calibrate(targetEpsilon: 0.5, delta: 1e-5, accountant: kind.accountant) {
        .composed([
          .trainingSteps(sampleRate: 0.01, noiseMultiplier: $0, count: 1000),
          .selfComposed(event: .exponentialMechanism(epsilon: 0.3), count: 20),
        ])
      }
    }
    guard case .unreachableBudget(let target, let epsilon, let noiseMultiplier)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(target == 0.5 && epsilon > 0.5)
    #expect(noiseMultiplier == Calibration.largestNoiseMultiplier)
  }

  @Test("targets out of range are refused, and delta 0 is never reached")
  func invalidTargets() {
    #expect(throws: AccountingError.self) {
      try Calibration.calibrate(targetEpsilon: 0, delta: 1e-5, accountant: RDPAccountant()) {
        .gaussian(noiseMultiplier: $0)
      }
    }
    #expect(throws: AccountingError.self) {
      try Calibration.calibrate(targetEpsilon: 1, delta: 0, accountant: RDPAccountant()) {
        .gaussian(noiseMultiplier: $0)
      }
    }
  }

  @Test("a plan that is cheap at the smallest multiplier gets the smallest multiplier")
  func cheap() throws {
    let calibrated = try Calibration.calibrate(
      targetEpsilon: 5000, delta: 1e-5, accountant: RDPAccountant()
    ) { .gaussian(noiseMultiplier: $0) }
    #expect(calibrated.noiseMultiplier == Double(Float(roundedUp: 0.05)))
    #expect(calibrated.bound.epsilon <= 5000)
  }
}
