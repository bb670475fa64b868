// Optimisers and schedules: read, kept out of the hash where they are the default, refused where they
// mean nothing.

import Scenarios
import Testing

private func tiny(_ overrides: String...) throws -> Scenario {
  try Scenario(json: shippedData("tiny.json"), overrides: overrides)
}

@Suite("Optimisers in a scenario")
struct OptimizersTests {
  @Test("defaults are plain SGD, a constant learning rate and FedAvg, and stay out of the hash")
  func defaults() throws {
    let plain = try tiny()
    #expect(plain.local.optimizer == .sgd)
    #expect(plain.local.learningRateSchedule == .constant)
    #expect(plain.serverOptimizer == .fedAvg)
    #expect(plain.resolved["server"] == nil)
    #expect(plain.resolved["local"]?["optimizer"] == nil)
    let written = try tiny(
      "server.optimizer.name=fedavg", "local.optimizer.name=sgd",
      "local.learning_rate_schedule.name=constant")
    #expect(written == plain)
    #expect(written.hash == plain.hash)
    #expect(try tiny("server={}").hash == plain.hash)
  }

  @Test("settings are read with the field's defaults, change the hash and survive resolving")
  func settings() throws {
    let scenario = try tiny(
      "local.optimizer.name=adam", #"server.optimizer={"name": "fedadam", "eps": 0.01}"#,
      #"local.learning_rate_schedule={"name": "step", "every": 3, "gamma": 0.5}"#)
    guard case .adam(let betas, let eps) = scenario.local.optimizer,
      case .fedAdam(let rate, let serverBetas, let serverEps) = scenario.serverOptimizer
    else {
      Issue.record("another optimiser was read: \(scenario.local) \(scenario.serverOptimizer)")
      return
    }
    #expect((betas.first, betas.second, eps) == (0.9, 0.999, 1e-8))
    #expect((rate, serverBetas.first, serverBetas.second, serverEps) == (0.1, 0.9, 0.99, 0.01))
    #expect(scenario.local.learningRateSchedule == .step(every: 3, gamma: 0.5))
    #expect(scenario.hash != (try tiny()).hash)
    #expect(try Scenario(document: scenario.resolved) == scenario)
    #expect(try tiny("local.optimizer.name=momentum").local.optimizer == .momentum(0.9))
  }

  @Test(
    "what cannot be is refused at its place",
    arguments: [
      (#"local.optimizer.name=adagrad"#, "local.optimizer.name"),
      (#"local.optimizer={"name": "sgd", "momentum": 0.9}"#, "local.optimizer.momentum"),
      (#"local.optimizer={"name": "momentum", "momentum": 1}"#, "local.optimizer.momentum"),
      (#"local.optimizer={"name": "adam", "betas": [0.9]}"#, "local.optimizer.betas"),
      (#"local.learning_rate_schedule.name=step"#, "local.learning_rate_schedule.every"),
      (#"server.optimizer={"name": "fedavgm", "eps": 1}"#, "server.optimizer.eps"),
    ])
  func refused(_ override: String, _ place: String) throws {
    let text = String(decoding: try shippedData("tiny.json"), as: UTF8.self)
    #expect(problems(of: text, overrides: [override]).map(\.path) == [place])
  }

  @Test("a server optimiser needs a server that averages", arguments: ["local", "mr-mtl"])
  func nothingToAverage(_ method: String) throws {
    let text = String(decoding: try shippedData("tiny.json"), as: UTF8.self)
    let overrides = [#"method={"name": "\#(method)"}"#, "server.optimizer.name=fedavgm"]
    #expect(problems(of: text, overrides: overrides).map(\.path) == ["server.optimizer"])
  }
}
