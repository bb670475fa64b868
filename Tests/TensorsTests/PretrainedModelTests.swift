// Folders of pretrained models: what is read, what is ignored by name, and every refusal.

import Foundation
import Kernels
import Tensors
import Testing

private let miniLM = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("data/minilm")

/// 0, ⅛, 2/8, …
private func eighths(_ count: Int) -> [Float] { (0..<count).map { Float($0) / 8 } }

@Suite("Pretrained models")
struct PretrainedModelTests {
  @Test("an encoder is read with and without the leading bert., its values in the declared order")
  func bert() throws {
    let layout = try #require(smallBERT.layout())
    // Word, position and type vectors, a norm, then sixteen tensors a block.
    #expect(layout.entries.count == 5 + 2 * 16)
    #expect(layout.count == 11 * 4 + 5 * 4 + 2 * 4 + 8 + 2 * (4 * 20 + 2 * 8 + 30 + 28))
    #expect(layout["encoder.layer.1.intermediate.dense.weight"]?.shape == [6, 4])
    for prefix in ["", "bert."] {
      try withFolder { folder in
        try write(smallBERTConfig, tensors(layout, prefix: prefix), to: folder)
        let model = try PretrainedModel(folder: folder)
        #expect(model.configuration == .bert(smallBERT))
        #expect(model.parameters.layout == layout)
        #expect(model.parameters.values == eighths(layout.count))
        let bias = try #require(model.parameters["encoder.layer.0.output.dense.bias"])
        let first = Float(bias.startIndex) / 8
        #expect(bias.count == 4)
        #expect(bias.first == first)
      }
    }
  }

  @Test("a decoder is read with and without the leading transformer.")
  func gpt2() throws {
    let layout = try #require(smallGPT2.layout())
    #expect(layout.entries.count == 2 + 12 + 2)
    #expect(layout["h.0.attn.c_attn.weight"]?.shape == [6, 18])
    #expect(layout["h.0.mlp.c_fc.weight"]?.shape == [6, 24])
    let unused: [Safetensors.Tensor] = [
      .init(name: "lm_head.weight", shape: [1], values: .float32([.nan])),
      .init(name: "h.0.attn.bias", shape: [1, 1, 2, 2], values: .uint8([1, 0, 1, 1])),
      .init(name: "h.0.attn.masked_bias", shape: [], values: .float32([-1e4])),
    ]
    for prefix in ["", "transformer."] {
      try withFolder { folder in
        try write(smallGPT2Config, tensors(layout, prefix: prefix) + unused, to: folder)
        let model = try PretrainedModel(folder: folder)
        #expect(model.configuration == .gpt2(smallGPT2))
        #expect(model.parameters.values == eighths(layout.count))
      }
    }
  }

  @Test(
    "what an encoder carries without using it is ignored by name, and its pooler read if wanted")
  func pooler() throws {
    let whole = try #require(smallBERT.layout(pooler: true))
    let unused: [Safetensors.Tensor] = [
      .init(name: "bert.embeddings.position_ids", shape: [1, 5], values: .int64([0, 1, 2, 3, 4])),
      .init(
        name: "cls.predictions.bias", shape: [11], values: .float32(Array(repeating: 1, count: 11))),
    ]
    try withFolder { folder in
      try write(smallBERTConfig, tensors(whole, prefix: "bert.") + unused, to: folder)
      let plain = try PretrainedModel(folder: folder)
      #expect(plain.parameters.layout.count == whole.count - 20)
      let pooled = try PretrainedModel(folder: folder, pooler: true)
      #expect(pooled.parameters["pooler.dense.weight"]?.count == 16)
      #expect(pooled.parameters.values.starts(with: plain.parameters.values))
    }
  }

  /// Sums by numpy in double precision of the same file.
  @Test(
    "all-MiniLM-L6-v2 is read whole",
    .enabled(if: FileManager.default.fileExists(atPath: miniLM.path), "run tools/data minilm"))
  func realModel() throws {
    let model = try PretrainedModel(folder: miniLM)
    guard case .bert(let bert) = model.configuration else {
      Issue.record("it is an encoder")
      return
    }
    #expect(bert.blocks == 6 && bert.width == 384 && bert.heads == 12 && bert.innerWidth == 1536)
    #expect(model.parameters.layout.count == 22_565_376)
    let sum = model.parameters.values.reduce(0.0) { $0 + Double($1) }
    let squares = model.parameters.values.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(sum - 1716.593922) < 1e-6 * abs(1716.593922))
    #expect(abs(squares - 78598.622499) < 1e-9 * 78598.622499)
  }

  @Test("norms that are called gamma and beta are the same norms")
  func oldNames() throws {
    let layout = try #require(smallBERT.layout())
    let renamed = tensors(layout).map { tensor in
      Safetensors.Tensor(
        name: tensor.name.replacingOccurrences(of: "LayerNorm.weight", with: "LayerNorm.gamma")
          .replacingOccurrences(of: "LayerNorm.bias", with: "LayerNorm.beta"),
        shape: tensor.shape, values: tensor.values)
    }
    let file = try SafetensorsFile(bytes: [UInt8](try Safetensors(tensors: renamed).data()))
    let store = try ParameterStore(configuration: .bert(smallBERT), file: file, name: "m")
    #expect(store.values == eighths(layout.count))
  }

  // MARK: - Refusals of tensors

  private static func store(_ tensors: [Safetensors.Tensor]) throws -> ParameterStore {
    let file = try SafetensorsFile(bytes: [UInt8](try Safetensors(tensors: tensors).data()))
    return try ParameterStore(configuration: .bert(smallBERT), file: file, name: "m")
  }

  @Test("missing, surplus, misshapen and doubled tensors are named, all in one answer")
  func tensorProblems() throws {
    var all = tensors(try #require(smallBERT.layout()))
    all.removeAll { $0.name == "encoder.layer.1.attention.self.key.bias" }
    all.removeAll { $0.name == "embeddings.word_embeddings.weight" }
    all.append(
      .init(
        name: "embeddings.word_embeddings.weight", shape: [4, 11],
        values: .float32(Array(repeating: 0, count: 44))))
    all.append(.init(name: "classifier.weight", shape: [1], values: .float32([0])))
    all.append(
      .init(name: "bert.encoder.layer.0.output.dense.bias", shape: [1], values: .uint8([0])))
    let error = #expect(throws: ModelFolderError.self) { try Self.store(all) }
    let text = told(error)
    for part in [
      "lacks encoder.layer.1.attention.self.key.bias", "classifier.weight",
      "embeddings.word_embeddings.weight ([4, 11] instead of [11, 4])", "under two names",
    ] {
      #expect(text.contains(part), "\(text)")
    }
    #expect(error?.kind == .malformed)
  }

  @Test("every tensor in turn: missing, of a wrong type, or with a value that is not finite")
  func eachTensor() throws {
    let all = tensors(try #require(smallBERT.layout()))
    for index in all.indices {
      let tensor = all[index]
      guard case .float32(var values) = tensor.values else { return }
      values[values.count - 1] = .infinity
      let changes: [Safetensors.Tensor?] = [
        nil,
        .init(name: tensor.name, shape: tensor.shape, values: .float32(values)),
        .init(
          name: tensor.name, shape: tensor.shape,
          values: .uint8(Array(repeating: 1, count: values.count))),
      ]
      for change in changes {
        var changed = all
        changed[index...index] = change.map { [$0] } ?? []
        let error = #expect(throws: ModelFolderError.self) { try Self.store(changed) }
        #expect(told(error).contains(tensor.name), "\(told(error))")
      }
    }
  }

  // MARK: - Refusals of configurations

  static let refusals: [(change: String, words: String, kind: ModelFolderError.Kind)] = [
    (#""model_type": "roberta""#, "model_type: roberta is not computed", .unsupported),
    (#""hidden_act": "relu""#, #"hidden_act: is the string "relu""#, .unsupported),
    (#""hidden_act": "gelu_new""#, "hidden_act", .unsupported),
    (#""position_embedding_type": "relative_key""#, "position_embedding_type", .unsupported),
    (#""is_decoder": true"#, "is_decoder: is true", .unsupported),
    (#""add_cross_attention": true"#, "add_cross_attention", .unsupported),
    (#""num_attention_heads": 3"#, "must divide the width 4", .malformed),
    (#""hidden_size": 0"#, "hidden_size: must be a whole number from 1", .malformed),
    (#""hidden_size": "4""#, #"got the string "4""#, .malformed),
    (#""vocab_size": 1e12"#, "vocab_size", .malformed),
    (#""num_hidden_layers": null"#, "num_hidden_layers", .malformed),
    (#""layer_norm_eps": 0"#, "layer_norm_eps: must be a number above 0", .malformed),
    (#""layer_norm_eps": 2"#, "layer_norm_eps", .malformed),
    (#""max_position_embeddings": -1"#, "max_position_embeddings", .malformed),
  ]

  /// The small encoder's configuration with one member replaced.
  private static func changed(_ change: String) -> Data {
    let key = change.prefix { $0 != ":" }
    let lines = smallBERTConfig.split(separator: "\n").map(String.init)
    let members = lines.joined().dropFirst().dropLast().split(separator: ", \"")
      .map { $0.trimmingCharacters(in: .whitespaces) }
      .map { $0.hasPrefix("\"") ? $0 : "\"" + $0 }
      .filter { !$0.hasPrefix(key) }
    return Data("{\((members + [change]).joined(separator: ", "))}".utf8)
  }

  @Test("a configuration of something else is refused by the name of its key", arguments: refusals)
  func configurations(_ change: String, _ words: String, _ kind: ModelFolderError.Kind) throws {
    let error = #expect(throws: ModelFolderError.self) {
      try TransformerConfiguration(json: Self.changed(change))
    }
    #expect(told(error).contains(words), "\(told(error))")
    #expect(error?.kind == kind)
    #expect(told(error).hasPrefix("config.json: ") && told(error).hasSuffix("."))
  }

  @Test(
    "a decoder that scales or ties otherwise is refused",
    arguments: [
      "activation_function", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
      "reorder_and_upcast_attn", "tie_word_embeddings",
    ])
  func decoders(_ key: String) throws {
    let value = ["scale_attn_weights", "tie_word_embeddings"].contains(key) ? "false" : "true"
    let text = smallGPT2Config.replacingOccurrences(
      of: "\"activation_function\": \"gelu_new\",", with: "\"\(key)\": \(value),")
    let error = #expect(throws: ModelFolderError.self) {
      try TransformerConfiguration(json: Data(text.utf8))
    }
    #expect(told(error).contains("\(key): is \(value)"), "\(told(error))")
    #expect(error?.kind == .unsupported)
  }

  @Test("sizes that are each allowed and together claim terabytes are refused")
  func total() throws {
    let text = """
      {"model_type": "bert", "vocab_size": 4000000, "hidden_size": 16384, "num_hidden_layers": 1000,
       "num_attention_heads": 1, "intermediate_size": 65536}
      """
    let error = #expect(throws: ModelFolderError.self) {
      try TransformerConfiguration(json: Data(text.utf8))
    }
    #expect(told(error).contains("1073741824 values"))
  }

  @Test("a folder without its files, in parts, or with a folder in their place")
  func folders() throws {
    try withFolder { folder in
      func refusal() -> String {
        told(#expect(throws: ModelFolderError.self) { try PretrainedModel(folder: folder) })
      }
      #expect(refusal().contains("config.json: is not there"))
      let config = folder.appendingPathComponent("config.json")
      try FileManager.default.createDirectory(at: config, withIntermediateDirectories: true)
      #expect(refusal().contains("no regular file"))
      try FileManager.default.removeItem(at: config)
      try Data("{".utf8).write(to: config)
      #expect(refusal().contains("close it"))
      try Data(smallBERTConfig.utf8).write(to: config)
      #expect(refusal().contains("no model.safetensors"))
      let parts = folder.appendingPathComponent("model.safetensors.index.json")
      try Data("{}".utf8).write(to: parts)
      #expect(refusal().contains("several files"))
      try Data([1, 2, 3]).write(to: folder.appendingPathComponent("model.safetensors"))
      #expect(refusal().contains("fewer than it needs"))
    }
  }

  /// Seeded: the same corruptions in every run.
  @Test("a damaged model is refused, or has finite values for every place")
  func corruption() throws {
    var stream = RandomStream(seed: 15, purpose: .test)
    let layout = try #require(smallGPT2.layout())
    let original = [UInt8](try Safetensors(tensors: tensors(layout)).data())
    var refused = 0
    for _ in 0..<2000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &stream) {
        let position = Int.random(in: 0..<bytes.count, using: &stream)
        bytes[position] = UInt8.random(in: 0...255, using: &stream)
      }
      do {
        let file = try SafetensorsFile(bytes: bytes)
        let store = try ParameterStore(configuration: .gpt2(smallGPT2), file: file, name: "m")
        #expect(store.values.count == layout.count && store.values.allSatisfy(\.isFinite))
      } catch {
        refused += 1
        #expect(error is ModelFolderError || error is SafetensorsError)
      }
    }
    #expect(refused > 200 && refused < 2000, "\(refused)")
  }
}
