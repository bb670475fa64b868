// Small language models and texts for tests: folders as Hugging Face writes them, with random weights.

import Datasets
public import Federation
public import Foundation
import Kernels
public import Scenarios
public import Tensors

/// A folder with a BERT of two blocks, its vocabulary, and a table of texts of two domains.
public final class TinyTexts: Sendable {
  public let folder: URL

  public static let words = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "fine", "poor", "film", "shoe",
    "very", "not", "the", "a", "is",
  ]
  public static let sizes = BERTConfiguration(
    vocabularySize: words.count, width: 16, blocks: 2, heads: 2, innerWidth: 32, positions: 16)

  public init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("bert"), withIntermediateDirectories: true)
    try write(Self.words.joined(separator: "\n"), "bert/vocab.txt")
    let configuration = TransformerConfiguration.bert(Self.sizes)
    try write(configuration.document.text, "bert/config.json")
    try weights(of: Self.sizes.layout()).data().write(
      to: folder.appendingPathComponent("bert/model.safetensors"))
    try write(Self.table(rows: 600), "texts.csv")
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  public func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  /// Weights from a fixed seed; layer norms begin as the identity.
  public func weights(of layout: ParameterLayout?) throws -> Safetensors {
    var stream = RandomStream(seed: 5, purpose: .initialization)
    return try Safetensors(
      tensors: (layout?.entries ?? []).map { entry in
        let isNorm = entry.name.contains("LayerNorm") || entry.name.contains("ln_")
        let values = (0..<entry.count).map { _ -> Float in
          guard !isNorm else { return entry.name.hasSuffix("weight") ? 1 : 0 }
          // Words weigh more than their places, so that texts can be told apart.
          return Float((entry.name.contains("word") ? 1 : 0.2) * stream.nextGaussian())
        }
        return Safetensors.Tensor(name: entry.name, shape: entry.shape, values: .float32(values))
      })
  }

  /// Rows of the domains film and shoe whose labels follow their words.
  public static func table(rows: Int) -> String {
    var stream = RandomStream(seed: 6, purpose: .partition)
    func pick(_ words: [String]) -> String {
      words[min(words.count - 1, Int(stream.nextUnit() * Double(words.count)))]
    }
    let lines = (0..<rows).map { row -> String in
      let isGood = row % 2 == 0
      let domain = row % 4 < 2 ? "film" : "shoe"
      let filler = (0..<Int(stream.nextUnit() * 8)).map { _ in pick(["very", "the", "a", "is"]) }
      let words = ["the", domain, "is", isGood ? pick(["good", "fine"]) : pick(["bad", "poor"])]
      return "\(domain),\(isGood ? "pos" : "neg"),\((words + filler).joined(separator: " "))"
    }
    return (["domain,label,text"] + lines).joined(separator: "\n") + "\n"
  }

  public static let json = """
    {
      "name": "texts", "rounds": 4,
      "data": {
        "name": "text", "path": "texts.csv", "text_column": "text", "label_column": "label",
        "classes": ["neg", "pos"], "group_column": "domain"
      },
      "population": {
        "test_examples_per_client": 20, "label_skew": {"type": "balanced"},
        "clusters": [
          {"name": "film", "clients": 3, "examples_per_client": 40, "groups": ["film"]},
          {"name": "shoe", "clients": 3, "examples_per_client": 40, "groups": ["shoe"],
           "shift": {"label_permutation": ["pos", "neg"]}}
        ]
      },
      "model": {"name": "bert", "path": "bert", "max_tokens": 9},
      "adapter": {
        "type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["layer.1.attention.self.value"],
        "modules_to_save": ["classifier"]
      },
      "local": {"steps": 2, "batch_size": 10, "learning_rate": 0.3},
      "privacy": {"target_epsilon": 8, "target_delta": 1e-3},
      "method": {"name": "r-dpcfl", "candidate_clusters": [2, 3]}
    }
    """

  public static let decoderJSON = """
    {
      "name": "decoder", "rounds": 3,
      "data": {
        "name": "text", "path": "texts.csv", "text_column": "text", "group_column": "domain",
        "public_examples": 60
      },
      "population": {
        "test_examples_per_client": 20,
        "clusters": [
          {"name": "film", "clients": 2, "examples_per_client": 40, "groups": ["film"]},
          {"name": "shoe", "clients": 2, "examples_per_client": 40, "groups": ["shoe"]}
        ]
      },
      "model": {
        "name": "gpt", "max_tokens": 24, "width": 8, "blocks": 2, "heads": 2,
        "pretraining": {"epochs": 2, "batch_size": 20, "learning_rate": 0.5}
      },
      "adapter": {
        "type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["h.1.attn.c_attn", "h.1.mlp.c_proj"]
      },
      "local": {"steps": 2, "batch_size": 10, "learning_rate": 0.3},
      "privacy": {"target_epsilon": 8, "target_delta": 1e-3},
      "method": {"name": "ifca", "num_clusters": 2}
    }
    """

  /// Puts a decoder of 24 positions beside the encoder, and its pairs of bytes: none, so that bytes are its words.
  public func addDecoder() throws {
    let symbols = (0..<256).map { byte -> String in
      let isPlain = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
      let others = (0..<byte).filter {
        !((33...126).contains($0) || (161...172).contains($0) || $0 >= 174)
      }
      let scalar = isPlain ? byte : 256 + others.count
      return String(Character(Unicode.Scalar(UInt32(scalar)) ?? "?"))
    }
    let vocabulary = symbols + ["<|endoftext|>"]
    let entries = vocabulary.enumerated().map { index, symbol in
      let escaped = symbol.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return "\"\(escaped)\": \(index)"
    }
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("gpt"), withIntermediateDirectories: true)
    try write("{\(entries.joined(separator: ", "))}", "gpt/vocab.json")
    try write("#version: 0.2\n", "gpt/merges.txt")
    let sizes = GPT2Configuration(
      vocabularySize: 257, width: 8, blocks: 2, heads: 2, positions: 24)
    try write(TransformerConfiguration.gpt2(sizes).document.text, "gpt/config.json")
    try weights(of: sizes.layout()).data().write(
      to: folder.appendingPathComponent("gpt/model.safetensors"))
  }

  public func scenario(_ changes: [String] = [], json: String = TinyTexts.json) throws -> Scenario {
    try Scenario(json: Data(json.utf8), overrides: changes, folder: folder.path)
  }

  public func run(
    _ scenario: Scenario, workers: Int = 1, featureMemory: Int = 64 << 20,
    observer: any RunObserver = SilentObserver(), from point: ResumePoint? = nil
  ) async throws -> RunOutcome {
    try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(places: []),
      options: SimulationOptions(workers: workers, featureMemory: featureMemory)
    ).run(observer: observer, from: point)
  }
}
