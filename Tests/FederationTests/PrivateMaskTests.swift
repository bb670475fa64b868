// Masks that clients choose: the released sums against loops over single examples, their noise, their price, and what is refused.

import Datasets
import Federation
import Foundation
import Kernels
import Learning
import Privacy
import Scenarios
import Testing

@Suite("Private masks")
struct PrivateMaskTests {
  private static let model = #"model={"name": "mlp", "hidden": [24, 16]}"#

  private static func adapter(_ more: String = "") -> String {
    #"adapter={"type": "sparse", "r": 1, "target_modules": ["fc2"], "mask": "private"\#(more)}"#
  }

  private struct Setting {
    let scenario: Scenario
    let population: Federation.Population
    let base: [Float]

    init(_ changes: String...) throws {
      scenario = try Scenario(
        json: Data(contentsOf: packageFolder.appendingPathComponent("scenarios/tiny.json")),
        overrides: [PrivateMaskTests.model, PrivateMaskTests.adapter()] + changes)
      population = try Federation.Population(scenario: scenario, catalog: DatasetCatalog())
      base = population.plan.architecture.initialParameters(seed: 1)
    }

    func gradient(noise: Double?, workers: Int = 2) async throws -> [Float] {
      try await population.maskGradient(
        base: base, noise: population.clients.map { _ in noise },
        lanes: LanePool(workers: workers, plan: population.plan, tile: 8))
    }
  }

  @Test("without noise the sum is that of gradients clipped one by one")
  func bruteForce() async throws {
    let setting = try Setting("privacy.max_grad_norm=0.7")
    let whole = Network(plan: try TrainingPlan(architecture: setting.population.plan.architecture))
    whole.load(trainable: setting.base)
    var expected = [Double](repeating: 0, count: setting.base.count)
    var shortened = 0
    for client in setting.population.clients {
      for position in 0..<client.train.count {
        var own = [Float](repeating: 0, count: setting.base.count)
        _ = whole.addClippedSum(of: client.train, at: [position], clipping: .none, to: &own)
        let length = own.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        if length > 0.7 { shortened += 1 }
        for i in own.indices { expected[i] += Double(own[i]) * min(1, 0.7 / length) }
      }
    }
    #expect(shortened > 0)
    let found = try await setting.gradient(noise: nil)
    let scale = expected.map(abs).max() ?? 0
    #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-4 * scale })
    #expect(try await setting.gradient(noise: nil, workers: 1) == found)
  }

  @Test("every client adds noise of its own, as large as it pays for")
  func noise() async throws {
    let setting = try Setting("privacy.max_grad_norm=0.7")
    let plain = try await setting.gradient(noise: nil)
    let noisy = try await setting.gradient(noise: 1.5)
    #expect(try await setting.gradient(noise: 1.5, workers: 1) == noisy)
    let differences = zip(noisy, plain).map { Double($0 - $1) }
    let variance = differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)
    // 4 is the ratio of the mask's noise to that of training.
    let expected = 4 * 1.5 * 0.7 * Double(setting.population.clients.count).squareRoot()
    #expect(differences.count > 600)
    #expect(variance.squareRoot() > 0.85 * expected && variance.squareRoot() < 1.15 * expected)
  }

  @Test(
    "it is in every client's ledger and budget, and the run is the same with any workers and after a resume"
  )
  func ledger() async throws {
    let scenario = try scenario(Self.model, Self.adapter(), "rounds=3")
    let recorder = Recorder()
    let outcome = try await run(scenario, observer: recorder)
    let entries = await recorder.ledger.filter { $0.purpose == .mask }
    #expect(entries.map(\.client) == scenario.clients.map { Optional($0.index) })
    #expect(entries.allSatisfy { $0.mechanism == .gaussian && $0.round == 1 && $0.count == 1 })
    let delta = scenario.privacy.budget.targetDelta
    for client in outcome.result.clients {
      let (target, epsilon) = (try #require(client.targetEpsilon), try #require(client.epsilon))
      #expect(epsilon <= target && epsilon > 0.99 * target)
      let own = try #require(entries.first { $0.client == client.client })
      #expect(own.noiseMultiplier ?? 0 >= 4 * (client.noiseMultiplier ?? .infinity))
      let rest = PrivacyLedger(
        await recorder.ledger.filter { $0.client == client.client && $0.purpose != .mask })
      #expect(
        try rest.bound(delta: delta, accountant: BestAccountant()).epsilon < epsilon - 0.001)
    }
    let alone = try await run(scenario, workers: 1)
    #expect(alone.result.resultDigest == outcome.result.resultDigest)
    let checkpoint = try #require(await recorder.checkpoints.first)
    let resumed = try await ResumeTests.simulation(scenario).run(
      observer: Recorder(),
      from: ResumePoint(checkpoint: checkpoint, ledger: await recorder.ledger, of: scenario))
    #expect(resumed.result == outcome.result)
    let random = try await run(
      try self.scenarioWithRandomMask(), observer: Recorder())
    #expect(random.result.resultDigest != outcome.result.resultDigest)
  }

  private func scenarioWithRandomMask() throws -> Scenario {
    try scenario(
      Self.model, Self.adapter().replacing("private", with: "random"), "rounds=3")
  }

  @Test("clients without a budget say so in their ledger")
  func withoutBudget() async throws {
    let scenario = try scenario(
      Self.model, Self.adapter(), "rounds=2", "privacy.target_epsilon=null")
    let recorder = Recorder()
    let outcome = try await run(scenario, observer: recorder)
    let entries = await recorder.ledger.filter { $0.purpose == .mask }
    #expect(entries.count == scenario.clients.count)
    #expect(entries.allSatisfy { $0.mechanism == .nonPrivate })
    #expect(outcome.result.clients.allSatisfy { $0.epsilon == nil || $0.epsilon == .infinity })
  }

  @Test("what cannot be counted is refused")
  func refused() async throws {
    for changes in [
      ["privacy.unit=client", #"method={"name": "global"}"#],
      ["privacy.randomness=system", "privacy.noise=hardened"],
      [#"method={"name": "r-dpcfl", "variant": "as-released"}"#],
    ] {
      #expect(throws: ScenarioError.self) {
        try Scenario(
          json: Data(contentsOf: packageFolder.appendingPathComponent("scenarios/tiny.json")),
          overrides: [Self.model, Self.adapter()] + changes)
      }
    }
    let ratio = Self.adapter(#", "mask_noise_ratio": 2"#)
    #expect(throws: ScenarioError.self) {
      try scenario(Self.model, ratio.replacing("private", with: "random"))
    }
    let weak = try scenario(
      Self.model, Self.adapter(#", "mask_noise_ratio": 0.1"#), "privacy.noise_multiplier=1")
    await #expect(throws: FederationError.self) { try await run(weak) }
  }
}
