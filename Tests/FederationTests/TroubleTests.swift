// Numbers and populations at the edge: each outcome is the one that docs/robustness.md states.

import Datasets
import Federation
import Foundation
import Privacy
import Scenarios
import Testing

@Suite("Trouble")
struct TroubleTests {
  @Test(
    "a training that runs away ends the run, whatever the method",
    arguments: ["r-dpcfl", "global", "local", "mr-mtl", "ifca", "oracle"])
  func diverged(_ method: String) async throws {
    let scenario = try scenario(
      "method={\"name\": \"\(method)\"}", "privacy.target_epsilon=null",
      "model={\"name\": \"mlp\", \"hidden\": [32, 32, 32]}", "local.learning_rate=100",
      "local.epochs=10")
    do {
      _ = try await run(scenario)
      Issue.record("the run ended as if nothing had happened")
    } catch let error as FederationError {
      guard case .notFinite(_, round: 1) = error else { throw error }
      #expect("\(error)".contains("local.learning_rate"))
    }
  }

  @Test(
    "a round that fails has said what it set out to release; where updates lie on a disk, before they do"
  )
  func failedRound() async throws {
    let scenario = try scenario(
      "method={\"name\": \"global\"}", "privacy.max_grad_norm=1e6", "local.learning_rate=100")
    for handsOut in [false, true] {
      let observer = Recorder()
      var options = SimulationOptions(workers: 2)
      options.handsOutUpdates = handsOut
      await #expect(throws: FederationError.self) {
        try await Simulation(
          scenario: scenario, catalog: DatasetCatalog(), options: options
        ).run(observer: observer)
      }
      let failed = await observer.rounds.count + 1
      let announced = await observer.announced[failed] ?? []
      #expect(announced.count == 8)
      #expect(announced.allSatisfy { $0.noiseMultiplier ?? 0 > 0 && $0.count == 10 })
    }
  }

  @Test(
    "under a budget no single record, or client, decides whether a run ends",
    arguments: [
      ["local.batch_size=1"],
      ["privacy.unit=client", "privacy.target_epsilon=20", "privacy.target_delta=0.01"],
    ])
  func oneRecord(_ changes: [String]) async throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    func outcome(_ extreme: Set<Int>) async throws -> RunResult {
      let rows = (0..<120).map { row -> String in
        let usual = "\(row * 37 % 11)"
        let value = extreme.contains(row) ? (row % 2 == 0 ? "3e38" : "-3e38") : usual
        return "c\(row % 3),\(value),\(value),\(row % 2)\n"
      }
      try Data(("who,a,b,y\n" + rows.joined()).utf8).write(to: file)
      let scenario = try scenarioOn(
        """
        {"name": "csv", "path": "\(file.path)", "label_column": "y", "client_column": "who", "classes": [0, 1],
         "columns": [{"column": "a", "kind": "standardized", "mean": 5, "standard_deviation": 3},
                     {"column": "b", "kind": "standardized", "mean": 5, "standard_deviation": 3}]}
        """, ["population={}", "rounds=3"] + changes)
      return try await run(scenario.askingItsTable(DatasetCatalog(places: [])), workers: 1).result
    }
    let usual = try await outcome([])
    let rows: [Int] = changes.count == 1 ? [4, 7, 10] : (0..<120).filter { $0 % 3 == 1 }
    let extreme = try await outcome(Set(rows))
    #expect(usual.clients.map(\.epsilon) == extreme.clients.map(\.epsilon))
    #expect(extreme.clients.allSatisfy { $0.epsilon != nil })
  }

  @Test("clients that are all alike: one model is enough, or several equal ones; never a trap")
  func oneCluster() async throws {
    for seed in 0..<3 {
      let outcome = try await run(
        scenario(
          "seed=\(seed)",
          "population.clusters=[{\"name\": \"a\", \"clients\": 8, \"examples_per_client\": 300}]"))
      let result = outcome.result
      #expect(try #require(result.agreement?.ari).isFinite)
      #expect(result.clients.allSatisfy { $0.accuracy > 0.8 })
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
    let ifca = "method={\"name\": \"ifca\", \"num_clusters\": 6}"
    let recorder = Recorder()
    let outcome = try await run(scenario(ifca, "rounds=6"), observer: recorder)
    // So slow that no parameter moves: the models as they began.
    let start = try await run(scenario(ifca, "rounds=6", "local.learning_rate=1e-40"))
    func values(_ outcome: RunOutcome, _ model: Int) -> [Float] {
      outcome.models.first { $0.name == "model-\(model)" }?.tensors.flatMap(\.values) ?? []
    }
    let used = Set(await recorder.rounds.flatMap { $0.clients.map(\.model) })
    let unused = Set(0..<6).subtracting(used)
    #expect(!unused.isEmpty)
    for model in 0..<6 {
      #expect(!values(outcome, model).isEmpty)
      #expect((values(outcome, model) == values(start, model)) == unused.contains(model))
    }
  }

  @Test("clients without examples of some classes train and are evaluated")
  func missingClasses() async throws {
    let outcome = try await run(
      scenario("population.label_skew={\"type\": \"shards\", \"per_client\": 1}"))
    for client in outcome.result.clients {
      #expect(client.accuracy.isFinite && client.loss.isFinite)
      #expect(client.confusion.matrix.contains { $0.reduce(0, +) == 0 })
    }
  }
}
