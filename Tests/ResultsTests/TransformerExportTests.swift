// Exported adapters of language models: read back they give the run's own losses, and real transformers and peft give
// the logits that they give here.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import Learning
import Presentation
import Scenarios
import Store
import Tensors
import TestModels
import TestSupport
import Testing

let hasTransformers = hasEnvironment(".venv-transformers")

/// Texts as ids, each with every class as its label: the losses are minus log-probabilities.
private struct Ids: ExampleSource {
  let ids: [[Int32]]
  var count: Int { 2 * ids.count }
  func label(at position: Int) -> Int { position % 2 }
  func length(at position: Int) -> Int { ids[position / 2].count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    for (place, id) in ids[position / 2].enumerated() { destination[place] = id }
  }
}

/// Keeps a finished run in a store.
func store(_ scenario: Scenario, _ outcome: RunOutcome, in folder: URL) async throws
  -> (RunStore, RunRecord)
{
  let store = try RunStore.open(folder.appendingPathComponent("runs.sqlite"))
  let recorder = try RunRecorder(
    store: store, scenario: scenario, workers: 1, machine: "a machine")
  let models = try outcome.models.map { ($0.name, try Safetensors($0, metadata: [:])) }
  try await recorder.finish(
    outcome.result, models: Dictionary(uniqueKeysWithValues: models), cost: Sample.cost)
  return (store, try store.run(named: recorder.runID))
}

/// What `tools/peft-transformers` says of an exported model.
func transformers<Answer: Decodable>(_ option: String, _ folder: URL, _ inputs: URL) throws
  -> Answer
{
  let (status, output) = try callTool(
    "peft-transformers", [option, folder.path, inputs.path])
  #expect(status == 0)
  return try JSONDecoder().decode(Answer.self, from: output)
}

@Suite("Exported language models")
struct TransformerExportTests {
  private static func adapter(_ settings: String) -> String {
    "adapter={\"type\": \"lora\", \"r\": 2, \"lora_alpha\": 4, \(settings)}"
  }

  static let settings: [[String]] = [
    [], ["adapter.aggregation=fedit", "adapter.use_rslora=true", "model.pooling=cls"],
    [adapter("\"target_modules\": [\"query\", \"dense\", \"classifier\"]")],
    [adapter("\"target_modules\": [\"value\"], \"aggregation\": \"fedex-lora\"")],
  ]

  /// The exported model as a whole network of its own: adapters merged into the folder's weights.
  private func network(_ folder: URL, of scenario: Scenario) throws -> (Network, [Float]) {
    func file(_ name: String) throws -> Safetensors {
      try Safetensors(data: Data(contentsOf: folder.appendingPathComponent(name)))
    }
    let document = try JSONValue(
      parsing: Data(contentsOf: folder.appendingPathComponent("adapter_config.json")))
    guard case .string(let base)? = document["base_model_name_or_path"] else {
      throw PEFTError.noAdapter(id: "none")
    }
    let model = try PretrainedModel(
      folder: base.hasPrefix("/")
        ? URL(fileURLWithPath: base) : folder.appendingPathComponent(base))
    let adapter = try TransformerAdapter(
      document: document, tensors: file("adapter_model.safetensors"),
      configuration: model.configuration)
    let merged = adapter.merged(into: model.parameters)
    let head = try file("classifier.safetensors")
    let architecture = try Architecture(
      scenario: scenario, shape: .tokens(maximum: 9, vocabulary: TinyTexts.words.count), classes: 2)
    let parameters = try architecture.parameters(seed: 1) { name in
      if case .float32(let values)? = head[name]?.values { return values[...] }
      return merged[name]
    }
    return (Network(plan: try TrainingPlan(architecture: architecture)), parameters)
  }

  @Test("read back, a model gives the losses of its run, and peft its logits", arguments: settings)
  func roundTrip(_ changes: [String]) async throws {
    let texts = try TinyTexts()
    let scenario = try texts.scenario(["method={\"name\": \"oracle\"}"] + changes)
    let outcome = try await texts.run(scenario)
    let (store, run) = try await store(scenario, outcome, in: texts.folder)
    let target = texts.folder.appendingPathComponent("adapters")
    let files = try TransformerExport(of: run, in: store).write(to: target)
    #expect(files.count { $0.lastPathComponent == "adapter_config.json" } == 2)
    let population = try Population(scenario: scenario, catalog: DatasetCatalog(places: []))
    for (client, result) in zip(population.clients, outcome.result.clients) {
      let folder = target.appendingPathComponent("model-\(result.model)")
      let (network, parameters) = try network(folder, of: scenario)
      network.load(trainable: parameters)
      let seen = network.evaluate(client.test)
      #expect(abs(seen.loss / Double(seen.examples) - result.loss) < 1e-4)
    }
    guard hasTransformers else { return }
    let ids: [[Int32]] = [[2, 5, 9, 3], [2, 13, 10, 15, 6, 3], [2, 3]]
    let inputs = texts.folder.appendingPathComponent("inputs.json")
    try JSONEncoder().encode(ids).write(to: inputs)
    let folder = target.appendingPathComponent("model-0")
    let logits: [[Double]] = try transformers("--logits", folder, inputs)
    let (network, parameters) = try network(folder, of: scenario)
    network.load(trainable: parameters)
    var losses: [Int: Double] = [:]
    _ = network.evaluate(Ids(ids: ids), lossObserver: { losses[$0] = $1 })
    for (text, logits) in logits.enumerated() {
      let difference = try #require(losses[2 * text]) - #require(losses[2 * text + 1])
      #expect(abs((logits[1] - logits[0]) - difference) < 1e-4, "\(logits) \(difference)")
    }
    #expect(logits.count == ids.count)
  }

  @Test("a layer that was trained whole has no place in the folder")
  func whole() async throws {
    let texts = try TinyTexts()
    let scenario = try texts.scenario([
      "model.pooling=pooler", "adapter.modules_to_save=[\"classifier\", \"pooler\"]",
    ])
    let pooler = try texts.weights(of: TinyTexts.sizes.layout(pooler: true)).data()
    try pooler.write(to: texts.folder.appendingPathComponent("bert/model.safetensors"))
    let (store, run) = try await store(scenario, texts.run(scenario), in: texts.folder)
    let error = #expect(throws: PEFTError.self) { try TransformerExport(of: run, in: store) }
    #expect(error.map { "\($0)" }?.contains("pooler.dense.bias was trained whole") == true)
  }
}
