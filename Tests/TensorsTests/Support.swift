// What the tests of this room share: folders, small models, and files with any header.

import Foundation
import Tensors

/// A folder that is there while `body` runs.
func withFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// What an error says.
func told(_ error: (any Error)?) -> String { error.map { "\($0)" } ?? "nothing" }

/// A file with this header and these bytes of values.
func file(_ header: String, body: [UInt8]) -> [UInt8] {
  let count = UInt64(header.utf8.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * UInt64($0))) }
    + Array(header.utf8) + body
}

// MARK: - Small models

let smallBERT = BERTConfiguration(
  vocabularySize: 11, width: 4, blocks: 2, heads: 2, innerWidth: 6, positions: 5)

let smallGPT2 = GPT2Configuration(
  vocabularySize: 7, width: 6, blocks: 1, heads: 3, positions: 4)

let smallBERTConfig = """
  {
    "architectures": ["BertModel"], "model_type": "bert", "vocab_size": 11, "hidden_size": 4,
    "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 6, "hidden_act": "gelu",
    "max_position_embeddings": 5, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1, "pad_token_id": 0
  }
  """

let smallGPT2Config = """
  {
    "model_type": "gpt2", "vocab_size": 7, "n_embd": 6, "n_layer": 1, "n_head": 3, "n_inner": null,
    "n_positions": 4, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5
  }
  """

/// Tensors of a layout in which every value tells its place, so that none can stand for another.
func tensors(_ layout: ParameterLayout, prefix: String = "") -> [Safetensors.Tensor] {
  layout.entries.map { entry in
    Safetensors.Tensor(
      name: prefix + entry.name, shape: entry.shape,
      values: .float32(entry.range.map { Float($0) / 8 }))
  }
}

/// Writes a model's folder.
func write(
  _ config: String, _ tensors: [Safetensors.Tensor], to folder: URL
) throws {
  try Data(config.utf8).write(to: folder.appendingPathComponent("config.json"))
  try Safetensors(tensors: tensors).data()
    .write(to: folder.appendingPathComponent("model.safetensors"))
}
