// The noise modes inside a client and a run: exact sums against a twin in integers, the law of the noise
// in every group, and what a run says of its randomness.

import Federation
import Foundation
import Kernels
import Learning
import Privacy
import Scenarios
import Testing

@Suite("Noise modes")
struct NoiseModeTests {
  let source = TwoClouds(count: 40)
  let plan: TrainingPlan
  let network: Network
  let start: [Float]

  init() throws {
    plan = try TrainingPlan(architecture: .mlp(inputs: 5, hidden: [4], classes: 2))
    network = Network(plan: plan)
    start = plan.architecture.initialParameters(seed: 1)
  }

  private func work(
    _ mode: Scenario.Privacy.Noise, seed: UInt64 = 7, rate: Double = 0.25, steps: Int = 3
  ) -> LocalWork {
    var work = LocalWork(
      seed: seed, round: 2, client: 3, start: start, batches: .poisson(rate: rate, steps: steps),
      learningRate: 0.3, privacy: (0.5, 1.3))
    work.noise = NoiseMaking(mode: mode)
    return work
  }

  @Test(
    "exact steps are sums of integers: each gradient rounded towards zero, one discrete Gaussian")
  func exact() throws {
    let task = work(.exact)
    let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
    // The noise is 0.65: a pitch of 2⁻²⁰ and 681,575 pitches, rounded up.
    let (pitch, deviation) = (0x1p-20, UInt64((0.65 * 0x1p20).rounded(.up)))
    var theta = start
    for step in 0..<3 {
      network.load(trainable: theta)
      var sum = [Int64](repeating: 0, count: theta.count)
      for position in LocalTraining.sample(40, rate: 0.25, work: task, step: step) {
        var single = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(
          of: source, at: [position], clipping: .flat(maxGradNorm: 0.5), to: &single)
        for i in sum.indices { sum[i] += Int64((Double(single[i]) / pitch).rounded(.towardZero)) }
      }
      var stream = RandomStream(seed: 7, purpose: .gradientNoise, round: 2, client: 3, step: step)
      for i in theta.indices {
        let noise = DiscreteGaussian.sample(standardDeviation: deviation, using: &stream)
        theta[i] -= Float(0.3) / 10 * Float(Double(sum[i] + noise) * pitch)
      }
    }
    for i in theta.indices { #expect(abs(outcome.delta[i] - (theta[i] - start[i])) < 1e-6) }
    #expect(
      outcome.entries == [
        .gaussian(
          round: 3, client: 3, noiseMultiplier: 1.3, sampleRate: 0.25, maxGradNorm: 0.5,
          sensitivity: 0.5, count: 3)
      ])
  }

  @Test(
    "in every mode each group's noise has its own deviation, and no element shares it with another",
    arguments: Scenario.Privacy.Noise.allCases)
  func groups(_ mode: Scenario.Privacy.Noise) throws {
    let clipping = try scenario(
      #"model={"name": "mlp", "hidden": [4]}"#,
      #"privacy.clipping={"name": "per-layer", "thresholds": [1, 3], "noise_allocation": "equal-budget"}"#
    ).privacy.clipping
    let draws = 400
    var deltas: [[Double]] = []
    for seed in 0..<draws {
      // Next to no examples: what is left is noise, −0.3 / 40e-9 times it.
      var task = work(mode, seed: UInt64(seed), rate: 1e-9, steps: 1)
      task.rule = try clipping.rule(for: plan)
      let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
      #expect(outcome.statistics.examples == 0)
      deltas.append(outcome.delta.map { Double($0) / -(0.3 / 40e-9) })
    }
    // Bounds 0.5/√10 and 1.5/√10; equal budget multiplies by 1.3 √2.
    for (range, bound) in [(0..<24, 0.5), (24..<34, 1.5)] {
      let expected = 1.3 * 2.0.squareRoot() * bound / 10.0.squareRoot()
      let squares = deltas.reduce(0.0) { total, delta in
        total + delta[range].reduce(0) { $0 + $1 * $1 }
      }
      let count = Double(draws * range.count)
      let deviation = (squares / count).squareRoot()
      // The relative standard error of a standard deviation is 1/√(2n); six of them.
      #expect(abs(deviation / expected - 1) < 6 / (2 * count).squareRoot())
    }
    // Correlation of any two elements, six standard errors each.
    for (i, j) in [(0, 1), (0, 24), (5, 29), (9, 33), (23, 24), (0, 8), (24, 32)] {
      let product = deltas.reduce(0.0) { $0 + $1[i] * $1[j] }
      let (a, b) = (
        deltas.reduce(0.0) { $0 + $1[i] * $1[i] }, deltas.reduce(0.0) { $0 + $1[j] * $1[j] }
      )
      #expect(abs(product / (a * b).squareRoot()) < 6 / Double(draws).squareRoot())
    }
  }

  @Test("the modes differ, each repeats with its seed, and none with the system's randomness")
  func streams() throws {
    func delta(_ mode: Scenario.Privacy.Noise, usesSystem: Bool = false) throws -> [Float] {
      var task = work(mode)
      task.noise = NoiseMaking(mode: mode, usesSystem: usesSystem)
      return try LocalTraining.run(task, on: source, features: nil, network: network).delta
    }
    var seen: Set<[Float]> = []
    for mode in Scenario.Privacy.Noise.allCases {
      let once = try delta(mode)
      #expect(try delta(mode) == once)
      seen.insert(once)
      guard mode != .fast else { continue }
      for _ in 0..<3 { seen.insert(try delta(mode, usesSystem: true)) }
    }
    #expect(seen.count == 9)
  }
}

@Suite("Runs with other noise")
struct NoiseRunTests {
  @Test(
    "seeded noise of every mode repeats for any number of workers, within budget",
    arguments: ["hardened", "exact"], ["example", "client"])
  func seeded(_ mode: String, _ unit: String) async throws {
    func with(_ mode: String) throws -> Scenario {
      try scenario(
        "privacy.noise=\(mode)", "privacy.randomness=seeded", "privacy.unit=\(unit)", "rounds=3",
        "privacy.accountant=rdp",
        #"method={"name": "ifca"}"#)
    }
    let once = try await run(try with(mode), workers: 1).result
    let again = try await run(try with(mode), workers: 3).result
    #expect(once.resultDigest == again.resultDigest)
    #expect(once.isReproducible == true && once.notes.isEmpty)
    let fast = try await run(try with("fast")).result
    #expect(fast.resultDigest != once.resultDigest)
    for client in once.clients { #expect((client.epsilon ?? .infinity) <= 5) }
    #expect(once.clients.map(\.noiseMultiplier) == fast.clients.map(\.noiseMultiplier))
  }

  @Test(
    "the system's randomness is said, in the result and in a note",
    arguments: ["hardened", "exact"])
  func system(_ mode: String) async throws {
    let noisy = try scenario("privacy.noise=\(mode)", "rounds=3")
    let results = [try await run(noisy).result, try await run(noisy).result]
    #expect(results[0].resultDigest != results[1].resultDigest)
    for result in results {
      #expect(result.isReproducible == false)
      #expect(result.notes.contains { $0.contains("cannot be repeated") })
    }
    // Without privacy there is nothing to draw, and nothing to say.
    let plain = try scenario(
      "privacy.noise=\(mode)", "rounds=3", "privacy.target_epsilon=null")
    let (a, b) = (try await run(plain).result, try await run(plain).result)
    #expect(a.resultDigest == b.resultDigest && a.isReproducible == true && a.notes.isEmpty)
  }
}
