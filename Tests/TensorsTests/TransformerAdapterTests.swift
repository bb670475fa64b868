// Adapters of transformers as PEFT folders: round trips, refusals, and what real transformers and peft compute from them.

import Foundation
import JSON
import Tensors
import TestSupport
import Testing

@Suite("Adapters of transformers")
struct TransformerAdapterTests {
  /// A reference model: weights by a formula, outputs by independent code in double precision (Golden/README.md).
  struct Golden: Decodable {
    struct Weight: Decodable {
      let name: String
      let shape: [Int]
      let k: Double
      let scale: Double
      let onePlus: Bool
      let quadratic: Bool

      var values: [Float] {
        (0..<shape.reduce(1, *)).map { index in
          let place = Double(index)
          let phase = 0.37 * place + (quadratic ? 0.11 : 0) * place * place + 1.7 * k + 0.5
          return Float(scale * sin(phase) + (onePlus ? 1 : 0))
        }
      }
    }

    struct Example: Decodable {
      let ids: [Int]
      let meanPooled: [Double]?
      let lastLogits: [Double]?
    }

    struct Decoder: Decodable {
      let tensors: [Weight]
      let examples: [Example]
    }

    let tensors: [Weight]
    let examples: [Example]
    let decoder: Decoder
  }

  static func golden() throws -> Golden {
    let file = try #require(Bundle.module.resourceURL)
      .appendingPathComponent("Golden/transformer.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Golden.self, from: Data(contentsOf: file))
  }

  static let encoder = TransformerConfiguration.bert(
    BERTConfiguration(
      vocabularySize: 50, width: 16, blocks: 2, heads: 4, innerWidth: 24, positions: 12))
  static let decoder = TransformerConfiguration.gpt2(
    GPT2Configuration(
      vocabularySize: 30, width: 16, blocks: 2, heads: 4, innerWidth: 24, positions: 12))

  /// The reference's base model and its adapter.
  static func model(
    _ configuration: TransformerConfiguration, _ weights: [Golden.Weight]
  ) throws -> (base: ParameterStore, adapter: TransformerAdapter) {
    let plain = weights.filter { !$0.name.contains("lora_") && !$0.name.hasPrefix("classifier") }
    let file = try Safetensors(
      tensors: plain.map { .init(name: $0.name, shape: $0.shape, values: .float32($0.values)) })
    let base = try ParameterStore(
      configuration: configuration, file: SafetensorsFile(bytes: [UInt8](try file.data())),
      name: "golden")
    let factors = try weights.filter { $0.name.hasSuffix(".lora_A") }.map { a in
      let layer = String(a.name.dropLast(".lora_A".count))
      let b = try #require(weights.first { $0.name == layer + ".lora_B" })
      return TransformerAdapter.Factors(layer: layer, rank: 2, a: a.values, b: b.values)
    }
    return (
      base,
      try TransformerAdapter(configuration: configuration, loraAlpha: 4, factors: factors)
    )
  }

  static let kinds = ["encoder", "decoder"]

  static func parts(
    _ kind: String
  ) throws -> (TransformerConfiguration, ParameterStore, TransformerAdapter, [Golden.Example]) {
    let golden = try golden()
    let configuration = kind == "encoder" ? encoder : decoder
    let (base, adapter) = try model(
      configuration, kind == "encoder" ? golden.tensors : golden.decoder.tensors)
    return (
      configuration, base, adapter, kind == "encoder" ? golden.examples : golden.decoder.examples
    )
  }

  @Test("what is written reads back the same, bit by bit", arguments: kinds)
  func roundTrip(_ kind: String) throws {
    let (configuration, base, adapter, _) = try Self.parts(kind)
    let file = try Safetensors(data: adapter.tensors(metadata: ["epsilon": "8"]).data())
    #expect(file.metadata == ["format": "pt", "epsilon": "8"])
    #expect(
      try TransformerAdapter(
        document: adapter.document(baseModel: "../base"), tensors: file,
        configuration: configuration)
        == adapter)
    // The model itself, by its folder.
    let config = try TransformerConfiguration(json: Data(configuration.document.text.utf8))
    #expect(config == configuration)
    let bytes = [UInt8](try Safetensors(base, of: configuration).data())
    let again = try ParameterStore(
      configuration: config, file: SafetensorsFile(bytes: bytes), name: "m")
    #expect(again.values == base.values && again.layout == base.layout)
  }

  @Test("merging adds s B A, transposed where weights are stored inputs first", arguments: kinds)
  func merging(_ kind: String) throws {
    let (_, base, adapter, _) = try Self.parts(kind)
    let merged = adapter.merged(into: base)
    let factor = try #require(adapter.factors.last)
    let weight = try #require(base.layout[factor.layer + ".weight"])
    let inputs = factor.a.count / 2
    let outputs = factor.b.count / 2
    for (output, input) in [(0, 0), (1, 0), (0, 1), (outputs - 1, inputs - 1), (3, 5)] {
      let change =
        2
        * (factor.b[2 * output] * factor.a[input] + factor.b[2 * output + 1]
          * factor.a[inputs + input])
      let place = kind == "encoder" ? output * inputs + input : input * outputs + output
      let got = merged.values[weight.offset + place] - base.values[weight.offset + place]
      #expect(abs(got - change) < 1e-6)
    }
    let touched = Set(adapter.factors.map { $0.layer + ".weight" })
    for entry in base.layout.entries where !touched.contains(entry.name) {
      #expect(merged.values[entry.range] == base.values[entry.range])
    }
  }

  @Test(
    "real transformers and peft compute the reference's outputs from our files",
    .timeLimit(.minutes(5)),
    .enabled(
      if: hasEnvironment(".venv-transformers"),
      "run tools/peft-transformers --setup, which fetches some GB"), arguments: kinds)
  func real(_ kind: String) throws {
    struct Answer: Decodable {
      let peft: [[Double]]
      let merged: [[Double]]
    }
    let (configuration, base, adapter, examples) = try Self.parts(kind)
    try withFolder { folder in
      func place(_ name: String) throws -> URL {
        let place = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        return place
      }
      for (name, parameters) in [("base", base), ("merged", adapter.merged(into: base))] {
        let place = try place(name)
        try Data(configuration.document.prettyText.utf8)
          .write(to: place.appendingPathComponent("config.json"))
        try Safetensors(parameters, of: configuration).data()
          .write(to: place.appendingPathComponent("model.safetensors"))
      }
      let own = try place("adapter")
      try Data(adapter.document(baseModel: "../base").prettyText.utf8)
        .write(to: own.appendingPathComponent("adapter_config.json"))
      try adapter.tensors().data().write(
        to: own.appendingPathComponent("adapter_model.safetensors"))
      let inputs = folder.appendingPathComponent("inputs.json")
      try JSONEncoder().encode(examples.map(\.ids)).write(to: inputs)

      let (status, data) = try callTool("peft-transformers", [folder.path, inputs.path])
      #expect(status == 0)
      let answer = try JSONDecoder().decode(Answer.self, from: data)
      for (index, example) in examples.enumerated() {
        let expected = try #require(kind == "encoder" ? example.meanPooled : example.lastLogits)
        for got in [answer.peft[index], answer.merged[index]] {
          #expect(got.count == expected.count)
          #expect(zip(got, expected).allSatisfy { abs($0 - $1) < 1e-4 })
        }
      }
      // What peft saves is read with the same bits.
      let saved = folder.appendingPathComponent("saved")
      let document = try JSONValue(
        parsing: Data(contentsOf: saved.appendingPathComponent("adapter_config.json")))
      let tensors = try Safetensors(
        data: Data(contentsOf: saved.appendingPathComponent("adapter_model.safetensors")))
      #expect(
        try TransformerAdapter(
          document: document, tensors: tensors, configuration: configuration) == adapter)
    }
  }

  // MARK: - Refusals

  @Test("factors that fit no layer are refused by its name")
  func misfits() throws {
    let a = [Float](repeating: 0, count: 16)
    for (layer, rank, words) in [
      ("encoder.layer.9.attention.self.query", 1, "no linear layer"),
      ("embeddings.word_embeddings", 1, "no linear layer"),
      ("embeddings.LayerNorm", 1, "no linear layer"),
      ("encoder.layer.0.intermediate.dense", 1, "24 outputs and 16 inputs"),
      ("encoder.layer.0.attention.self.query", 0, "do not fit"),
      ("encoder.layer.0.attention.self.query", 17, "do not fit"),
    ] {
      let error = #expect(throws: ModelFolderError.self) {
        try TransformerAdapter(
          configuration: Self.encoder, loraAlpha: 1,
          factors: [.init(layer: layer, rank: rank, a: a, b: a)])
      }
      #expect(told(error).contains(words), "\(told(error))")
    }
    #expect(throws: ModelFolderError.self) {
      try TransformerAdapter(configuration: Self.encoder, loraAlpha: 1, factors: [])
    }
  }

  @Test(
    "settings that would change the numbers are refused by their key",
    arguments: [
      ("peft_type", "IA3"), ("bias", "all"), ("use_dora", true), ("fan_in_fan_out", true),
      ("modules_to_save", ["classifier"]), ("alpha_pattern", ["x": 2]), ("lora_alpha", .null),
    ] as [(String, JSONValue)])
  func settings(_ key: String, _ value: JSONValue) throws {
    let (configuration, _, adapter, _) = try Self.parts("encoder")
    guard case .object(var members) = adapter.document(baseModel: "b") else { return }
    members[key] = value
    let error = #expect(throws: ModelFolderError.self) {
      try TransformerAdapter(
        document: .object(members), tensors: adapter.tensors(), configuration: configuration)
    }
    #expect(told(error).contains("\(key): is"), "\(told(error))")
  }

  @Test("tensors that are no pair of factors are refused by their name")
  func tensors() throws {
    let (configuration, _, adapter, _) = try Self.parts("encoder")
    let all = try adapter.tensors().tensors
    let document = adapter.document(baseModel: "b")
    let first = all[0]
    let others: [Safetensors.Tensor] = [
      .init(name: "base_model.model.classifier.weight", shape: [1], values: .float32([0])),
      .init(name: first.name, shape: [2, 2], values: .float32([0, 0, 0, 0])),
      .init(
        name: first.name, shape: first.shape, values: .float32(Array(repeating: .nan, count: 32))),
      .init(name: first.name, shape: first.shape, values: .int32(Array(repeating: 1, count: 32))),
    ]
    for other in others {
      let changed = all.filter { $0.name != other.name } + [other]
      #expect(throws: ModelFolderError.self, "\(other.name)") {
        try TransformerAdapter(
          document: document, tensors: Safetensors(tensors: changed), configuration: configuration)
      }
    }
    #expect(throws: ModelFolderError.self) {
      try TransformerAdapter(
        document: document, tensors: Safetensors(tensors: Array(all.dropFirst())),
        configuration: configuration)
    }
  }
}
