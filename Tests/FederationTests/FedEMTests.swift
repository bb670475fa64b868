// FedEM: its steps by hand, and what one record can do to all of its models together.

import Datasets
import Federation
import Foundation
import Kernels
import Learning
import Privacy
import Scenarios
import Testing

/// What a run of one round hands out.
private actor Kept: RunObserver {
  private(set) var updates: [ReleasedUpdates.Update] = []

  func receive(_ event: RunEvent) {
    if case .released(let released) = event { updates += released.updates }
  }
}

@Suite("FedEM")
struct FedEMTests {
  private func fedem(_ changes: String...) throws -> Scenario {
    try Scenario(
      json: Data(contentsOf: packageFolder.appendingPathComponent("scenarios/tiny.json")),
      overrides: ["method={\"name\": \"fedem\"}"] + changes)
  }

  @Test("an example counts by prior and likelihood")
  func expectation() {
    // ℓ = 0 and ln 3: likelihoods 1 and 1/3. Equal priors give 3/4 and 1/4, priors of 1/4 and 3/4 give 1/2 each.
    let losses = [[0, 0, 5], [Elementary.log(3), Elementary.log(3), .infinity]]
    let equal = Responsibilities.shares(losses: losses, prior: [0.5, 0.5])
    #expect(zip(equal[0], [0.75, 0.75, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(zip(equal[1], [0.25, 0.25, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
    let other = Responsibilities.shares(losses: losses, prior: [0.25, 0.75])
    #expect(abs(other[0][0] - 0.5) < 1e-6 && abs(other[1][0] - 0.5) < 1e-6)
    // A record that no model explains counts as the client's records do.
    let strange = Responsibilities.shares(losses: [[.nan], [.infinity]], prior: [0.25, 0.75])
    #expect(strange == [[0.25], [0.75]])
  }

  @Test("shares become a prior; what noise alone would give is the least")
  func prior() {
    #expect(Responsibilities.prior(of: [3, 1], standardDeviation: 0) == [0.75, 0.25])
    #expect(Responsibilities.prior(of: [3, -7], standardDeviation: 1) == [0.75, 0.25])
    #expect(Responsibilities.prior(of: [.nan, -1], standardDeviation: 0) == [0.5, 0.5])
  }

  @Test("noisy sums are of shares that add up exactly", arguments: [10, 1000, 100_000, 40_000_000])
  func exactSums(examples: Int) {
    let pitch = Responsibilities.pitch(examples: examples)
    #expect(pitch.significand == 1 && Double(examples) / pitch <= 0x1p24)
    let shares: [[Float]] = [[0.3, 0.999, 1], [0.7, 0.001, 0]]
    for (sum, own) in zip(Responsibilities.sums(of: shares, pitch: pitch), shares) {
      let whole = own.reduce(0.0) { $0 + Double($1) }
      #expect(Double(sum) / pitch == (Double(sum) / pitch).rounded())
      #expect(Double(sum) <= whole && Double(sum) > whole - 3 * pitch)
    }
  }

  @Test(
    "whatever models and priors are, a record adds to all sums together at most one clipping bound")
  func sensitivity() throws {
    let source = TwoClouds(count: 40)
    let plan = try TrainingPlan(architecture: .logistic(inputs: 5, classes: 2))
    let network = Network(plan: plan)
    var stream = RandomStream(seed: 3, purpose: .test)
    for _ in 0..<50 {
      let models = (0..<3).map { _ in
        (0..<plan.trainableCount).map { _ in Float(4 * stream.nextGaussian()) }
      }
      var losses: [[Double]] = []
      for model in models {
        var own = [Double](repeating: 0, count: source.count)
        network.load(trainable: model)
        _ = network.evaluate(source, lossObserver: { own[$0] = $1 })
        losses.append(own)
      }
      let shares = Responsibilities.shares(
        losses: losses, prior: (0..<3).map { _ in stream.nextOpenUnit() })
      for example in 0..<source.count {
        let counted = shares.map { Double($0[example]) }
        #expect(counted.reduce(0, +) <= 1)
        var power = 0.0
        for (model, share) in zip(models, shares) {
          network.load(trainable: model)
          var sum = [Float](repeating: 0, count: plan.trainableCount)
          _ = network.addClippedSum(
            of: SharedExamples(source, shares: share), at: [example],
            clipping: .flat(maxGradNorm: 0.1), to: &sum)
          power += sum.reduce(0) { $0 + Double($1) * Double($1) }
        }
        #expect(power.squareRoot() <= 0.1)
      }
    }
  }

  @Test("a round is Algorithm 1: shares, weighted steps on all models, plain means")
  func round() async throws {
    // One full-batch step a round.
    let scenario = try fedem(
      "rounds=2", "local.batch_size=300", "local.learning_rate=2", "privacy.target_epsilon=null",
      "method.num_clusters=3")
    let observer = Recorder()
    try await run(scenario, observer: observer)
    let states = await observer.checkpoints.map(\.state)
    try #require(states.count == 2)
    let population = try Population(scenario: scenario, catalog: DatasetCatalog(places: []))
    let network = Network(plan: population.plan)
    let (before, after) = (states[0], states[1])
    let priors = try #require(before.posteriors)
    var models = before.models.map { $0.map(Double.init) }
    for client in population.clients {
      let view = client.train
      var sums = [Double](repeating: 0, count: 3)
      var losses = [[Double]](repeating: [Double](repeating: 0, count: view.count), count: 3)
      for m in 0..<3 {
        network.load(trainable: before.models[m])
        _ = network.evaluate(view, lossObserver: { losses[m][$0] = $1 })
      }
      for i in 0..<view.count {
        let joint = (0..<3).map { priors[client.index][$0] * Elementary.exp(-losses[$0][i]) }
        let q = joint.map { $0 / joint.reduce(0, +) }
        for m in 0..<3 {
          sums[m] += q[m]
          network.load(trainable: before.models[m])
          var gradient = [Float](repeating: 0, count: population.plan.trainableCount)
          _ = network.addClippedSum(of: view, at: [i], clipping: .none, to: &gradient)
          for k in gradient.indices {
            models[m][k] -= 2 * q[m] * Double(gradient[k]) / Double(view.count) / 8
          }
        }
      }
      for m in 0..<3 {
        let share = try #require(after.posteriors?[client.index][m])
        #expect(abs(share - sums[m] / Double(view.count)) < 1e-5)
      }
      #expect(sums[after.assignment[client.index]] == sums.max())
    }
    for (found, expected) in zip(after.models, models) {
      for (x, y) in zip(found, expected) { #expect(abs(Double(x) - y) < 1e-4) }
    }
  }

  @Test("clients are served by all models, in their own shares")
  func served() async throws {
    let observer = Recorder()
    let outcome = try await run(
      try fedem("rounds=3", "method.num_clusters=3", "privacy.target_epsilon=null"),
      observer: observer)
    let rounds = await observer.rounds
    let state = try #require(await observer.checkpoints.last?.state)
    let population = try Population(
      scenario: fedem("method.num_clusters=3"), catalog: DatasetCatalog(places: []))
    let network = Network(plan: population.plan)
    for client in population.clients {
      let weights = try #require(state.posteriors?[client.index])
      var probabilities = [Double](repeating: 0, count: client.test.count)
      for (model, weight) in zip(state.models, weights) {
        network.load(trainable: model)
        _ = network.evaluate(
          client.test,
          lossObserver: { probabilities[$0] += weight * Elementary.exp(-$1) })
      }
      let loss =
        probabilities.reduce(0) { $0 - Elementary.log($1) } / Double(client.test.count)
      let result = outcome.result.clients[client.index]
      #expect(abs(result.loss - loss) < 1e-4)
      #expect(abs((rounds.last?.clients[client.index].testLoss ?? 0) - loss) < 1e-4)
      #expect(result.mixtureWeights == weights)
    }
  }

  @Test("all models together cost the steps of one, and the shares one release a round")
  func ledger() async throws {
    let observer = Recorder()
    try await run(try fedem("rounds=3"), observer: observer)
    let global = Recorder()
    try await run(
      try fedem("rounds=3", "method={\"name\": \"global\"}"), observer: global)
    let (all, plain) = await (observer.ledger, global.ledger)
    let steps = all.filter { $0.purpose == .training }
    #expect(steps.map(\.count) == plain.map(\.count))
    #expect(steps.map(\.sampleRate) == plain.map(\.sampleRate))
    let shares = all.filter { $0.purpose == .posterior }
    #expect(shares.count == 3 * 8)
    for (step, share) in zip(steps, shares) {
      let ratio = try #require(share.noiseMultiplier) / #require(step.noiseMultiplier)
      #expect(abs(ratio - 10) < 1e-5)
      #expect(share.sampleRate == 1 && share.sensitivity == 1)
    }
  }

  @Test("the check names what the shares cost, and has nothing to name for other methods")
  func checked() throws {
    let scenario = try fedem("rounds=3", "method.posterior_noise_ratio=1")
    func group(_ scenario: Scenario) throws -> ReleaseGroup {
      try #require(
        try PrivacyLinter(scenario: scenario, catalog: DatasetCatalog(places: [])).report().groups
          .first)
    }
    let found = try group(scenario)
    let multiplier = try #require(found.noise?.posteriorNoiseMultiplier)
    let event = PrivacyEvent.selfComposed(event: .gaussian(noiseMultiplier: multiplier), count: 3)
    let expected = try scenario.privacy.accountant.kind.accountant.bound(for: event, delta: 1e-3)
    let alone = try #require(found.posteriorEpsilon)
    #expect(found.plan.posteriors == 3 && abs(alone - expected.epsilon) < 1e-9)
    let (whole, training) = (try #require(found.epsilon), try #require(found.trainingEpsilon))
    #expect(training < whole && alone < whole && whole < training + alone)
    #expect(try group(fedem("method={\"name\": \"global\"}")).posteriorEpsilon == nil)
  }

  @Test(
    "every model has noise of its own, in every mode", arguments: ["fast", "hardened", "exact"])
  func noise(mode: String) async throws {
    // At such a budget an update is its noise.
    let scenario = try fedem(
      "rounds=1", "privacy.target_epsilon=0.01", "privacy.noise=\(mode)",
      "privacy.randomness=seeded")
    let kept = Kept()
    var options = SimulationOptions(workers: 2)
    options.handsOutUpdates = true
    _ = try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(places: []), options: options
    ).run(observer: kept)
    let updates = await kept.updates
    #expect(updates.count == 3 * 8)
    for client in 0..<8 {
      let own = updates.filter { $0.client == client }.map(\.values)
      try #require(own.count == 3)
      for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        let inner = zip(own[first], own[second]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let norms = [first, second].map { m in
          own[m].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        }
        // 52 numbers: independent ones have a cosine of 0 ± 0.14.
        #expect(abs(inner / norms[0] / norms[1]) < 0.6)
      }
    }
  }

  @Test("opposite labels are told apart without a budget and with one")
  func clusters() async throws {
    for budget in ["null", "5"] {
      let outcome = try await run(
        try fedem("rounds=12", "local.learning_rate=2", "privacy.target_epsilon=\(budget)"))
      #expect(outcome.result.agreement?.ari ?? 0 > 0.5)
      #expect(outcome.result.clients.allSatisfy { ($0.epsilon ?? 0) <= 5 })
    }
  }

  @Test(
    "what its accounting does not cover is refused",
    arguments: [
      (["privacy.individual=true"], "privacy.individual"),
      (["privacy.randomness=system"], "privacy.randomness"),
      (["privacy.unit=client"], "privacy.unit"),
      (["method.num_clusters=9"], "method.num_clusters"),
    ])
  func refusals(changes: [String], path: String) throws {
    let json = try Data(
      contentsOf: packageFolder.appendingPathComponent("scenarios/tiny.json"))
    let error = #expect(throws: ScenarioError.self) {
      try Scenario(json: json, overrides: ["method={\"name\": \"fedem\"}"] + changes)
    }
    #expect(error?.problems.first?.path == path)
  }
}
