import Privacy
import TestSupport
import Testing

@Suite("Individual accounting")
struct IndividualAccountantTests {
  @Test("an example with a known norm schedule", arguments: Golden.cases("individual"))
  func golden(golden: GoldenCase) throws {
    let name = "eps_rdp_improved[opacus]"
    var individual = IndividualAccountant(
      exampleCount: 2, orders: Golden.accountant(.improved, grid: "opacus").orders)
    var total = 0
    guard case .list(let schedule)? = golden.inputs["schedule"], !schedule.isEmpty else {
      Issue.record("the case has no schedule")
      return
    }
    for part in schedule {
      let steps = Int(part["count"]?.number ?? 0)
      let level = Int(((part["norm_over_C"]?.number ?? 0) * 100).rounded())
      try individual.record(
        levels: [level, 100], sampleRate: golden.input("q"), noiseMultiplier: golden.input("sigma"),
        steps: steps)
      total += steps
    }
    let delta = golden.input("delta")
    let epsilons = individual.epsilons(delta: delta)
    #expect(golden.agrees(epsilons[0], with: name), "\(epsilons)")
    // Nobody exceeds the ordinary guarantee, which is that of the full norm.
    let worst = try Golden.accountant(.improved, grid: "opacus").epsilon(
      of: .trainingSteps(
        sampleRate: golden.input("q"), noiseMultiplier: golden.input("sigma"), count: total),
      delta: delta)
    #expect(isClose(epsilons[1], worst, relative: 1e-12))
    #expect(epsilons[0] <= worst * (1 + 1e-12))
  }

  @Test("norms are rounded up to hundredths of the clip norm")
  func levels() {
    for clip in [Float(1), 0.7, 3.3, 1e-20, 1e20] {
      for hundredth in 0...100 {
        let norm = clip * Float(hundredth) / 100
        let level = IndividualAccountant.level(norm: norm, maxGradNorm: clip)
        #expect(Double(level) * Double(clip) / 100 >= Double(norm) * (1 - 1e-15))
        #expect(level - hundredth == 0 || level - hundredth == 1)
      }
    }
    #expect(IndividualAccountant.level(norm: 0, maxGradNorm: 1) == 0)
    #expect(IndividualAccountant.level(norm: .leastNonzeroMagnitude, maxGradNorm: 1) == 1)
    #expect(IndividualAccountant.level(norm: 5, maxGradNorm: 1) == 100)
    #expect(IndividualAccountant.level(norm: .nan, maxGradNorm: 1) == 100)
  }

  @Test("selections concern every example, and no release costs nothing")
  func selections() throws {
    var individual = IndividualAccountant(exampleCount: 3)
    try individual.record(levels: [0, 50, 100], sampleRate: 0.02, noiseMultiplier: 1, steps: 300)
    let before = individual.epsilons(delta: 1e-5)
    #expect(before[0] == 0)
    #expect(before[0] < before[1] && before[1] < before[2])
    try individual.record(.selfComposed(event: .exponentialMechanism(epsilon: 0.1), count: 10))
    for (old, new) in zip(before, individual.epsilons(delta: 1e-5)) { #expect(new > old) }
  }
}
