// Kinds of adapters beside LoRA in whole runs: reproducible, within budget, in every method and clipping scheme or
// refused, and with the noise where it belongs.

import Federation
import Foundation
import Kernels
import Learning
import Privacy
import Scenarios
import Testing

/// The kinds on a perceptron with two hidden layers of 8.
private let kinds = [
  #"{"type": "ia3", "target_modules": ["fc2", "fc3"], "feedforward_modules": ["fc3"]}"#,
  #"{"type": "bitfit"}"#,
  #"{"type": "sparse", "r": 1, "target_modules": ["fc2", "fc3"]}"#,
  #"{"type": "finegates", "target_modules": ["fc2", "fc3"], "penalty": 0.1}"#,
  #"{"type": "vera", "r": 3, "target_modules": ["fc2", "fc3"]}"#,
  #"{"type": "lorta", "r": 2, "lora_alpha": 4, "target_modules": ["fc2"], "modules_to_save": ["fc3"]}"#,
  #"{"type": "lorta", "r": 2, "lora_alpha": 4, "target_modules": ["fc2"], "trained": "all", "heads": 2}"#,
  #"{"type": "bottleneck", "width": 3, "target_modules": ["fc2"], "modules_to_save": ["fc3"]}"#,
  #"{"type": "compacter", "width": 4, "factors": 2, "target_modules": ["fc2"], "modules_to_save": ["fc3"]}"#,
  #"{"type": "mixture", "experts": 3, "r": 2, "lora_alpha": 4, "target_modules": ["fc2"], "modules_to_save": ["fc3"]}"#,
  #"{"type": "op-lora", "r": 2, "lora_alpha": 4, "hidden": 3, "target_modules": ["fc2", "fc3"]}"#,
  #"{"type": "compacter", "width": 4, "factors": 2, "target_modules": ["fc2"], "phm_rule": "trained"}"#,
  #"{"type": "linear_probe", "modules_to_save": ["fc3"]}"#,
  #"{"type": "random-projection", "r": 4, "modules_to_save": ["fc3"]}"#,
  #"{"type": "sparse", "r": 1, "target_modules": ["fc2", "fc3"], "mask": "private"}"#,
  #"{"type": "rgp", "r": 2, "target_modules": ["fc2", "fc3"]}"#,
  #"{"type": "prism", "r": 2, "target_modules": ["fc2", "fc3"]}"#,
]

private let deep = #"model={"name": "mlp", "hidden": [8, 8]}"#

@Suite("Runs with kinds of adapters")
struct AdapterKindTests {
  @Test("the same digest with 1, 2 and 4 workers, within budget", arguments: kinds)
  func reproducible(_ kind: String) async throws {
    let scenario = try scenario(deep, "adapter=\(kind)", "rounds=3")
    var digests: Set<String> = []
    for workers in [1, 2, 4] {
      let outcome = try await run(scenario, workers: workers)
      digests.insert(outcome.result.resultDigest)
      for client in outcome.result.clients {
        let spent = try #require(client.epsilon)
        #expect(spent <= 5 && spent > 2.5)
      }
      #expect(!outcome.result.notes.contains { $0.contains("no training reached") })
      #expect(outcome.result.adapter != nil)
    }
    #expect(digests.count == 1)
  }

  /// Why a kind is refused under a method; nil where it is not.
  private static func refusal(of kind: String, method: String) -> String? {
    if kind.contains("op-lora"), ["mr-mtl", "fedprox", "ditto", "scaffold"].contains(method) {
      return
        "method.name: \(method) moves A and B beside the gradient, and op-lora's networks emit them anew"
    }
    if kind.contains("random-projection"), method == "fedem" {
      return "adapter.type: must not be \"random-projection\" for fedem"
    }
    let isCarried = kind.contains("rgp") || kind.contains("prism")
    return isCarried && ["scaffold", "cfl", "fedem"].contains(method)
      ? "adapter.type: must leave updates as they are for \(method)" : nil
  }

  /// Why a kind is refused under a rule of clipping; nil where it is not.
  private static func refusal(of kind: String, clipping: String) -> String? {
    guard clipping.contains("per-layer") else { return nil }
    if kind.contains("lorta") || kind.contains("phm_rule") {
      return "privacy.clipping: thresholds by layer cannot bound what all layers"
    }
    return kind.contains("random-projection")
      ? "privacy.clipping: gives layers noise of their own each" : nil
  }

  /// Runs, or is refused with the words.
  private func expect(
    _ settings: [String], refusal: String?, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    func outcome() async throws -> RunOutcome { try await run(try four(settings)) }
    guard let refusal else {
      let result = try await outcome().result
      for client in result.clients {
        #expect(
          client.accuracy.isFinite && (client.epsilon ?? .infinity) <= 5, "\(settings)",
          sourceLocation: sourceLocation)
      }
      return
    }
    let error = await #expect(throws: ScenarioError.self, sourceLocation: sourceLocation) {
      try await outcome()
    }
    #expect(
      error.map { "\($0)" }?.contains(refusal) == true, "\(String(describing: error))",
      sourceLocation: sourceLocation)
  }

  @Test("every kind works inside of every method, or is refused with the reason", arguments: kinds)
  func methods(_ kind: String) async throws {
    for method in allMethods {
      try await expect(
        [deep, "adapter=\(kind)", "rounds=2", "method={\"name\": \"\(method)\"}"],
        refusal: Self.refusal(of: kind, method: method))
    }
  }

  private func four(_ settings: [String]) throws -> Scenario {
    try scenario(settings[0], settings[1], settings[2], settings[3])
  }

  @Test(
    "every kind works under every rule of clipping, or is refused with the reason", arguments: kinds
  )
  func clipping(_ kind: String) async throws {
    for clipping in ["per-layer", "auto-s", "normalize", "per-layer-adaptive"] {
      try await expect(
        [deep, "adapter=\(kind)", "rounds=2", "privacy.clipping={\"name\": \"\(clipping)\"}"],
        refusal: Self.refusal(of: kind, clipping: clipping))
    }
  }

  @Test("a mask from public data is the same with 1 and 2 workers, and asks for such data")
  func publicMask() async throws {
    let kind =
      #"adapter={"type": "sparse", "r": 1, "target_modules": ["fc2", "fc3"], "mask": "public"}"#
    #expect(throws: ScenarioError.self) { try four([deep, kind, "rounds=2", "seed=1"]) }
    let scenario = try four([deep, kind, "rounds=2", "data.public_examples=50"])
    let one = try await run(scenario, workers: 1)
    let two = try await run(scenario, workers: 2)
    #expect(one.result.resultDigest == two.result.resultDigest)
    let random = try four([
      deep, kind.replacing("public", with: "random"), "rounds=2", "data.public_examples=50",
    ])
    #expect(try await run(random).result.resultDigest != one.result.resultDigest)
  }

  @Test("what does not fit is refused in one sentence")
  func refusals() async throws {
    for kind in [
      #"{"type": "ia3", "target_modules": ["fc2"], "feedforward_modules": ["fc3"]}"#,
      #"{"type": "ia3", "target_modules": ["fc9"]}"#,
      #"{"type": "bottleneck", "target_modules": ["fc2"]}"#,
      #"{"type": "bitfit", "target_modules": ["fc2"]}"#,
      #"{"type": "ia3", "r": 2, "target_modules": ["fc2"]}"#,
      #"{"type": "prompt"}"#,
      #"{"type": "mixture", "experts": 2, "r": 1, "lora_alpha": 1, "target_modules": ["fc2"], "top_k": 3}"#,
      #"{"type": "planning-tokens", "count": 1}"#,
    ] {
      #expect(throws: ScenarioError.self) {
        try scenario(deep, "adapter=\(kind)", "rounds=2", "seed=1")
      }
    }
    for kind in [
      #"{"type": "conv-lora", "r": 1, "lora_alpha": 1, "target_modules": ["fc2"]}"#,
      #"{"type": "sparse", "r": 9, "target_modules": ["fc2"]}"#,
      #"{"type": "lorta", "r": 1, "lora_alpha": 1, "target_modules": ["fc1", "fc2"]}"#,
      #"{"type": "compacter", "width": 3, "factors": 2, "target_modules": ["fc2"]}"#,
      #"{"type": "layer_norm"}"#,
    ] {
      let scenario = try scenario(deep, "adapter=\(kind)", "rounds=2", "seed=1")
      await #expect(throws: ArchitectureError.self) { try await run(scenario) }
    }
  }
}

@Suite("Where the noise goes")
struct AdapterNoiseTests {
  private let source = TwoClouds(count: 60)
  private let model = Architecture.mlp(inputs: 5, hidden: [4], classes: 2)

  private func work(_ start: [Float], rate: Float = 0.3) -> LocalWork {
    LocalWork(
      seed: 7, round: 2, client: 3, start: start, batches: .poisson(rate: 0.25, steps: 1),
      learningRate: rate, privacy: (0.5, 1.3))
  }

  @Test("OP-LoRA pulls the noisy gradient of the factors back, and noises nothing else")
  func generator() throws {
    let plan = try TrainingPlan(
      architecture: model,
      adapter: LoRAConfiguration(
        rank: 2, loraAlpha: 2, targetModules: ["fc1"], trained: .both, modulesToSave: ["fc2"]))
    let network = Network(plan: plan)
    let base = model.initialParameters(seed: 1)
    network.load(frozen: FrozenParameters(base: base, factors: []))
    let start = plan.initialTrainable(base: base, seed: 1)
    let plain = try LocalTraining.run(work(start), on: source, features: nil, network: network)
    var task = work(start)
    task.generatorWidth = 3
    let emitted = try LocalTraining.run(task, on: source, features: nil, network: network)
    // What LoRA took as its step is the noisy mean gradient: clip and noise in the space of the factors.
    let noisy = plain.delta.map { -$0 / 0.3 }
    let generator = FactorGenerator(plan, hidden: 3, seed: 7)
    let pulled = generator.pullBack(noisy, at: generator.initial)
    let expected = generator.theta(
      zip(generator.initial, pulled).map { $0 - 0.3 * $1 }, from: start)
    for (i, delta) in emitted.delta.enumerated() {
      #expect(abs(delta - (expected[i] - start[i])) < 1e-4 * (1 + abs(delta)))
    }
    #expect(emitted.delta != plain.delta)
    // The same ledger as LoRA's.
    #expect(emitted.entries == plain.entries)
  }

  @Test("the penalty on gates comes after the noise, whatever the data are")
  func penalty() throws {
    func step(_ penalty: Double) throws -> (delta: [Float], gradient: [Float]?) {
      let adapter = FineGatesAdapter(targetModules: ["fc1"], penalty: penalty, keep: 0.2)
      let plan = try TrainingPlan(architecture: model, adapter: adapter)
      let network = Network(plan: plan)
      let base = model.initialParameters(seed: 1)
      network.load(frozen: FrozenParameters(base: base, factors: []))
      let start = plan.initialTrainable(base: base, seed: 1)
      let outcome = try LocalTraining.run(work(start), on: source, features: nil, network: network)
      let moved = zip(start, outcome.delta).map { $0 + $1 }
      return (outcome.delta, adapter.penaltyGradient(of: moved, in: plan))
    }
    let without = try step(0)
    let with = try step(2)
    #expect(without.gradient == nil)
    // From where the noisy step ended.
    let plan = try TrainingPlan(
      architecture: model, adapter: FineGatesAdapter(targetModules: ["fc1"], penalty: 2, keep: 0.2))
    let start = plan.initialTrainable(base: model.initialParameters(seed: 1), seed: 1)
    let after = zip(start, without.delta).map { $0 + $1 }
    let gradient = try #require(plan.adapter?.penaltyGradient(of: after, in: plan))
    #expect(gradient.contains { $0 > 0 })
    for (i, delta) in with.delta.enumerated() {
      #expect(abs(delta - (without.delta[i] - 0.3 * gradient[i])) < 1e-5)
    }
  }

  @Test("the penalty's gradient is that of central differences")
  func penaltyGradient() throws {
    let adapter = FineGatesAdapter(targetModules: ["fc1"], penalty: 1.5, keep: 0.2)
    let plan = try TrainingPlan(architecture: model, adapter: adapter)
    let theta = plan.initialTrainable(base: model.initialParameters(seed: 1), seed: 2)
    let gradient = try #require(adapter.penaltyGradient(of: theta, in: plan))
    func value(_ theta: [Float]) -> Double {
      plan.slots.reduce(0.0) { total, slot in
        let open = theta[slot.range].map {
          0.5 * erfc((-0.5 - tanh(Double($0))) / (0.5 * 2.0.squareRoot()))
        }
        return total + 1.5 * abs(open.reduce(0, +) / Double(slot.count) - 0.2)
      }
    }
    for place in theta.indices {
      var (up, down) = (theta, theta)
      up[place] += 1e-3
      down[place] -= 1e-3
      let slope = (value(up) - value(down)) / Double(up[place] - down[place])
      #expect(abs(slope - Double(gradient[place])) < 1e-4)
    }
  }
}
