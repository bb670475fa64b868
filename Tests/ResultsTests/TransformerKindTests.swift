// Kinds of adapters beside LoRA on pretrained transformers: PEFT's names and shapes, and real transformers and peft compute
// the run's own losses from the folders.

import Datasets
import Federation
import Foundation
import JSON
import Learning
import Presentation
import Scenarios
import Store
import Tensors
import TestModels
import Testing

@Suite("Exported kinds on transformers")
struct TransformerKindTests {
  struct Case: Sendable, CustomStringConvertible {
    let adapter: String
    var changes: [String] = []
    let type: String?
    /// Names in the adapter's file behind `base_model.model.`, and their shapes.
    let tensors: [String: [Int]]
    var description: String { adapter }
  }

  private static let saved = #""modules_to_save": ["classifier"]"#

  static let encoders: [Case] = [
    Case(
      adapter:
        #"{"type": "ia3", "target_modules": ["layer.1.attention.self.value", "layer.1.output.dense"], "#
        + #""feedforward_modules": ["layer.1.output.dense"], \#(saved)}"#,
      type: "IA3",
      tensors: [
        "encoder.layer.1.attention.self.value.ia3_l": [16, 1],
        "encoder.layer.1.output.dense.ia3_l": [1, 32],
      ]),
    Case(
      adapter: #"{"type": "ia3", "target_modules": ["value", "classifier"]}"#, type: "IA3",
      tensors: [
        "encoder.layer.0.attention.self.value.ia3_l": [16, 1],
        "encoder.layer.1.attention.self.value.ia3_l": [16, 1],
      ]),
    Case(
      adapter:
        #"{"type": "sparse", "r": 1, "target_modules": ["layer.1.intermediate.dense"], \#(saved)}"#,
      changes: ["model.pooling=cls"], type: "SHIRA",
      tensors: [
        "encoder.layer.1.intermediate.dense.shira_weight": [48],
        "encoder.layer.1.intermediate.dense.shira_indices": [2, 48],
      ]),
    Case(
      adapter:
        #"{"type": "vera", "r": 3, "target_modules": ["layer.1.output.dense", "key"], \#(saved)}"#,
      changes: ["local.learning_rate=10"], type: "VERA",
      tensors: [
        "encoder.layer.0.attention.self.key.vera_lambda_b": [16],
        "encoder.layer.0.attention.self.key.vera_lambda_d": [3],
        "encoder.layer.1.attention.self.key.vera_lambda_b": [16],
        "encoder.layer.1.attention.self.key.vera_lambda_d": [3],
        "encoder.layer.1.output.dense.vera_lambda_b": [16],
        "encoder.layer.1.output.dense.vera_lambda_d": [3],
      ]),
    Case(
      adapter:
        #"{"type": "lorta", "r": 2, "lora_alpha": 4, "heads": 2, "target_modules": ["query", "value"], "#
        + #""trained": "all", \#(saved)}"#,
      type: "LORA",
      tensors: Dictionary(
        uniqueKeysWithValues: ["0.attention.self.query", "0.attention.self.value"].flatMap {
          [$0, $0.replacing("0.", with: "1.")]
        }.flatMap {
          [
            ("encoder.layer.\($0).lora_A.weight", [2, 16]),
            ("encoder.layer.\($0).lora_B.weight", [16, 2]),
          ]
        })),
    Case(
      adapter: #"{"type": "layer_norm", \#(saved)}"#, type: "LN_TUNING",
      tensors: Dictionary(
        uniqueKeysWithValues: [
          "embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output",
          "encoder.layer.1.attention.output", "encoder.layer.1.output",
        ].flatMap { name in
          ["weight", "bias"].map { ("\(name).LayerNorm.ln_tuning_layers.\($0)", [16]) }
        })),
    Case(
      adapter: #"{"type": "prompt", "num_virtual_tokens": 3, \#(saved)}"#, type: "PROMPT_TUNING",
      tensors: ["prompt_embeddings": [3, 16]]),
    Case(
      adapter: #"{"type": "prompt", "num_virtual_tokens": 2, \#(saved)}"#,
      changes: ["model.pooling=pooler"], type: "PROMPT_TUNING",
      tensors: ["prompt_embeddings": [2, 16]]),
    Case(
      adapter: #"{"type": "vera", "r": 2, "target_modules": ["classifier"]}"#, type: nil,
      tensors: [:]),
    Case(
      adapter: #"{"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["classifier"]}"#,
      type: nil,
      tensors: [:]),
    Case(
      adapter: #"{"type": "rgp", "r": 1, "target_modules": ["classifier"]}"#, type: nil,
      tensors: [:]),
    Case(
      adapter:
        #"{"type": "bottleneck", "width": 2, "target_modules": ["layer.1.output.dense"], \#(saved)}"#,
      type: nil, tensors: [:]),
  ]

  static let decoders: [Case] = [
    Case(
      adapter: #"{"type": "ia3", "target_modules": ["h.1.attn.c_attn", "h.1.mlp.c_proj"], "#
        + #""feedforward_modules": ["h.1.mlp.c_proj"]}"#,
      type: "IA3",
      tensors: [
        "transformer.h.1.attn.c_attn.ia3_l": [24, 1], "transformer.h.1.mlp.c_proj.ia3_l": [1, 32],
      ]),
    Case(
      adapter: #"{"type": "vera", "r": 3, "target_modules": ["c_fc"]}"#, type: "VERA",
      tensors: [
        "transformer.h.0.mlp.c_fc.vera_lambda_b": [32],
        "transformer.h.0.mlp.c_fc.vera_lambda_d": [3],
        "transformer.h.1.mlp.c_fc.vera_lambda_b": [32],
        "transformer.h.1.mlp.c_fc.vera_lambda_d": [3],
      ]),
    Case(
      adapter: #"{"type": "lorta", "r": 2, "lora_alpha": 4, "target_modules": ["c_attn"]}"#,
      type: "LORA",
      tensors: [
        "transformer.h.0.attn.c_attn.lora_A.weight": [2, 8],
        "transformer.h.0.attn.c_attn.lora_B.weight": [24, 2],
        "transformer.h.1.attn.c_attn.lora_A.weight": [2, 8],
        "transformer.h.1.attn.c_attn.lora_B.weight": [24, 2],
      ]),
    Case(
      adapter: #"{"type": "layer_norm"}"#, type: "LN_TUNING",
      tensors: Dictionary(
        uniqueKeysWithValues: ["h.0.ln_1", "h.0.ln_2", "h.1.ln_1", "h.1.ln_2", "ln_f"].flatMap {
          name in
          ["weight", "bias"].map { ("transformer.\(name).ln_tuning_layers.\($0)", [8]) }
        })),
    Case(
      adapter: #"{"type": "prompt", "num_virtual_tokens": 3}"#, type: "PROMPT_TUNING",
      tensors: ["prompt_embeddings": [3, 8]]),
    Case(
      adapter: #"{"type": "planning-tokens", "count": 2, "after": 1}"#, type: "TRAINABLE_TOKENS",
      tensors: ["transformer.wte.trainable_tokens_delta": [2, 8]]),
    Case(
      adapter: #"{"type": "sparse", "r": 1, "target_modules": ["c_fc"]}"#, type: nil, tensors: [:]),
  ]

  private struct Example: Encodable {
    let ids: [Int32]
    let label: Int
  }

  private func examples(_ source: some ExampleSource) -> [Example] {
    (0..<source.count).map { position in
      var ids = [Int32](repeating: 0, count: source.length(at: position))
      var span = ids.mutableSpan
      source.write(position, into: &span)
      return Example(ids: ids, label: source.label(at: position))
    }
  }

  /// Exports a run, looks at the files, and lets transformers and peft compute a client's loss.
  private func check(_ test: Case, _ scenario: Scenario, _ texts: TinyTexts) async throws {
    let outcome = try await texts.run(scenario)
    let (store, run) = try await store(scenario, outcome, in: texts.folder)
    let target = texts.folder.appendingPathComponent("adapters")
    _ = try TransformerExport(of: run, in: store).write(to: target)
    let client = outcome.result.clients[0]
    let folder = target.appendingPathComponent("model-\(client.model)")
    let document = try JSONValue(
      parsing: Data(contentsOf: folder.appendingPathComponent("adapter_config.json")))
    #expect(document["peft_type"] == test.type.map { .string($0) })
    let file = try Safetensors(
      data: Data(contentsOf: folder.appendingPathComponent("adapter_model.safetensors")))
    #expect(
      file.metadata["epsilon"] != nil && file.metadata["dpflsim_kind"] == scenario.adapter?.name)
    let hasHead = FileManager.default.fileExists(
      atPath: folder.appendingPathComponent("classifier.safetensors").path)
    #expect(hasHead == !scenario.model.isDecoder)
    guard test.type != nil else {
      // All that the kind's function depends on, in our names.
      #expect(document["dpflsim_settings"]?["type"] == .string(scenario.adapter?.name ?? ""))
      #expect(!file.tensors.contains { $0.name.hasPrefix("classifier") })
      // Where the classifier alone was adapted, its file is all.
      let isOnHead = scenario.adapter?.targetModules == ["classifier"]
      #expect(file.tensors.isEmpty == isOnHead)
      if scenario.adapter?.name == "sparse" {
        #expect(file.tensors.contains { $0.name == "h.1.mlp.c_fc.shira_indices" })
      }
      return
    }
    var shapes: [String: [Int]] = [:]
    for tensor in file.tensors where !tensor.name.hasPrefix("base_model.vera_") {
      shapes[tensor.name.replacing("base_model.model.", with: "")] = tensor.shape
    }
    #expect(shapes == test.tensors)
    guard hasTransformers else { return }
    let population = try Population(scenario: scenario, catalog: DatasetCatalog(places: []))
    let inputs = texts.folder.appendingPathComponent("inputs.json")
    try JSONEncoder().encode(examples(population.clients[0].test)).write(to: inputs)
    let answer: [String: [Double]] = try transformers("--losses", folder, inputs)
    let (with, without) = (try mean(answer["losses"]), try mean(answer["without"]))
    #expect(
      answer["losses"]?.count == client.testExamples && abs(with - client.loss) < 1e-4,
      "\(with) \(client.loss)")
    // The adapter matters.
    #expect(abs(with - without) > 1e-3, "\(with) \(without)")
  }

  private func mean(_ values: [Double]?) throws -> Double {
    let values = try #require(values)
    return values.reduce(0, +) / Double(values.count)
  }

  @Test("an encoder's", arguments: encoders)
  func encoder(_ test: Case) async throws {
    let texts = try TinyTexts()
    let scenario = try texts.scenario(
      ["method={\"name\": \"oracle\"}", "adapter=\(test.adapter)"] + test.changes)
    if test.changes.contains("model.pooling=pooler") {
      try texts.weights(of: TinyTexts.sizes.layout(pooler: true)).data()
        .write(to: texts.folder.appendingPathComponent("bert/model.safetensors"))
    }
    try await check(test, scenario, texts)
  }

  @Test("a decoder's", arguments: decoders)
  func decoder(_ test: Case) async throws {
    let texts = try TinyTexts()
    try texts.addDecoder()
    let scenario = try texts.scenario(
      [
        "model={\"name\": \"gpt\", \"path\": \"gpt\", \"max_tokens\": 20}",
        "adapter=\(test.adapter)",
      ], json: TinyTexts.decoderJSON)
    try await check(test, scenario, texts)
  }
}
