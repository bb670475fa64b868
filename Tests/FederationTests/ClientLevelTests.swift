// Privacy of whole clients: noise of the stated size, once a round and model, clipped updates, and the
// server's ledger alone.

import Federation
import Privacy
import Scenarios
import Testing

@Suite("Privacy of whole clients")
struct ClientLevelTests {
  private static func unit(_ method: String, _ changes: String...) -> [String] {
    [#"method={"name":"\#(method)"}"#, #"privacy.unit="client""#, "privacy.target_delta=0.01"]
      + changes
  }

  private static func run(_ changes: [String], _ recorder: Recorder = Recorder()) async throws
    -> RunOutcome
  {
    try await Simulation(
      scenario: Sound.scenario(changes), catalog: Sound.catalog,
      options: SimulationOptions(workers: 2)
    ).run(observer: recorder)
  }

  /// Parameter by parameter.
  private static func difference(_ a: StoredModel, _ b: StoredModel) -> [Double] {
    let first: [Float] = a.tensors.flatMap(\.values)
    let second: [Float] = b.tensors.flatMap(\.values)
    return zip(first, second).map { Double($0) - Double($1) }
  }

  @Test(
    "the server alone has a ledger, and keeps the budget", arguments: ["global", "oracle", "ifca"])
  func ledger(method: String) async throws {
    let recorder = Recorder()
    let outcome = try await Self.run(Self.unit(method, "cohort_size=5"), recorder)
    let entries = await recorder.ledger
    #expect(entries.count == 20)
    for entry in entries {
      #expect(entry.client == nil && entry.purpose == .aggregation)
      #expect(entry.mechanism == .poissonSampledGaussian && entry.sampleRate == 5.0 / 11)
      #expect(entry.sensitivity == 1)
    }
    var ledger = PrivacyLedger()
    ledger.append(contentsOf: entries)
    let spent = try ledger.bound(delta: 0.01, accountant: BestAccountant()).epsilon
    #expect(spent <= 5 && spent > 4.9)
    #expect(outcome.result.unit == .client)
    for client in outcome.result.clients {
      let epsilon = try #require(client.epsilon)
      #expect(abs(epsilon - spent) < 1e-9)
      #expect(client.noiseMultiplier == entries[0].noiseMultiplier)
    }
  }

  @Test("cohorts are Poisson samples: their sizes vary about the expected one")
  func cohorts() async throws {
    let recorder = Recorder()
    _ = try await Self.run(Self.unit("global", "cohort_size=5", "rounds=60"), recorder)
    let sizes = await recorder.rounds.map { $0.clients.count { $0.participated } }
    let mean = Double(sizes.reduce(0, +)) / 60
    // Binomial(11, 5/11): deviation of the mean 0.21.
    #expect(abs(mean - 5) < 1)
    #expect(Set(sizes).count > 3)
  }

  @Test("the noise on each model is z·C over the expected number of its clients")
  func noiseScale() async throws {
    // A learning rate so small that updates vanish: what is left of one round is noise alone.
    let changes = [
      "rounds=1", "local.learning_rate=1e-12", "privacy.noise_multiplier=2",
      "privacy.target_epsilon=1000",
      "privacy.max_grad_norm=0.5",
      #"model={"name":"mlp","hidden":[400]}"#,
    ]
    for (method, expected) in [("global", [11.0]), ("oracle", [3.0, 4, 4])] {
      let noisy = try await Self.run(Self.unit(method) + changes)
      let plain = try await Self.run(
        Self.unit(method) + changes + [
          "privacy.target_epsilon=null", "privacy.noise_multiplier=null",
        ])
      for (model, count) in expected.enumerated() {
        let (a, b) = (noisy.models[model], plain.models[model])
        let differences = Self.difference(a, b)
        let power = differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)
        let mean = differences.reduce(0, +) / Double(differences.count)
        let deviation = 2 * 0.5 / count
        // 6,804 numbers: relative standard error of the deviation 0.9 %.
        #expect(abs(power.squareRoot() / deviation - 1) < 0.04)
        #expect(abs(mean) < 4 * deviation / Double(differences.count).squareRoot())
      }
    }
  }

  @Test("bounds far from 1 are summed near 1, by powers of two")
  func unit() {
    for bound: Float in [0.0625, 0.1, 1, 10, 256] {
      #expect(ClientLevelAggregation.unit(for: bound) == 1)
    }
    for bound: Float in [1e-6, 3e-5, 0.06, 300, 1e6] {
      let unit = ClientLevelAggregation.unit(for: bound)
      #expect(unit.significand == 1)
      #expect((1..<2).contains(unit * bound))
    }
  }

  @Test("no client moves the sum by more than the clipping bound")
  func clipping() async throws {
    // Huge steps, next to no noise: the update is the mean of vectors of norm C at most.
    let changes = [
      "rounds=1", "local.learning_rate=50", "privacy.noise_multiplier=1e-6",
      "privacy.target_epsilon=1000", "privacy.max_grad_norm=0.1",
      #"privacy.accountant="rdp""#,
    ]
    await #expect(throws: FederationError.self) {
      // Noise as weak as that costs more than any budget.
      try await Self.run(Self.unit("global") + changes)
    }
    let strong = try await Self.run(
      Self.unit("global") + changes + ["privacy.noise_multiplier=1e-1"])
    let start = try await Self.run(
      Self.unit("global") + [
        "rounds=1", "local.learning_rate=1e-12", "privacy.noise_multiplier=1e-1",
        "privacy.target_epsilon=1000", "privacy.max_grad_norm=0.1",
      ])
    // Equal seeds draw equal noise, so it cancels.
    let moved = Self.difference(strong.models[0], start.models[0])
      .reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(moved <= 0.1 * (1 + 1e-4))
    #expect(moved > 0.01)
  }

  @Test(
    "other methods and budgets of single clients are refused",
    arguments: ["r-dpcfl", "local", "mr-mtl"])
  func refusals(method: String) throws {
    #expect(throws: ScenarioError.self) { try Sound.scenario(Self.unit(method)) }
    #expect(throws: ScenarioError.self) {
      try Sound.scenario(
        Self.unit("global", #"population.clusters[0].privacy={"target_epsilon":1}"#))
    }
  }

  @Test("the linter counts clients: their number against delta, and the cohort's rate")
  func linter() throws {
    let report = try Sound.report(Self.unit("global", "cohort_size=5", "privacy.target_delta=0.1"))
    let group = try #require(report.groups.first)
    #expect(report.groups.count == 1 && group.records == 11 && group.batchSize == 5)
    #expect(group.plan.sampledSteps == 20)
    #expect(report.findings.contains { $0.rule == "DP102" })
  }
}
