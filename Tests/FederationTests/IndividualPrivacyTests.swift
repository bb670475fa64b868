// Each example's own ε: a bound, below the ordinary one, smaller for examples that are learnt.

import Federation
import Foundation
import Privacy
import Scenarios
import Testing

@Suite("Examples' own epsilon in results")
struct IndividualPrivacyTests {
  private static func run(_ changes: String...) async throws -> RunResult {
    try await Simulation(
      scenario: Sound.scenario(changes), catalog: Sound.catalog,
      options: SimulationOptions(workers: 2)
    ).run(observer: Recorder()).result
  }

  @Test(
    "own epsilons lie below the ordinary one and follow the loss", arguments: ["r-dpcfl", "ifca"])
  func bounds(method: String) async throws {
    let result = try await Self.run(
      #"method={"name":"\#(method)"}"#, "privacy.individual=true")
    let own = try #require(result.individual)
    let ordinary = try #require(result.clients.compactMap(\.epsilon).max())
    #expect(own.examples == 11 * 300)
    #expect(own.least > 0 && own.least < own.mean && own.mean < own.largest)
    #expect(own.largest <= ordinary)
    #expect(own.meanByClass.count == 4 && own.meanByClass.allSatisfy { $0 != nil })
    #expect(own.meanByCluster.count == 3)
    let clusters = own.meanByCluster.compactMap { $0 }
    let sizes = [900.0, 1200, 1200]
    let mean = zip(clusters, sizes).reduce(0) { $0 + $1.0 * $1.1 } / 3300
    #expect(abs(mean - own.mean) < 1e-9)
    #expect(try #require(own.lossCorrelation) > 0.2)
  }

  /// Own ε come from Rényi divergences, with fewer orders; a tighter bound for all holds for each.
  @Test(
    "gradients that all reach the clipping bound cost what the ordinary accounting says",
    arguments: [("rdp", 0.98), ("best", 1.0)])
  func saturated(accountant: String, least: Double) async throws {
    let result = try await Self.run(
      #"method={"name":"global"}"#, "privacy.individual=true", "privacy.max_grad_norm=1e-6",
      "rounds=3", "privacy.accountant=\(accountant)")
    let own = try #require(result.individual)
    let ordinary = try #require(result.clients[0].epsilon)
    #expect(own.least == own.largest)
    #expect(own.largest <= ordinary && own.largest >= least * ordinary)
    #expect(own.lossCorrelation == nil)
  }

  @Test(
    "where carriers change in every step, each example is held to its own bound in all of them",
    arguments: ["rgp", "prism"])
  func carriers(_ kind: String) async throws {
    let changed = [
      #"model={"name": "mlp", "hidden": [32]}"#,
      #"adapter={"type": "\#(kind)", "r": 2, "target_modules": ["fc1", "fc2"]}"#,
      #"method={"name": "global"}"#, "privacy.max_grad_norm=4", "local.learning_rate=0.125",
    ]
    func result(_ changes: String...) async throws -> RunResult {
      try await Simulation(
        scenario: Sound.scenario(changed + ["rounds=4"] + changes), catalog: Sound.catalog,
        options: SimulationOptions(workers: 2)
      ).run(observer: Recorder()).result
    }
    let without = try await result()
    let followed = try await result("privacy.individual=true")
    let own = try #require(followed.individual)
    let ordinary = try #require(followed.clients.compactMap(\.epsilon).max())
    #expect(own.examples == 11 * 300 && own.least < own.mean && own.largest <= ordinary)
    // Bounds below the common one act: other carriers than those that they were found with have longer gradients.
    #expect(followed.resultDigest != without.resultDigest)
    let saturated = try await result("privacy.individual=true", "privacy.max_grad_norm=1e-6")
    let all = try #require(saturated.individual)
    #expect(all.least == all.largest)
  }

  @Test("results without it stay as they were and can be read without it")
  func absent() async throws {
    let result = try await Self.run("rounds=2")
    #expect(result.individual == nil)
    let data = try JSONEncoder().encode(result)
    #expect(!String(decoding: data, as: UTF8.self).contains("individual"))
    #expect(try JSONDecoder().decode(RunResult.self, from: data) == result)
  }
}
