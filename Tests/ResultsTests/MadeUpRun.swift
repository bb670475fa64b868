// A run whose parameters are made up, stored as a simulation would have stored it.

import Analysis
import Federation
import Formatting
import Foundation
import Kernels
import Learning
import Presentation
import Scenarios
import Store
import Tensors
import Testing

/// Examples of any size; every class asks for its own loss, which gives all log-probabilities.
private struct Examples: ExampleSource {
  let values: [[Float]]
  let classes: Int
  var count: Int { values.count * classes }
  func label(at position: Int) -> Int { position % classes }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    let example = values[position / classes]
    for i in example.indices { destination[i] = example[i] }
  }
}

/// A run with made-up parameters: what a simulation would have stored.
struct MadeUp {
  let scenario: Scenario
  let architecture: Architecture
  let plan: TrainingPlan
  let base: [Float]
  let theta: [Float]
  let frozen: [Float]
  let residual: [String: [Float]]

  init(
    data: String, model: String, adapter: String, architecture: Architecture,
    residual: Bool = false,
    deviation: Double = 0.1
  ) throws {
    let text = """
      { "name": "sample", "seed": 7, "rounds": 2, "data": \(data),
        "population": { "clusters": [{ "name": "all", "clients": 5, "examples_per_client": 100 }] },
        "model": \(model), "adapter": \(adapter),
        "local": { "batch_size": 20, "learning_rate": 0.1 },
        "privacy": { "target_epsilon": 5, "target_delta": 1e-4 }, "method": { "name": "global" } }
      """
    scenario = try Scenario(json: Data(text.utf8))
    let settings = try #require(scenario.adapter)
    self.architecture = architecture
    plan = try TrainingPlan(architecture: architecture, adapter: settings.built(seed: 7))
    base = architecture.initialParameters(seed: 3)
    var stream = RandomStream(seed: 4, purpose: .test)
    func noise(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float(deviation * stream.nextGaussian()) }
    }
    theta = zip(plan.initialTrainable(base: base, seed: 3), noise(plan.trainableCount)).map {
      $0 + $1
    }
    frozen = plan.frozenFactors(seed: 3)
    var folded: [String: [Float]] = [:]
    if residual {
      for layer in plan.adaptedLayers { folded[layer.name] = noise(layer.rows * layer.columns) }
    }
    self.residual = folded
  }

  private func tensors(_ slots: [ParameterSlot], _ values: [Float]) -> [Safetensors.Tensor] {
    slots.map {
      Safetensors.Tensor(
        name: $0.name, shape: $0.columns == 1 ? [$0.rows] : [$0.rows, $0.columns],
        values: .float32(Array(values[$0.range])))
    }
  }

  func store(in store: RunStore) async throws -> RunRecord {
    let recorder = try RunRecorder(store: store, scenario: scenario, workers: 1, machine: "m")
    let extra = residual.map { name, values in
      Safetensors.Tensor(
        name: "\(name).residual", shape: [values.count], values: .float32(values))
    }
    try await recorder.finish(
      try Sample.result(lastModel: 0),
      models: [
        "model-0": try Safetensors(tensors: tensors(plan.slots, theta) + extra),
        "model-1": try Safetensors(tensors: tensors(plan.slots, theta.map { $0 / 2 }) + extra),
        "base": try Safetensors(
          tensors: tensors(architecture.slots, base) + tensors(plan.frozenFactorSlots, frozen)),
      ], cost: Sample.cost)
    return try store.run(named: recorder.runID)
  }

  /// Log-probabilities of every class by our own network, adapters merged.
  func logProbabilities(_ examples: [[Float]]) throws -> [[Double]] {
    let network = Network(plan: try TrainingPlan(architecture: architecture))
    var whole = plan.merged(
      frozen: FrozenParameters(base: base, factors: frozen), trainable: theta)
    for (layer, values) in residual {
      let slot = try #require(architecture.slots.first { $0.name == "\(layer).weight" })
      for (place, value) in zip(slot.range, values) { whole[place] += value }
    }
    network.load(trainable: whole)
    var losses: [Double] = []
    let source = Examples(values: examples, classes: architecture.classes)
    _ = network.evaluate(source, lossObserver: { losses.append(-$1) })
    return (0..<examples.count).map {
      Array(losses[$0 * architecture.classes..<($0 + 1) * architecture.classes])
    }
  }
}
