// Accuracies of parts and whole against networks with the same weights, evaluated here.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import Learning
import Presentation
import Scenarios
import Store
import TestSupport
import Testing

@Suite("Accuracies of merged adapters")
struct MergedAccuracyTests {
  @Test("parts and whole are as right as the models that they stand for")
  func accuracies() async throws {
    let made = try MadeUp(
      data: #"""
        {"name": "synthetic", "synthetic": {"classes": 3, "features": 6, "train_examples": 2000}}
        """#, model: #"{"name": "mlp", "hidden": [8]}"#,
      adapter: #"""
        {"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc1", "fc2"], "freeze_a": false}
        """#, architecture: .mlp(inputs: 6, hidden: [8], classes: 3))
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let run = try await made.store(in: store)
      let peft = folder.appendingPathComponent("peft")
      _ = try PEFTExport(of: run, in: store).write(to: peft)
      let parts = try ["model-0", "model-1"].map {
        try AdapterFolder(peft.appendingPathComponent($0))
      }
      let target = folder.appendingPathComponent("merged")
      let files = try MergedAdapter(parts, rule: .uniform, space: .product) { _ in "data" }
        .write(to: target)
      // The whole stands on a base of its own.
      #expect(files.map(\.lastPathComponent).contains("model.safetensors"))
      let accuracy = try MergedAccuracy(
        parts, names: ["a", "b"], merged: try AdapterFolder(target), store: store,
        catalog: DatasetCatalog(places: []))
      let population = try Population(
        scenario: made.scenario, catalog: DatasetCatalog(places: []))
      let network = Network(plan: try TrainingPlan(architecture: made.architecture))
      func share(_ parameters: [Float], _ clients: [Int]) -> Double {
        population.accuracy(of: parameters, for: clients, by: network)
      }
      let frozen = FrozenParameters(base: made.base, factors: made.frozen)
      // As `store` made them: θ and θ / 2.
      let models = [made.theta, made.theta.map { $0 / 2 }].map {
        made.plan.merged(frozen: frozen, trainable: $0)
      }
      let mean = zip(models[0], models[1]).map { ($0 + $1) / 2 }
      #expect(accuracy.parts.map(\.path) == ["a", "b"])
      #expect(accuracy.parts.map(\.clients.count).reduce(0, +) == 5)
      for (part, own) in zip(accuracy.parts, models) {
        #expect(part.alone == share(own, part.clients))
        #expect(part.base == share(made.base, part.clients))
        #expect(abs(part.merged - share(mean, part.clients)) < 0.005)
      }
      #expect(accuracy.parts.contains { $0.alone != $0.base })
      #expect(accuracy.lines(colors: false).contains { $0.contains("mean of the parts") })
      let other = try RunStore.open(folder.appendingPathComponent("other.sqlite"))
      #expect(throws: MergeError.self) {
        try MergedAccuracy(
          parts, names: ["a", "b"], merged: parts[0], store: other,
          catalog: DatasetCatalog(places: []))
      }
    }
  }
}

extension Population {
  /// The mean over clients of the share of their test examples that whole parameters are right on.
  func accuracy(of parameters: [Float], for clients: [Int], by network: Network) -> Double {
    network.load(trainable: parameters)
    return clients.reduce(0.0) {
      let test = self.clients[$1].test
      return $0 + network.evaluate(test).correct / Double(test.count)
    } / Double(clients.count)
  }
}
