// Merged adapters of language models: accuracies against the runs' own and against networks with the same weights, the
// classifier that stands beside them, and what is refused.

import Analysis
import Datasets
import Federation
import Foundation
import Learning
import Presentation
import Scenarios
import Store
import Tensors
import TestModels
import Testing

@Suite("Merged language models")
struct MergedLanguageModelTests {
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    var changes: [String] = []
    var isDecoder = false
  }

  /// Without noise, so that a few steps teach something.
  private static let trained = [
    "method={\"name\": \"oracle\"}", "privacy.target_epsilon=null",
    "privacy.clips_without_noise=true", "local.steps=10",
  ]

  private static func adapter(_ settings: String) -> String {
    "adapter={\"type\": \"lora\", \"r\": 2, \"lora_alpha\": 4, \(settings)}"
  }

  static let cases = [
    Case(description: "encoder"),
    Case(
      description: "encoder whose classifier is adapted",
      changes: [
        adapter("\"target_modules\": [\"query\", \"classifier\"], \"aggregation\": \"fedit\""),
        "model.pooling=cls",
      ]),
    Case(description: "encoder with a pooler", changes: ["model.pooling=pooler"]),
    Case(
      description: "pretrained decoder",
      changes: ["model={\"name\": \"gpt\", \"path\": \"gpt\", \"max_tokens\": 20}"],
      isDecoder: true),
    Case(
      description: "decoder of its own",
      changes: ["model.pretraining.epochs=20", "local.learning_rate=1"], isDecoder: true),
  ]

  private func texts(_ test: Case) throws -> (TinyTexts, Scenario) {
    let texts = try TinyTexts()
    try texts.addDecoder()
    if test.changes.contains("model.pooling=pooler") {
      try texts.weights(of: TinyTexts.sizes.layout(pooler: true)).data()
        .write(to: texts.folder.appendingPathComponent("bert/model.safetensors"))
    }
    let json = test.isDecoder ? TinyTexts.decoderJSON : TinyTexts.json
    return (texts, try texts.scenario(Self.trained + test.changes, json: json))
  }

  /// The adapters of a run as they are exported.
  private func parts(
    of run: RunRecord, in store: RunStore, to folder: URL
  ) throws -> [AdapterFolder] {
    try AdapterFolders.write(run, in: store, to: folder.appendingPathComponent("adapters"))
      .filter { $0.lastPathComponent == "adapter_config.json" }
      .map { try AdapterFolder($0.deletingLastPathComponent()) }
  }

  /// Merges parts by their mean, and reads what was written.
  private func merge(_ parts: [AdapterFolder], to folder: URL) throws -> AdapterFolder {
    _ = try MergedAdapter(parts, rule: .uniform, space: .product) { _ in "data" }
      .write(to: folder)
    return try AdapterFolder(folder)
  }

  /// A classifier's weights and biases.
  private func classifier(_ folder: URL) throws -> [Float] {
    let file = try Safetensors(
      data: Data(contentsOf: folder.appendingPathComponent("classifier.safetensors")))
    return ["classifier.weight", "classifier.bias"].flatMap { name -> [Float] in
      guard case .float32(let values)? = file[name]?.values else { return [] }
      return values
    }
  }

  /// The base and the models of a run as whole vectors, by its plan and what it stored.
  private func wholes(
    _ outcome: RunOutcome, of population: Population
  ) throws -> (base: [Float], models: [[Float]]) {
    let plan = population.plan
    var files: [String: [String: [Float]]] = [:]
    for model in outcome.models {
      files[model.name] = Dictionary(
        uniqueKeysWithValues: model.tensors.map { ($0.name, $0.values) })
    }
    let stored = try #require(files["base"])
    var base =
      try population.scenario.pretrainedParameters(of: plan.architecture)
      ?? [Float](repeating: 0, count: plan.architecture.parameterCount)
    for slot in plan.architecture.slots {
      if let values = stored[slot.name] { base.replaceSubrange(slot.range, with: values) }
    }
    let frozen = FrozenParameters(
      base: base, factors: try plan.frozenFactorSlots.flatMap { try #require(stored[$0.name]) })
    let models = try (0..<2).map { index in
      let file = try #require(files["model-\(index)"])
      return plan.merged(
        frozen: frozen, trainable: try plan.slots.flatMap { try #require(file[$0.name]) })
    }
    return (base, models)
  }

  @Test(
    "a part is as right as its run says, and the whole as the mean of the weights", arguments: cases
  )
  func accuracies(_ test: Case) async throws {
    let (texts, scenario) = try texts(test)
    let outcome = try await texts.run(scenario)
    let (store, run) = try await store(scenario, outcome, in: texts.folder)
    let catalog = DatasetCatalog(places: [])
    let parts = try parts(of: run, in: store, to: texts.folder)
    try #require(parts.count == 2)
    let target = texts.folder.appendingPathComponent("merged")
    let merged = try merge(parts, to: target)
    let accuracy = try MergedAccuracy(
      parts, names: ["a", "b"], merged: merged, store: store, catalog: catalog)

    let population = try Population(scenario: scenario, catalog: catalog)
    let network = Network(plan: try TrainingPlan(architecture: population.plan.architecture))
    func share(_ parameters: [Float], _ clients: [Int]) -> Double {
      population.accuracy(of: parameters, for: clients, by: network)
    }
    let (base, models) = try wholes(outcome, of: population)
    let mean = zip(models[0], models[1]).map { ($0 + $1) / 2 }
    // Merged weights are rounded otherwise: one token of a decoder more or less, and not one text of an encoder (1 of 60).
    let tolerance = 0.003
    for part in accuracy.parts {
      let clients = outcome.result.clients.filter { part.clients.contains($0.client) }
      #expect(clients.count == part.clients.count && !clients.isEmpty && part.run == run.runID)
      let told = clients.reduce(0) { $0 + $1.accuracy } / Double(clients.count)
      #expect(abs(part.alone - told) < tolerance, "\(part.alone) \(told)")
      #expect(abs(part.merged - share(mean, part.clients)) < tolerance)
      #expect(abs(part.base - share(base, part.clients)) < tolerance)
      #expect(part.alone != part.base)
    }

    // With itself a part stays what it is, whatever the rank.
    let same = try MergedAccuracy(
      [parts[1], parts[1]], names: ["b", "b"],
      merged: try merge([parts[1], parts[1]], to: texts.folder.appendingPathComponent("same")),
      store: store, catalog: catalog)
    for part in same.parts { #expect(abs(part.merged - part.alone) < tolerance) }

    let names = ["classifier.safetensors", "classifier.json"]
    guard !test.isDecoder else {
      for name in names {
        let file = target.appendingPathComponent(name)
        #expect(!FileManager.default.fileExists(atPath: file.path))
      }
      return
    }
    let adapters = texts.folder.appendingPathComponent("adapters")
    let heads = try (0..<2).map { try classifier(adapters.appendingPathComponent("model-\($0)")) }
    #expect(heads[0] != heads[1])
    let between = zip(heads[0], heads[1]).map { Float((Double($0) + Double($1)) / 2) }
    #expect(try classifier(target) == between && between.count == 2 * 16 + 2)
    let description = try Data(contentsOf: target.appendingPathComponent(names[1]))
    let first = adapters.appendingPathComponent("model-0").appendingPathComponent(names[1])
    #expect(try description == Data(contentsOf: first))
  }

  @Test("classifiers of other labels, and of one part alone, are refused")
  func heads() async throws {
    let (texts, scenario) = try texts(Self.cases[0])
    let (store, run) = try await store(scenario, texts.run(scenario), in: texts.folder)
    _ = try parts(of: run, in: store, to: texts.folder)
    let folders = (0..<2).map { texts.folder.appendingPathComponent("adapters/model-\($0)") }
    func refusal() -> String {
      let target = texts.folder.appendingPathComponent("merged")
      let error = #expect(throws: MergeError.self) {
        try merge(folders.map { try AdapterFolder($0) }, to: target)
      }
      return told(error)
    }
    let description = folders[1].appendingPathComponent("classifier.json")
    try Data(#"{"pooling": "mean", "classes": ["pos", "neg"]}"#.utf8).write(to: description)
    try Data(#"{"pooling": "mean", "classes": ["neg", "pos"]}"#.utf8)
      .write(to: folders[0].appendingPathComponent("classifier.json"))
    #expect(refusal().contains("classes"))
    try Data(#"{"pooling": "cls"}"#.utf8).write(to: description)
    #expect(refusal().contains("pooling"))
    try FileManager.default.removeItem(at: description)
    try FileManager.default.removeItem(
      at: folders[1].appendingPathComponent("classifier.safetensors"))
    #expect(refusal().contains("model-1: has no classifier.safetensors"))
  }

  @Test(
    "changed pretrained weights, and a classifier that was trained alone, are refused",
    arguments: [
      ("\"target_modules\": [\"value\"], \"aggregation\": \"fedex-lora\"", "pretrained weights"),
      ("\"target_modules\": [\"classifier\"]", "nothing but its classifier"),
    ])
  func refusals(_ adapter: String, _ reason: String) async throws {
    let (texts, scenario) = try texts(
      Case(description: "", changes: [Self.adapter(adapter)]))
    let (store, run) = try await store(scenario, texts.run(scenario), in: texts.folder)
    let error = #expect(throws: MergeError.self) {
      try merge(
        parts(of: run, in: store, to: texts.folder),
        to: texts.folder.appendingPathComponent("merged"))
    }
    #expect(told(error).contains(reason))
  }
}
