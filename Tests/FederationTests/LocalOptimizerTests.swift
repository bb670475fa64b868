// Optimisers of clients and server against explicit weighted sums, not against another recursion.
//
// The golden numbers are the closed forms Σ_s β^(t−s) g_s evaluated in double precision by a script.

import Federation
import Foundation
import Kernels
import Learning
import Scenarios
import Testing

/// The gradients that the golden numbers belong to.
private let gradients: [Float] = [0.5, -1.25, 2, 0, -0.75]

private func optimizer(_ override: String) throws -> Scenario.Local.Optimizer {
  try scenario("local.optimizer=\(override)").local.optimizer
}

private func serverOptimizer(_ override: String) throws -> Scenario.ServerOptimizer {
  try scenario("method={\"name\": \"global\"}", "server.optimizer=\(override)").serverOptimizer
}

@Suite("Local optimisers")
struct LocalOptimizerTests {
  @Test(
    "one parameter goes where the closed forms say",
    arguments: [
      (
        #"{"name": "adam"}"#,
        [
          0.900000002, 0.9442215279138958, 0.9102996651190386, 0.882512939229498,
          0.8763100842681687,
        ]
      ),
      (#"{"name": "momentum"}"#, [0.95, 1.03, 0.902, 0.7868, 0.75812]),
      (#"{"name": "sgd"}"#, [0.95, 1.075, 0.875, 0.875, 0.95]),
    ])
  func golden(_ override: String, _ path: [Double]) throws {
    var optimizer = LocalOptimizer(try optimizer(override), count: 1)
    var theta: [Float] = [1]
    for (gradient, expected) in zip(gradients, path) {
      // A sum over an expected batch of 8.
      optimizer.move(&theta, against: [8 * gradient], expectedBatch: 8, learningRate: 0.1)
      #expect(abs(Double(theta[0]) - expected) < 1e-6)
    }
  }

  @Test("parameters do not see one another, and momentum 0 is plain SGD to the bit")
  func independence() throws {
    var stream = RandomStream(seed: 6, purpose: .test)
    let sums = (0..<6).map { _ in (0..<9).map { _ in Float(stream.nextGaussian()) } }
    func path(_ kind: Scenario.Local.Optimizer, _ columns: Range<Int>) -> [Float] {
      var optimizer = LocalOptimizer(kind, count: columns.count)
      var theta = [Float](repeating: 0.5, count: columns.count)
      for sum in sums {
        optimizer.move(&theta, against: Array(sum[columns]), expectedBatch: 4, learningRate: 0.25)
      }
      return theta
    }
    for name in ["sgd", "momentum", "adam"] {
      let kind = try optimizer("{\"name\": \"\(name)\"}")
      #expect(Array(path(kind, 0..<9)[3..<5]) == path(kind, 3..<5))
    }
    let still = try optimizer(#"{"name": "momentum", "momentum": 0}"#)
    #expect(path(still, 0..<9) == path(.sgd, 0..<9))
  }

  @Test("with betas of zero Adam moves by the sign of the gradient")
  func signs() throws {
    var optimizer = LocalOptimizer(
      try optimizer(#"{"name": "adam", "betas": [0, 0], "eps": 1e-12}"#), count: 2)
    var theta: [Float] = [0, 0]
    optimizer.move(&theta, against: [30, -0.001], expectedBatch: 10, learningRate: 0.5)
    #expect(abs(theta[0] + 0.5) < 1e-6 && abs(theta[1] - 0.5) < 1e-6)
  }

  @Test("schedules have their closed forms")
  func schedules() throws {
    func factor(_ override: String, round: Int, progress: Double) throws -> Double {
      try scenario("local.learning_rate_schedule=\(override)").local.learningRateSchedule
        .factor(round: round, progress: progress)
    }
    let cosine = #"{"name": "cosine", "final_ratio": 0.2}"#
    let linear = #"{"name": "linear", "final_ratio": 0.2}"#
    // cos(π/3) = ½, so a third of the way the cosine stands at 0.2 + 0.8 · ¾.
    for (progress, expected) in [(0, 1), (1.0 / 3, 0.8), (0.5, 0.6), (1, 0.2)] {
      #expect(abs(try factor(cosine, round: 0, progress: progress) - expected) < 1e-12)
    }
    for (progress, expected) in [(0, 1), (0.25, 0.8), (0.5, 0.6), (1, 0.2)] {
      #expect(abs(try factor(linear, round: 0, progress: progress) - expected) < 1e-12)
    }
    let step = #"{"name": "step", "every": 3, "gamma": 0.5}"#
    for (round, expected) in [(0, 1), (2, 1), (3, 0.5), (5, 0.5), (6, 0.25)] {
      #expect(try factor(step, round: round, progress: 0.9) == expected)
    }
    #expect(try factor(#"{"name": "constant"}"#, round: 7, progress: 0.7) == 1)
  }

  @Test("the schedule runs over all steps of all rounds")
  func progress() throws {
    let source = TwoClouds(count: 40)
    let plan = try TrainingPlan(architecture: .logistic(inputs: 5, classes: 2))
    let network = Network(plan: plan)
    let start = plan.architecture.initialParameters(seed: 1)
    func delta(round: Int, schedule: Bool, learningRate: Float) throws -> [Float] {
      // One full-batch step, so that the learning rate scales the delta alone.
      var work = LocalWork(
        seed: 7, round: round, client: 3, start: start, batches: .full(steps: 1),
        learningRate: learningRate, privacy: (0.5, 1.3))
      work.rounds = 4
      if schedule { work.schedule = .linear(finalRatio: 0) }
      return try LocalTraining.run(work, on: source, features: nil, network: network).delta
    }
    for round in 0..<4 {
      let factor = 1 - Float(round) / 4
      let scheduled = try delta(round: round, schedule: true, learningRate: 0.5)
      let constant = try delta(round: round, schedule: false, learningRate: 0.5 * factor)
      #expect(scheduled == constant)
    }
  }
}

@Suite("Server optimisers")
struct ServerOptimizerTests {
  private func state(_ models: [[Float]]) -> FederatedState {
    FederatedState(models: models, assignment: [])
  }

  @Test(
    "one parameter goes where the closed forms say",
    arguments: [
      (
        #"{"name": "fedadam"}"#,
        [
          1.0980392156862744, 1.0390144118978941, 1.0919805868568848, 1.1398892960202818,
          1.1513254902391215,
        ]
      ),
      (#"{"name": "fedavgm", "learning_rate": 0.5}"#, [1.25, 0.85, 1.49, 2.066, 2.2094]),
      (#"{"name": "fedavg"}"#, [1.5, 0.25, 2.25, 2.25, 1.5]),
    ])
  func golden(_ override: String, _ path: [Double]) throws {
    let optimizer = try serverOptimizer(override)
    var state = state([[9], [1]])
    for (update, expected) in zip(gradients, path) {
      state.move(model: 1, by: [update], optimizer: optimizer)
      // Stored and read between rounds, as a checkpoint would.
      state = try JSONDecoder().decode(FederatedState.self, from: JSONEncoder().encode(state))
      #expect(abs(Double(state.models[1][0]) - expected) < 1e-6)
      #expect(state.models[0] == [9])
    }
    #expect((state.moments == nil) == (optimizer == .fedAvg))
  }

  @Test("momentum 0 at rate 1 is FedAvg, run for run", arguments: ["r-dpcfl", "global", "oracle"])
  func neutral(_ method: String) async throws {
    let plain = try scenario("method={\"name\": \"\(method)\"}", "rounds=4")
    let still = try scenario(
      "method={\"name\": \"\(method)\"}", "rounds=4",
      #"server.optimizer={"name": "fedavgm", "momentum": 0}"#)
    let digests = [
      try await run(plain).result.resultDigest, try await run(still).result.resultDigest,
    ]
    #expect(digests[0] == digests[1])
  }

  @Test(
    "runs repeat to the bit for any number of workers, and each optimiser changes them",
    arguments: ["global", "ifca"], ["example", "client"])
  func reproducible(_ method: String, _ unit: String) async throws {
    var digests: Set<String> = []
    for server in ["fedavg", "fedavgm", "fedadam"] {
      for local in ["sgd", "adam"] {
        let scenario = try scenario(
          "method={\"name\": \"\(method)\"}", "rounds=3", "privacy.unit=\(unit)",
          "server.optimizer.name=\(server)", "local.optimizer.name=\(local)",
          "local.learning_rate=0.05", "local.learning_rate_schedule.name=cosine")
        let once = try await run(scenario, workers: 1).result
        let again = try await run(scenario, workers: 3).result
        #expect(once.resultDigest == again.resultDigest)
        #expect(once.clients.allSatisfy { ($0.epsilon ?? 0) > 0 })
        digests.insert(once.resultDigest)
      }
    }
    #expect(digests.count == 6)
  }
}
