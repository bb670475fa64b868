// The gate for groups: noise per group against the closed forms and golden values, and what a release
// with counts really costs.

import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Release gate for groups")
struct GroupReleaseTests {
  private static func groups(_ bounds: [Double], _ sizes: [Int]) -> [SumGroup] {
    var start = 0
    return zip(bounds, sizes).map { bound, size in
      defer { start += size }
      return SumGroup(ranges: [start..<start + size], maxGradNorm: Float(bound))
    }
  }

  @Test(
    "noise per group is that of the golden closed forms", arguments: ["groups-005", "groups-006"])
  func golden(_ id: String) throws {
    let golden = try #require(Golden.cases("groups").first { $0.id == id })
    let sizes = (golden.inputs["dims"]?.numbers ?? []).map { Int($0) }
    let groups = Self.groups(golden.inputs["thresholds"]?.numbers ?? [], sizes)
    for (name, allocation) in [
      ("global", NoiseAllocation.global), ("equal_budget", .equalBudget), ("weighted", .weighted),
    ] {
      let mechanism = GroupMechanism(
        noiseMultiplier: golden.input("sigma"), allocation: allocation)
      let deviations = mechanism.standardDeviations(of: groups)
      let reference = golden.outputs["std_\(name)"]?["value"]?.numbers ?? []
      #expect(reference.count == deviations.count)
      for (deviation, expected) in zip(deviations, reference) {
        // Thresholds are Floats here; 0.3 is not one.
        #expect(isClose(Double(deviation), expected, relative: 2e-7))
      }
    }
  }

  @Test("a release is never weaker than it is accounted, with and without counts")
  func neverWeaker() {
    var generator = TestGenerator(seed: 8)
    for _ in 0..<2_000 {
      let multiplier = Double.random(in: 0.05...30, using: &generator)
      let count = Int.random(in: 1...9, using: &generator)
      let groups = Self.groups(
        (0..<count).map { _ in Double.random(in: 1e-4...50, using: &generator) },
        (0..<count).map { _ in Int.random(in: 1...9_999, using: &generator) })
      let share =
        Bool.random(using: &generator) ? Double.random(in: 1e-6...0.5, using: &generator) : nil
      for allocation in NoiseAllocation.allCases {
        let mechanism = GroupMechanism(
          noiseMultiplier: multiplier, allocation: allocation, countShare: share)
        // Every group and every count, rescaled to its own noise.
        var precision = zip(groups, mechanism.standardDeviations(of: groups)).reduce(0.0) {
          $0 + (Double($1.0.maxGradNorm) / Double($1.1)) * (Double($1.0.maxGradNorm) / Double($1.1))
        }
        if let deviation = mechanism.countStandardDeviation(groups: count) {
          precision += Double(count) * (0.5 / deviation) * (0.5 / deviation)
        }
        let effective = 1 / precision.squareRoot()
        #expect(effective >= multiplier)
        #expect(effective <= multiplier * (1 + 1e-6))
      }
    }
  }

  @Test("counts take their share of the budget", arguments: [0.001, 0.01, 0.3])
  func share(_ share: Double) throws {
    let mechanism = GroupMechanism(
      noiseMultiplier: 1.3, allocation: .global, countShare: share)
    let counts = try #require(mechanism.countStandardDeviation(groups: 5))
    #expect(
      isClose(
        counts, PrivateQuantile.countNoise(total: 1.3, share: share, groups: 5), relative: 1e-6))
    let gradient = try PrivateQuantile.gradientNoiseMultiplier(
      total: 1.3, countNoise: counts, groups: 5)
    #expect(isClose(mechanism.sumNoiseMultiplier, gradient, relative: 1e-6))
  }

  @Test("each range gets its group's noise once, each count its own")
  func release() {
    let groups = [
      SumGroup(ranges: [0..<2, 4..<5], maxGradNorm: 1), SumGroup(ranges: [2..<4], maxGradNorm: 2),
    ]
    let mechanism = GroupMechanism(
      noiseMultiplier: 2, allocation: .equalBudget, countShare: 0.25)
    let deviations = mechanism.standardDeviations(of: groups)
    let sum = mechanism.release(ClippedGroups(values: [1, 1, 1, 1, 1], groups: groups)) {
      values, range, deviation in
      for i in range { values[i] += deviation }
    }
    let (a, b) = (1 + deviations[0], 1 + deviations[1])
    #expect(sum.value == [a, a, b, b, a])
    let counts = mechanism.release(CentredCounts(values: [3, -2.5])) { group, deviation in
      Double(group) + deviation
    }
    let noise = mechanism.countStandardDeviation(groups: 2) ?? 0
    #expect(counts.value == [3 + noise, -1.5 + noise])
    #expect(mechanism.event == .gaussian(noiseMultiplier: 2))
  }

  @Test("an entry with counts costs what its joint multiplier costs, and keeps both numbers")
  func entry() throws {
    let entry = LedgerEntry.gaussian(
      round: 1, client: 2, noiseMultiplier: 1.1, sampleRate: 0.02, maxGradNorm: 1, sensitivity: 1,
      thresholdNoiseMultiplier: 11, count: 30)
    #expect(
      entry.event == .trainingSteps(sampleRate: 0.02, noiseMultiplier: 1.1, count: 30))
    var ledger = PrivacyLedger()
    ledger.append(entry)
    ledger.append(
      .gaussian(
        round: 1, client: 2, noiseMultiplier: 1.1, sampleRate: 0.02, maxGradNorm: 1, sensitivity: 1)
    )
    #expect(ledger.entries.count == 2)
    #expect(try PrivacyLedger(jsonLines: ledger.jsonLines()) == ledger)
    let lines = String(decoding: try ledger.jsonLines(), as: UTF8.self)
    #expect(lines.components(separatedBy: "threshold_noise_multiplier").count == 2)
  }
}
