// Clients that come after training, and clusters whose data change: by what must hold exactly.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

@Suite("Late clients and changing data")
struct LateClientsTests {
  /// Two clusters of the same inputs with opposite labels, and a client of each that arrives. Everybody is tested on
  /// all test examples.
  private static let opposite = """
    {
      "name": "opposite", "rounds": 4, "evaluation": { "every": 1 },
      "data": {
        "name": "synthetic",
        "synthetic": { "classes": 2, "features": 6, "separation": 4, "train_examples": 4000,
                       "test_examples": 300 }
      },
      "population": {
        "test_examples_per_client": 300,
        "clusters": [
          { "name": "a", "clients": 3, "examples_per_client": 300 },
          { "name": "b", "clients": 3, "examples_per_client": 300, "shift": { "label_offset": 1 } },
          { "name": "new-a", "clients": 1, "examples_per_client": 200, "arrives": "after-training" },
          { "name": "new-b", "clients": 1, "examples_per_client": 200, "arrives": "after-training",
            "shift": { "label_offset": 1 } }
        ]
      },
      "model": { "name": "mlp", "hidden": [8] },
      "adapter": { "type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc1"],
                   "modules_to_save": ["fc2"] },
      "local": { "batch_size": 30, "learning_rate": 0.5 },
      "privacy": { "target_epsilon": 8, "target_delta": 1e-4 },
      "method": { "name": "oracle" }
    }
    """

  private func opposite(_ changes: [String] = []) throws -> Scenario {
    try Scenario(json: Data(Self.opposite.utf8), overrides: changes)
  }

  @Test(
    "whoever sees inputs alone is right for one of two opposite clients; a private choice is right for both"
  )
  func opposites() async throws {
    let outcome = try await run(try opposite())
    let arrivals = try #require(outcome.result.arrivals)
    #expect(arrivals.map(\.name) == ["new-a", "new-b"])
    #expect(outcome.result.clients.count == 6)
    for figure: (ArrivedClient) -> Double? in [\.byToken, \.byExample, \.mean] {
      let values = arrivals.compactMap { $0.mean(figure) }
      #expect(values.count == 2)
      // The same test examples with opposite labels.
      let sum: Double = values.reduce(0, +)
      #expect(abs(sum - 1) < 1e-9)
    }
    for (place, arrival) in arrivals.enumerated() {
      let client = try #require(arrival.clients.first)
      #expect(client.client == 6 + place && client.model == place && client.epsilon == 8)
      #expect(client.chosen == client.best && client.chosen > 0.85)
      // Its cluster's clients are tested on the same examples.
      let known = try #require(outcome.result.clients.first { $0.cluster == place })
      #expect(abs(client.chosen - known.accuracy) < 0.011)
    }
    #expect(arrivals[0].epsilon == 8)
  }

  @Test("whoever arrives changes nothing of training, for any number of workers")
  func nothingChanges() async throws {
    let one = try await run(try opposite(), workers: 1)
    let two = try await run(try opposite(), workers: 2)
    #expect(one.result.arrivals == two.result.arrivals)
    #expect(one.result.resultDigest == two.result.resultDigest)
    let single = try await run(try opposite(["method={\"name\": \"global\"}"]))
    // One model: every way to serve is that model.
    let client = try #require(single.result.arrivals?[0].clients.first)
    #expect(client.mean == client.byToken && client.byExample == client.byToken)
    #expect(client.chosen == client.best)
    // A whole model has no low-rank experts; its mean is there.
    let whole = try await run(try opposite(["adapter=null", "rounds=2"]))
    let served = try #require(whole.result.arrivals?[0].clients.first)
    #expect(served.byToken == nil && served.byExample == nil && served.mean != nil)
  }

  @Test("before a change the run is that without the shift, and what is forgotten is measured")
  func change() async throws {
    let (plain, changed) = (Recorder(), Recorder())
    let settings = ["rounds=5", "evaluation.every=1", "method={\"name\": \"oracle\"}"]
    func tiny(_ changes: [String]) throws -> Scenario {
      let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
      return try Scenario(json: Data(contentsOf: url), overrides: settings + changes)
    }
    let shift = "population.clusters[0].shift={\"label_offset\": 3, \"from_round\": 4}"
    try await run(try tiny([]), observer: plain)
    let outcome = try await run(try tiny([shift]), observer: changed)
    for round in 0..<3 {
      let (left, right) = await (plain.rounds[round], changed.rounds[round])
      #expect(left.clusters == right.clusters)
      #expect(left.clients.map(\.updateNorm) == right.clients.map(\.updateNorm))
    }
    let (before, after) = await (changed.rounds[2], changed.rounds[4])
    let result = try #require(outcome.result.changes?.first)
    #expect(outcome.result.changes?.count == 1 && result.cluster == 0 && result.fromRound == 4)
    #expect(result.oldAtChange == before.clusters[0].testAccuracy)
    #expect(result.newAtEnd == after.clusters[0].testAccuracy)
    #expect(result.oldAtEnd == after.changes?.first?.old)
    #expect(result.newAtChange == before.changes?.first?.new)
    // Labels by an offset are wrong wherever the old ones are right.
    #expect(result.bestOld > 0.9 && (result.newAtChange ?? 1) < 0.1)
    #expect(result.forgetting == result.bestOld - result.oldAtEnd && result.forgetting > 0.2)
    #expect(try #require(result.gain) > 0.2)

    // A run that goes on from before the change ends the same.
    let checkpoint = try #require(await changed.checkpoints.first { $0.round == 2 })
    let ledger = await changed.rounds[..<2].flatMap(\.ledger)
    let scenario = try tiny([shift])
    let resumed = try await ResumeTests.simulation(scenario).run(
      observer: Recorder(),
      from: ResumePoint(checkpoint: checkpoint, ledger: ledger, of: scenario))
    #expect(resumed.result.resultDigest == outcome.result.resultDigest)
    #expect(resumed.result.changes == outcome.result.changes)
  }

  @Test(
    "what has no sense is refused with its place",
    arguments: [
      (
        "population.clusters[0].arrives=\"after-training\"", "population.clusters[1].name",
        "list clusters with arrives last"
      ),
      ("privacy.unit=\"client\"", "population.clusters[2].arrives", "pays for its choice"),
      ("privacy.randomness=\"system\"", "population.clusters[2].arrives", "chooses a model once"),
      (
        "population.clusters[1].shift={\"label_offset\": 1, \"from_round\": 5}",
        "population.clusters[1].shift.from_round", "at most rounds, which is 4"
      ),
      (
        "population.clusters[1].shift={\"from_round\": 2}",
        "population.clusters[1].shift.from_round", "there is none"
      ),
      (
        "population.clusters[2].shift={\"label_offset\": 1, \"from_round\": 2}",
        "population.clusters[2].shift.from_round", "come after it"
      ),
    ])
  func refusals(change: String, path: String, message: String) throws {
    let error = #expect(throws: ScenarioError.self) {
      try opposite([change, "method={\"name\": \"global\"}"])
    }
    let text = try #require(error).description
    #expect(text.contains(path) && text.contains(message), "\(text)")
  }
}
