import Privacy
import TestSupport
import Testing

@Suite("Group-wise clipping")
struct GroupClippingTests {
  static let allocations: [(name: String, allocation: NoiseAllocation)] = [
    ("global", .global), ("equal_budget", .equalBudget), ("weighted", .weighted),
  ]

  @Test("closed forms", arguments: Golden.cases("groups"))
  func golden(golden: GoldenCase) throws {
    let thresholds = golden.inputs["thresholds"]?.numbers ?? []
    if let deviations = golden.inputs["noise_std"]?.numbers {
      let multiplier = GroupClipping.effectiveNoiseMultiplier(
        thresholds: thresholds, standardDeviations: deviations)
      #expect(golden.agrees(multiplier, with: "effective_noise_multiplier"))
    } else if let dimensions = golden.inputs["dims"]?.numbers?.map({ Int($0) }) {
      for (name, allocation) in Self.allocations {
        let deviations = GroupClipping.standardDeviations(
          noiseMultiplier: golden.input("sigma"), thresholds: thresholds, dimensions: dimensions,
          allocation: allocation)
        let reference = golden.outputs["std_\(name)"]?["value"]?.numbers ?? []
        #expect(reference.count == deviations.count)
        for (value, expected) in zip(deviations, reference) {
          #expect(isClose(value, expected, relative: golden.tolerance("std_\(name)")))
        }
        let multiplier = GroupClipping.effectiveNoiseMultiplier(
          thresholds: thresholds, standardDeviations: deviations)
        #expect(golden.agrees(multiplier, with: "effective_noise_multiplier_\(name)"))
        let power = GroupClipping.noisePower(dimensions: dimensions, standardDeviations: deviations)
        #expect(golden.agrees(power, with: "total_noise_power_\(name)"))
      }
    } else if golden.inputs["sigma_total"] != nil {
      let (total, noise) = (golden.input("sigma_total"), golden.input("sigma_count"))
      let groups = golden.count("groups")
      let multiplier = try PrivateQuantile.gradientNoiseMultiplier(
        total: total, countNoise: noise, groups: groups)
      #expect(golden.agrees(multiplier, with: "sigma_gradient"))
      let share = PrivateQuantile.budgetShare(total: total, countNoise: noise, groups: groups)
      #expect(golden.agrees(share, with: "budget_fraction_spent_on_quantiles"))
      let back = PrivateQuantile.countNoise(total: total, share: share, groups: groups)
      #expect(isClose(back, noise, relative: 1e-12))
    } else {
      let threshold = PrivateQuantile.updatedThreshold(
        golden.input("threshold"), fraction: golden.input("noisy_unclipped_fraction"),
        target: golden.input("target_quantile"), rate: golden.input("eta"))
      #expect(golden.agrees(threshold, with: "new_threshold"))
    }
  }

  @Test("every allocation has the asked multiplier, and the optimal one the least power")
  func optimum() {
    let (thresholds, dimensions) = ([0.3, 1.1, 0.05, 2], [400, 20, 9000, 3])
    let powers = NoiseAllocation.allCases.map { allocation in
      let deviations = GroupClipping.standardDeviations(
        noiseMultiplier: 1.3, thresholds: thresholds, dimensions: dimensions, allocation: allocation
      )
      let multiplier = GroupClipping.effectiveNoiseMultiplier(
        thresholds: thresholds, standardDeviations: deviations)
      #expect(isClose(multiplier, 1.3, relative: 1e-12))
      return GroupClipping.noisePower(dimensions: dimensions, standardDeviations: deviations)
    }
    let bound = zip(thresholds, dimensions).reduce(0) { $0 + Double($1.1).squareRoot() * $1.0 }
    #expect(powers.min() == powers.last)
    #expect(isClose(powers.last ?? 0, 1.69 * bound * bound, relative: 1e-12))
  }

  @Test("counts that cost more than the step are refused")
  func refusal() {
    #expect(throws: AccountingError.self) {
      try PrivateQuantile.gradientNoiseMultiplier(total: 2, countNoise: 1, groups: 1)
    }
  }

  @Test("gradients and counts in one sampled step cost what the total says")
  func jointStep() throws {
    let gradient = try PrivateQuantile.gradientNoiseMultiplier(
      total: 1.1, countNoise: 8, groups: 4)
    // Four counts of sensitivity ½ each: L2 sensitivity 1, noise 8.
    let step = PrivacyEvent.poissonSampled(
      sampleRate: 0.01,
      event: .composed([.gaussian(noiseMultiplier: gradient), .gaussian(noiseMultiplier: 8)]))
    let joint = try RDPAccountant().epsilon(
      of: .selfComposed(event: step, count: 500), delta: 1e-5)
    let total = try RDPAccountant().epsilon(
      of: .trainingSteps(sampleRate: 0.01, noiseMultiplier: 1.1, count: 500), delta: 1e-5)
    #expect(isClose(joint, total, relative: 1e-10))
  }
}
