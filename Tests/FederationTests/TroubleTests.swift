// Numbers and populations at the edge: each outcome is the one that docs/robustness.md states.

import Federation
import Foundation
import Scenarios
import Testing

@Suite("Trouble")
struct TroubleTests {
  @Test(
    "losses and updates that run away end the run with the client's name",
    arguments: [
      ["method={\"name\": \"global\"}", "privacy.target_epsilon=null", "local.learning_rate=1e30"],
      ["method={\"name\": \"local\"}", "privacy.target_epsilon=null", "local.learning_rate=3e38"],
    ])
  func diverged(_ changes: [String]) async throws {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    let scenario = try? Scenario(json: Data(contentsOf: url), overrides: changes)
    guard let scenario else { return }
    do {
      let outcome = try await run(scenario)
      // Where every step stays finite the figures must be finite too.
      #expect(outcome.result.clients.allSatisfy { $0.accuracy.isFinite })
    } catch let error as FederationError {
      switch error {
      case .notFinite, .updateOutOfRange: #expect("\(error)".contains("client"))
      default: Issue.record("\(error)")
      }
    }
  }

  @Test("clients that are all alike: one model is enough, or several equal ones; never a trap")
  func oneCluster() async throws {
    for seed in 0..<3 {
      let outcome = try await run(
        scenario(
          "seed=\(seed)",
          "population.clusters=[{\"name\": \"a\", \"clients\": 8, \"examples_per_client\": 300}]"))
      let result = outcome.result
      #expect(result.agreement?.ari.map { $0.isFinite } ?? true)
      #expect(result.clients.allSatisfy { $0.model < outcome.models.count })
    }
  }

  @Test("fewer clients than candidate clusters: the candidates that fit are tried")
  func fewClients() async throws {
    let population =
      "population.clusters=[{\"name\": \"a\", \"clients\": 1, \"examples_per_client\": 300}, "
      + "{\"name\": \"b\", \"clients\": 2, \"examples_per_client\": 300, "
      + "\"shift\": {\"label_offset\": 1}}]"
    let outcome = try await run(scenario(population))
    let clustering = try #require(outcome.result.clustering)
    #expect(clustering.chosenClusters <= 3)
    #expect(clustering.candidates.allSatisfy { $0.clusters <= 3 })
    #expect(throws: ScenarioError.self) {
      try scenario(population, "method={\"name\": \"r-dpcfl\", \"num_clusters\": 4}")
    }
  }

  @Test("a model that no client uses stays as it is")
  func emptyCluster() async throws {
    // Four models for two kinds of clients: some are soon unused.
    let outcome = try await run(
      scenario("method={\"name\": \"ifca\", \"num_clusters\": 6}", "rounds=6"))
    #expect(outcome.models.filter { $0.name.hasPrefix("model-") }.count == 6)
    for model in outcome.models {
      for tensor in model.tensors { #expect(tensor.values.allSatisfy { $0.isFinite }) }
    }
  }

  @Test("clients without examples of some classes train and are evaluated")
  func missingClasses() async throws {
    let outcome = try await run(
      scenario("population.label_skew={\"type\": \"shards\", \"per_client\": 1}"))
    for client in outcome.result.clients {
      #expect(client.accuracy.isFinite && client.loss.isFinite)
      #expect(client.confusion.contains { $0.reduce(0, +) == 0 })
    }
  }
}
