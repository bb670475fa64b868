// Group-wise clipping inside a client against a loop that follows its definition, thresholds that find
// their quantiles, and whole runs.

import Federation
import Foundation
import Kernels
import Learning
import Privacy
import Scenarios
import Testing

/// Clipping as a scenario names it, of an mlp with two layers.
private func clipping(_ json: String) throws -> Scenario.Privacy.Clipping {
  try scenario(#"model={"name": "mlp", "hidden": [4]}"#, "privacy.clipping=\(json)").privacy
    .clipping
}

@Suite("Group-wise clipping in training")
struct GroupThresholdsTests {
  let source = TwoClouds(count: 60)
  let plan: TrainingPlan
  let network: Network
  let start: [Float]

  init() throws {
    plan = try TrainingPlan(architecture: .mlp(inputs: 5, hidden: [4], classes: 2))
    network = Network(plan: plan)
    start = plan.architecture.initialParameters(seed: 1)
  }

  private func work(_ json: String, steps: Int, noiseMultiplier: Double = 1.3) throws -> LocalWork {
    var work = LocalWork(
      seed: 7, round: 2, client: 3, start: start, batches: .poisson(rate: 0.25, steps: steps),
      learningRate: 0.3, privacy: (0.5, noiseMultiplier))
    work.rule = try clipping(json).rule(for: plan)
    return work
  }

  private func gradient(_ position: Int) -> [Float] {
    var gradient = [Float](repeating: 0, count: start.count)
    _ = network.addClippedSum(of: source, at: [position], clipping: .none, to: &gradient)
    return gradient
  }

  private func length(_ values: some Sequence<Float>) -> Double {
    values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test(
    "adaptive steps equal the definition: clip by the old thresholds, count, noise, then move them",
    arguments: ["global", "equal-budget", "weighted", "power-optimal"])
  func definition(_ allocation: String) throws {
    let task = try work(
      """
      {"name": "per-layer-adaptive", "thresholds": [3, 4], "noise_allocation": "\(allocation)",
       "target_quantile": 0.6, "threshold_learning_rate": 0.2, "budget_share": 0.04}
      """, steps: 4)
    let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)

    let groups = [0..<24, 24..<34]
    #expect(start.count == 34)
    var theta = start
    // 3 : 4, together 0.5.
    var estimates = [0.3, 0.4]
    for step in 0..<4 {
      let scale = 0.5 / (estimates[0] * estimates[0] + estimates[1] * estimates[1]).squareRoot()
      let bounds = estimates.map { $0 * scale }
      network.load(trainable: theta)
      var sum = [Double](repeating: 0, count: 34)
      var counts = [0.0, 0.0]
      for position in LocalTraining.sample(60, rate: 0.25, work: task, step: step) {
        let single = gradient(position)
        for k in 0..<2 {
          let norm = length(single[groups[k]])
          for i in groups[k] { sum[i] += min(1, bounds[k] / norm) * Double(single[i]) }
          counts[k] += norm <= estimates[k] ? 0.5 : -0.5
        }
      }
      // A share r of 1/1.3² for two counts of sensitivity ½ each, the rest for the sum.
      let sumMultiplier = 1.3 / 0.96.squareRoot()
      let countDeviation = 1.3 * 2.0.squareRoot() / (2 * 0.2)
      let deviations = GroupClipping.standardDeviations(
        noiseMultiplier: sumMultiplier, thresholds: bounds, dimensions: [24, 10],
        allocation: try #require(NoiseAllocation(rawValue: allocation)))
      var unit = [Float](repeating: 0, count: 34)
      GaussianNoise.add(
        to: &unit, standardDeviation: 1, seed: 7, purpose: .gradientNoise, round: 2, client: 3,
        step: step)
      for k in 0..<2 {
        for i in groups[k] {
          theta[i] -= Float(0.3 / 15 * (sum[i] + deviations[k] * Double(unit[i])))
        }
      }
      var stream = RandomStream(seed: 7, purpose: .thresholdNoise, round: 2, client: 3, step: step)
      for k in 0..<2 {
        let noisy = counts[k] + countDeviation * stream.nextGaussian()
        estimates[k] *= exp(-0.2 * (noisy / 15 + 0.5 - 0.6))
      }
    }
    for i in theta.indices { #expect(abs(outcome.delta[i] - (theta[i] - start[i])) < 2e-5) }
    let released = try #require(outcome.thresholds)
    for k in 0..<2 { #expect(abs(Double(released[k]) - estimates[k]) < 1e-5 * estimates[k]) }
    let counts = try #require(outcome.entries.first?.thresholdNoiseMultiplier)
    #expect(abs(counts - 1.3 / 0.2) < 1e-5)
    #expect(
      outcome.entries == [
        .gaussian(
          round: 3, client: 3, noiseMultiplier: 1.3, sampleRate: 0.25, maxGradNorm: 0.5,
          sensitivity: 0.5, thresholdNoiseMultiplier: counts, count: 4)
      ])
  }

  @Test(
    "fixed thresholds keep their proportions, make max_grad_norm together, and release no counts")
  func fixed() throws {
    let task = try work(#"{"name": "per-layer", "thresholds": [10, 24]}"#, steps: 3)
    let groups = try #require(
      GroupThresholds(task.rule, maxGradNorm: 0.5, noiseMultiplier: 1, start: nil))
    let bounds = groups.maxGradNorms
    #expect(length(bounds) <= 0.5 && length(bounds) > 0.4999)
    #expect(abs(bounds[1] / bounds[0] - 2.4) < 1e-5)
    let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
    #expect(outcome.thresholds == nil)
    #expect(outcome.entries.first?.thresholdNoiseMultiplier == nil)
  }

  @Test("whatever the estimates are, the bounds together never exceed max_grad_norm")
  func bounded() throws {
    let rule = try work(#"{"name": "per-layer-adaptive"}"#, steps: 1).rule
    var stream = RandomStream(seed: 2, purpose: .test)
    for _ in 0..<2_000 {
      let start = (0..<2).map { _ in Float(exp(8 * stream.nextGaussian())) }
      let bound = Float(exp(2 * stream.nextGaussian()))
      let groups = try #require(
        GroupThresholds(rule, maxGradNorm: bound, noiseMultiplier: 1, start: start))
      #expect(length(groups.maxGradNorms) <= Double(bound))
    }
  }

  @Test("with little noise the thresholds find the target quantile of each group's norms")
  func quantiles() throws {
    for target in [0.3, 0.5, 0.8] {
      var task = try work(
        """
        {"name": "per-layer-adaptive", "target_quantile": \(target), "budget_share": 0.5,
         "threshold_learning_rate": 0.05}
        """, steps: 800, noiseMultiplier: 0.01)
      // A learning rate of nothing, so that the gradients stay what they are.
      task = LocalWork(
        seed: 7, round: 2, client: 3, start: start, batches: .full(steps: 800),
        learningRate: 1e-12, privacy: (0.5, 0.01)
      ).adopting(task.rule)
      let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
      let thresholds = try #require(outcome.thresholds)
      network.load(trainable: start)
      let gradients = (0..<60).map(gradient)
      for (threshold, range) in zip(thresholds, [0..<24, 24..<34]) {
        let within = gradients.count { length($0[range]) <= Double(threshold) }
        // One example is 1/60; the last step may have crossed one norm.
        #expect(abs(Double(within) / 60 - target) < 0.05)
      }
    }
  }

  @Test("an equal start means the flat rule's noise, and other noise for other allocations")
  func allocations() throws {
    var deltas: Set<[Float]> = []
    for allocation in ["global", "equal-budget", "weighted", "power-optimal"] {
      let task = try work(
        "{\"name\": \"per-layer\", \"thresholds\": [1, 3], \"noise_allocation\": \"\(allocation)\"}",
        steps: 2)
      deltas.insert(
        try LocalTraining.run(task, on: source, features: nil, network: network).delta)
    }
    #expect(deltas.count == 4)
  }
}

extension LocalWork {
  fileprivate func adopting(_ rule: ClippingRule) -> LocalWork {
    var work = self
    work.rule = rule
    return work
  }
}

@Suite("Runs with other clippings")
struct ClippingRunTests {
  static let clippings = [
    #"{"name": "auto-s"}"#, #"{"name": "normalize"}"#, #"{"name": "per-layer"}"#,
    #"{"name": "per-layer", "groups": [["fc2", "fc1"]], "noise_allocation": "equal-budget"}"#,
    #"{"name": "per-layer-adaptive"}"#,
  ]

  private func scenarioWith(
    _ clipping: String, _ method: String, _ others: String...
  ) throws -> Scenario {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    return try Scenario(
      json: Data(contentsOf: url),
      overrides: [
        #"model={"name": "mlp", "hidden": [6]}"#, "privacy.clipping=\(clipping)", "rounds=4",
        "method={\"name\": \"\(method)\"}",
      ] + others)
  }

  @Test(
    "within budget and the same bits for any number of workers", arguments: clippings,
    ["r-dpcfl", "mr-mtl"])
  func runs(_ clipping: String, _ method: String) async throws {
    let scenario = try scenarioWith(clipping, method)
    let observer = Recorder()
    let once = try await run(scenario, workers: 1, observer: observer).result
    let again = try await run(scenario, workers: 3).result
    #expect(once.resultDigest == again.resultDigest)
    for client in once.clients {
      let epsilon = try #require(client.epsilon)
      #expect(epsilon <= 5 && epsilon > 2.5)
    }
    let counted = await observer.ledger.filter { $0.thresholdNoiseMultiplier != nil }
    #expect(counted.isEmpty == !clipping.contains("adaptive"))
  }

  @Test("one group of all layers is flat clipping with flat noise")
  func oneGroup() async throws {
    let flat = try await run(try scenarioWith(#"{"name": "flat"}"#, "global")).result
    let grouped = try await run(
      try scenarioWith(#"{"name": "per-layer", "groups": [["fc1", "fc2"]]}"#, "global")
    ).result
    // The bound is 1e-6 lower, the noise rounded up once more: no further than that.
    for (a, b) in zip(flat.clients, grouped.clients) {
      #expect(abs(a.loss - b.loss) < 1e-3 * a.loss)
    }
  }

  @Test("thresholds go on from round to round: the server hands back what clients sent")
  func carriedOn() async throws {
    // One step a round learns only after its release: the first round is the same however fast thresholds
    // learn, and the second would be were they forgotten.
    func deltas(_ share: String) async throws -> [[Double?]] {
      let observer = Recorder()
      try await run(
        try scenarioWith(
          "{\"name\": \"per-layer-adaptive\", \"threshold_learning_rate\": \(share)}", "global",
          "local.epochs=null", "local.steps=1"),
        observer: observer)
      return await observer.rounds.map { $0.clients.map(\.updateNorm) }
    }
    let (fast, slow) = (try await deltas("0.3"), try await deltas("0.000001"))
    #expect(fast[0] == slow[0])
    #expect(fast[1] != slow[1])
  }
}
