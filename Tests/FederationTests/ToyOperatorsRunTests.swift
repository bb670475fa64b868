// The decoder's shipped scenario, made small: what counts, what a run repeats, what is refused.

import Federation
import Foundation
import Learning
import Scenarios
import Testing

@Suite("Toy operators in scenarios")
struct ToyOperatorsRunTests {
  private func small(_ changes: [String] = []) throws -> Scenario {
    let small = [
      "rounds=2", "data.train_examples=600", "data.test_examples=60", "data.public_examples=200",
      "model.pretraining.epochs=1", "model.width=8", "model.heads=2", "model.blocks=1",
      "population.test_examples_per_client=10", "population.clusters[0].clients=3",
      "population.clusters[1].clients=2", "population.clusters[0].examples_per_client=30",
      "population.clusters[1].examples_per_client=30", "local.steps=2", "local.batch_size=10",
      "method={\"name\": \"r-dpcfl\", \"candidate_clusters\": [2]}",
    ]
    let file = packageFolder.appendingPathComponent("scenarios/toy-operators.json")
    return try Scenario(json: Data(contentsOf: file), overrides: small + changes)
  }

  @Test("the four answers count and nothing else")
  func predicted() async throws {
    let outcome = try await run(small(), workers: 1)
    // Shares of right answers of four answers a text.
    for client in outcome.result.clients {
      let right = client.accuracy * 10 * 4
      #expect(abs(right - right.rounded()) < 1e-9, "\(client.accuracy)")
    }
    // Of all 24 tokens the shares are others.
    let all = try await run(small(["model.predict=null"]), workers: 1)
    #expect(
      all.result.clients.contains { client in
        let right = client.accuracy * 10 * 4
        return abs(right - right.rounded()) > 1e-3
      })
  }

  @Test("the same digest for 1 and 2 workers")
  func digest() async throws {
    let one = try await run(small(), workers: 1)
    #expect(try await run(small(), workers: 2).result == one.result)
  }

  @Test(
    "what cannot be is refused with its place",
    arguments: [
      ("model.max_tokens=24", "model.max_tokens: must be at least 25"),
      ("model.predict={\"from\": 64}", "model.predict.from: must be below max_tokens, 25"),
      ("population.clusters[0].shift.label_offset=1", "a gpt predicts next tokens"),
      (
        "model={\"name\": \"bert\", \"path\": \"/none\"}",
        "\"toy-operators\" has texts without labels; use the model \"gpt\""
      ),
      ("model={\"name\": \"gpt\", \"path\": \"/none\"}", "reads other tokens than the 14"),
    ])
  func refusals(_ change: String, _ words: String) throws {
    let error = #expect(throws: ScenarioError.self) { try small([change]) }
    #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
  }
}
