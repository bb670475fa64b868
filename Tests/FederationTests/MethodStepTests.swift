// Steps of the methods on numbers small enough for the hand.

import Clustering
import Datasets
import Federation
import Foundation
import Privacy
import Scenarios
import Testing

@Suite("Steps of methods")
struct MethodStepTests {
  private func models(_ outcome: RunOutcome) -> [[Float]] {
    outcome.models.filter { $0.name.hasPrefix("model-") }.map { $0.tensors.flatMap(\.values) }
  }

  private func distance(_ first: [Float], _ second: [Float]) -> Float {
    zip(first, second).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  @Test("a pull and a correction move θ as the formula says")
  func regularizer() {
    var theta: [Float] = [1, -2, 0.5]
    let term = LocalWork.Regularizer(
      lambda: 0.5, center: [0, 0, 0.5], correction: [1, -1, 2])
    term.pull(&theta, learningRate: 0.5)
    // θ − η (λ (θ − center) + correction): 1 − 0.5 (0.5 + 1), −2 − 0.5 (−1 − 1), 0.5 − 0.5 · 2.
    #expect(theta == [0.25, -1, -0.5])
  }

  @Test("FedProx with μ = 0 is FedAvg; μ holds clients near the global model")
  func fedProx() async throws {
    func moved(_ method: String) async throws -> (model: [Float], norm: Double) {
      let observer = Recorder()
      let outcome = try await run(
        try scenario("method=\(method)", "rounds=2", "local.epochs=3"), observer: observer)
      let last = await observer.rounds[1]
      return (models(outcome)[0], last.clients.compactMap(\.updateNorm).reduce(0, +))
    }
    let global = try await moved("{\"name\": \"global\"}")
    #expect(try await moved("{\"name\": \"fedprox\", \"mu\": 0}") == global)
    let held = try await moved("{\"name\": \"fedprox\", \"mu\": 1}")
    #expect(held.norm < global.norm)
  }

  @Test("Ditto pays for both of its models, and λ draws a client's own to the global one")
  func ditto() async throws {
    func spread(_ lambda: Double) async throws -> Float {
      let observer = Recorder()
      let outcome = try await run(
        try scenario("method={\"name\": \"ditto\", \"lambda\": \(lambda)}", "rounds=4"),
        observer: observer)
      let ledger = await observer.ledger
      // Four rounds of training whoever the model belongs to, as every method that only trains.
      let global = Recorder()
      try await run(try scenario("method={\"name\": \"global\"}", "rounds=4"), observer: global)
      #expect(await ledger.map(\.count) == global.ledger.map(\.count))
      let all = models(outcome)
      #expect(all.count == outcome.result.clients.count + 1)
      #expect(outcome.result.clients.allSatisfy { $0.model == $0.client + 1 })
      return all.dropFirst().reduce(0) { $0 + distance($1, all[0]) }
    }
    #expect((0..<5).map(Scenario.Ditto.isPersonal) == [false, true, false, true, false])
    #expect(try await spread(1.5) < 0.9 * spread(0))
  }

  @Test("Ditto's global model has the thresholds that global rounds learned")
  func dittoThresholds() async throws {
    let observer = Recorder()
    try await run(
      try scenario(
        #"method={"name": "ditto"}"#, "rounds=2", #"model={"name": "mlp", "hidden": [8]}"#,
        #"privacy.clipping={"name": "per-layer-adaptive"}"#), observer: observer)
    let states = await observer.checkpoints.map(\.state)
    let (global, personal) = (states[0].thresholds, states[1].thresholds)
    #expect(global?[0].count == 2 && global?.dropFirst().allSatisfy(\.isEmpty) == true)
    #expect(personal?[0] == global?[0] && personal?.allSatisfy { $0.count == 2 } == true)
  }

  @Test("SCAFFOLD's control variates by hand, and their first round is FedAvg's")
  func scaffold() async throws {
    // c_i − c − Δ / (K η) with K η = 0.5.
    let control = Scenario.Scaffold.control(
      [1, 2], mean: [0.5, 0.25], delta: [-1, 1], scale: 0.5)
    #expect(control == [2.5, -0.25])
    #expect(try Scenario.Scaffold.mean([[1, 2], [3, -2]]) == [2, 0])

    func model(_ method: String, rounds: Int) async throws -> [Float] {
      models(
        try await run(try scenario("method={\"name\": \"\(method)\"}", "rounds=\(rounds)")))[0]
    }
    #expect(try await model("scaffold", rounds: 1) == model("global", rounds: 1))
    #expect(try await model("scaffold", rounds: 2) != model("global", rounds: 2))
  }

  private var learningRate: Float {
    get throws { Float(try scenario().local.learningRate) }
  }

  @Test("after a round all c_i together are minus the mean update over K η")
  func scaffoldState() async throws {
    let observer = Recorder()
    // B of LoRA starts at zero, so the model after the round is the mean update.
    try await run(
      try scenario(
        "method={\"name\": \"scaffold\"}", "rounds=1",
        #"adapter={"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc"], "freeze_a": true}"#
      ),
      observer: observer)
    let state = try #require(await observer.checkpoints.last).state
    let controls = try #require(state.controls)
    let steps = try #require(await observer.rounds[0].clients.first?.steps)
    let scale = Float(steps) * (try learningRate)
    let mean = try #require(try Scenario.Scaffold.mean(controls))
    for (value, moved) in zip(mean, state.models[0]) {
      #expect(abs(value + moved / scale) < 1e-4)
    }
  }

  @Test("CFL divides two groups that pull apart, and leaves one that goes together")
  func division() throws {
    let method = try #require(
      try scenario("method={\"name\": \"cfl\"}").method.settings as? Scenario.RecursiveClusters)
    let apart: [[Float]] = [[1, 0.1], [-1, 0], [1, -0.1], [-1, 0.1]]
    #expect(method.division(of: apart)?.isSecond == [false, true, false, true])
    // Mean (1, 0.05), as long as each update.
    #expect(method.division(of: [[1, 0.1], [1, 0], [1, -0.1], [1, 0.2]]) == nil)
    // A part of one client is too small.
    #expect(method.division(of: [[1, 0], [-0.3, 0.1], [-0.3, -0.1], [-0.3, 0]]) == nil)
  }

  @Test("CFL finds the clusters where there is no noise, each client in one at any depth")
  func recursiveClusters() async throws {
    let observer = Recorder()
    let outcome = try await run(
      try scenario("method={\"name\": \"cfl\"}", "rounds=12", "privacy.target_epsilon=null"),
      observer: observer)
    #expect(outcome.result.agreement?.ari == 1)
    var parent: [Int: Int] = [:]
    var before = [Int](repeating: 0, count: outcome.result.clients.count)
    for round in await observer.rounds {
      var now = before
      for client in round.clients { now[client.client] = client.model }
      for (old, new) in zip(before, now) where old != new {
        // Clients move to a new model together, from one parent.
        #expect(parent[new] == nil || parent[new] == old)
        parent[new] = old
      }
      before = now
    }
  }

  @Test("k-means on first updates finds the clusters and pays for no selection")
  func kMeans() async throws {
    let observer = Recorder()
    let outcome = try await run(
      try scenario("method={\"name\": \"k-means\"}", "rounds=3"), observer: observer)
    #expect(outcome.result.agreement?.ari == 1)
    #expect(await observer.ledger.allSatisfy { $0.purpose != .clusterSelection })
  }

  @Test("mbc finds the clusters by what is released, and pays for training alone")
  func modelClusters() async throws {
    for settings in ["", #", "first_round": "training""#] {
      let observer = Recorder()
      let outcome = try await run(
        try scenario("method={\"name\": \"mbc\"\(settings)}", "rounds=3"), observer: observer)
      #expect(outcome.result.agreement?.ari == 1)
      #expect(outcome.result.clustering?.isConfident == true)
      #expect(outcome.result.clustering?.candidates.contains { ($0.silhouette ?? 0) > 0.5 } == true)
      #expect(await observer.ledger.allSatisfy { $0.purpose != .clusterSelection })
      #expect(outcome.result.clients.allSatisfy { ($0.epsilon ?? 9) <= 5 })
    }
    // A first round of training is one of the rounds that global pays for, whatever the cohort's size.
    let (mbc, global) = (Recorder(), Recorder())
    try await run(
      try scenario(
        #"method={"name": "mbc", "first_round": "training"}"#, "rounds=3", "cohort_size=4",
        #"adapter={"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc"], "freeze_a": false}"#
      ), observer: mbc)
    try await run(try scenario("method={\"name\": \"global\"}", "rounds=3"), observer: global)
    let first = await (mbc.rounds[0].ledger, global.rounds[0].ledger)
    #expect(first.0.map(\.client) == first.1.map(\.client))
    #expect(first.0.map(\.count) == first.1.map(\.count))
    #expect(first.0.map(\.sampleRate) == first.1.map(\.sampleRate))
    #expect(await mbc.rounds[1].ledger.count == 4)
  }
}
