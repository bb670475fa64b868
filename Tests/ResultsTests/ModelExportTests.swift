// Exported whole models as a stranger reads them: by the file and the names of its tensors alone.

import Datasets
import Federation
import Foundation
import Kernels
import Presentation
import Scenarios
import Store
import Tensors
import TestSupport
import Testing

@Suite("Exported models")
struct ModelExportTests {
  private static func scenario(_ changes: String...) throws -> Scenario {
    try Scenario(
      json: Data(contentsOf: projectFolder.appendingPathComponent("scenarios/tiny.json")),
      overrides: changes)
  }

  private static func run(_ scenario: Scenario) async throws -> RunOutcome {
    try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(places: []),
      options: SimulationOptions(workers: 2)
    ).run(observer: Silent())
  }

  @Test("W x + b of the files is right as often as the run says, client by client")
  func accuracies() async throws {
    let scenario = try Self.scenario()
    let outcome = try await Self.run(scenario)
    try await withFolder { folder in
      let (store, run) = try await store(scenario, outcome, in: folder)
      let target = folder.appendingPathComponent("models")
      let files = try ModelExport(of: run, in: store).write(to: target)
      let used = Set(outcome.result.clients.map(\.model))
      #expect(files.count == 2 * used.count)
      let population = try Population(scenario: scenario, catalog: DatasetCatalog(places: []))
      for client in population.clients {
        let result = outcome.result.clients[client.index]
        let path = target.appendingPathComponent("model-\(result.model)/model.safetensors")
        let file = try SafetensorsFile(file: path)
        #expect(file.metadata["epsilon"] == outcome.result.epsilonMax.map { "\($0)" })
        #expect(file.metadata["noise_seed"] == "0" && file.metadata["aggregation"] == "mean")
        let model = try Safetensors(data: Data(contentsOf: path))
        let (weight, bias) = try (#require(model["fc.weight"]), #require(model["fc.bias"]))
        guard case .float32(let w) = weight.values, case .float32(let b) = bias.values else {
          Issue.record("weights are float32")
          return
        }
        #expect(weight.shape == [4, 12] && bias.shape == [4])
        var right = 0
        for position in 0..<client.test.count {
          let x = client.test.values(at: position)
          let scores = (0..<4).map { row in
            b[row] + (0..<12).reduce(Float(0)) { $0 + w[row * 12 + $1] * x[$1] }
          }
          if scores.indices.max(by: { scores[$0] < scores[$1] }) == client.test.label(at: position)
          {
            right += 1
          }
        }
        #expect(abs(Double(right) / Double(client.test.count) - result.accuracy) < 1e-9)
      }
      let card = try String(
        contentsOf: target.appendingPathComponent("model-0/README.md"), encoding: .utf8)
      #expect(card.contains("scores = inputs @ weights") && !card.contains("base_model"))
      #expect(card.contains("model.path"))
    }
  }

  @Test(
    "a mixture is right as often as the run says, by its files and the shares in their metadata")
  func mixture() async throws {
    let scenario = try Self.scenario(
      "rounds=3", #"method={"name": "fedem", "num_clusters": 3}"#)
    let outcome = try await Self.run(scenario)
    try await withFolder { folder in
      let (store, run) = try await store(scenario, outcome, in: folder)
      let target = folder.appendingPathComponent("models")
      #expect(try ModelExport(of: run, in: store).write(to: target).count == 2 * 3)
      var models: [(shares: [Double], weight: [Float], bias: [Float])] = []
      for index in 0..<3 {
        let place = target.appendingPathComponent("model-\(index)")
        let path = place.appendingPathComponent("model.safetensors")
        let metadata = try SafetensorsFile(file: path).metadata
        let shares = try #require(metadata["mixture_weights"]).split(separator: ",").compactMap {
          $0.split(separator: ":").last.flatMap { Double($0) }
        }
        try #require(shares.count == 8)
        let model = try Safetensors(data: Data(contentsOf: path))
        guard case .float32(let weight) = model["fc.weight"]?.values,
          case .float32(let bias) = model["fc.bias"]?.values
        else {
          Issue.record("weights are float32")
          return
        }
        models.append((shares, weight, bias))
        let card = try String(
          contentsOf: place.appendingPathComponent("README.md"), encoding: .utf8)
        #expect(card.contains("all models together serve each"))
        #expect(card.contains("figures of all models together, and not of this one"))
        #expect(card.contains("protect nobody once they leave your hands"))
      }
      let population = try Population(scenario: scenario, catalog: DatasetCatalog(places: []))
      for client in population.clients {
        let right = (0..<client.test.count).count { position in
          let x = client.test.values(at: position)
          var mixed = [Double](repeating: 0, count: 4)
          for (shares, weight, bias) in models {
            let powers = (0..<4).map { row in
              Elementary.exp(
                Double(
                  bias[row] + (0..<12).reduce(Float(0)) { $0 + weight[row * 12 + $1] * x[$1] }))
            }
            let scale = shares[client.index] / powers.reduce(0, +)
            for row in 0..<4 { mixed[row] += scale * powers[row] }
          }
          return mixed.indices.max { mixed[$0] < mixed[$1] } == client.test.label(at: position)
        }
        let accuracy = outcome.result.clients[client.index].accuracy
        #expect(abs(Double(right) / Double(client.test.count) - accuracy) < 0.006)
      }
    }
  }

  @Test("adapters are for --peft, and whole models for --model")
  func refusals() async throws {
    let adapted = try Self.scenario(
      "rounds=2",
      #"adapter={"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc"]}"#)
    let whole = try Self.scenario("rounds=2")
    let outcomes = (try await Self.run(adapted), try await Self.run(whole))
    try await withFolder { folder in
      let (store, run) = try await store(adapted, outcomes.0, in: folder)
      #expect(throws: PEFTError.hasAdapter(id: run.runID)) { try ModelExport(of: run, in: store) }
    }
    try await withFolder { folder in
      let (store, run) = try await store(whole, outcomes.1, in: folder)
      #expect(throws: PEFTError.noAdapter(id: run.runID)) { try PEFTExport(of: run, in: store) }
      // A folder keeps the models of one run.
      let target = folder.appendingPathComponent("models")
      _ = try ModelExport(of: run, in: store).write(to: target)
      try AdapterFolders.prepare(target, for: run.runID, replacing: false)
      #expect(throws: PEFTError.self) {
        try AdapterFolders.prepare(target, for: "another", replacing: false)
      }
    }
  }
}

private struct Silent: RunObserver {
  func receive(_ event: RunEvent) {}
}
