// Reads the `config.json` of a Hugging Face folder, and refuses by name what would be computed otherwise here.

public import Foundation
import JSON

extension TransformerConfiguration {
  /// Reads a configuration.
  ///
  /// - Parameter name: what error messages call the file.
  /// - Throws: `ModelFolderError` with every problem: `malformed` for broken JSON and sizes out of range,
  ///   `unsupported` where the model is another one than those computed here.
  public init(json: Data, name: String = "config.json") throws(ModelFolderError) {
    let members: [String: JSONValue]
    do throws(DocumentError) {
      guard case .object(let object) = try JSONValue(parsing: json) else {
        throw DocumentError(JSONPath(), "must be one JSON object")
      }
      members = object
    } catch {
      throw ModelFolderError(.malformed, error.problems.map { "\(name): \($0)." })
    }
    var reader = ConfigurationReader(members: members, name: name)
    switch reader.modelType() {
    case "bert": self = .bert(BERTConfiguration(&reader))
    case "gpt2": self = .gpt2(GPT2Configuration(&reader))
    case let other:
      throw ModelFolderError(
        .unsupported, at: name,
        "model_type: \(other) is not computed here; use a folder of type \"bert\" or \"gpt2\"")
    }
    try reader.throwIfAny()
  }
}

/// Takes values out of a configuration and collects what is wrong with them.
struct ConfigurationReader {
  let members: [String: JSONValue]
  let name: String
  private var malformed = ProblemList()
  private var unsupported = ProblemList()

  init(members: [String: JSONValue], name: String) {
    self.members = members
    self.name = name
  }

  func throwIfAny() throws(ModelFolderError) {
    let problems = (malformed.problems + unsupported.problems).map { "\(name): \($0)." }
    guard !problems.isEmpty else { return }
    throw ModelFolderError(malformed.isEmpty ? .unsupported : .malformed, problems)
  }

  /// What the model calls itself; nothing readable gives the value as it is written.
  func modelType() -> String {
    switch members["model_type"] {
    case .string(let type): type
    case let other: other.map(\.described) ?? "nothing"
    }
  }

  /// A whole number; a problem, and the least one allowed, where it is missing or out of range.
  mutating func size(_ key: String, _ range: ClosedRange<Int>, default value: Int? = nil) -> Int {
    let given = members[key].flatMap { $0 == .null ? nil : $0 }
    if given == nil, let value { return value }
    guard let number = given?.exactInteger, range.contains(number) else {
      malformed.add(
        JSONPath() + key,
        "must be a whole number from \(range.lowerBound) to \(range.upperBound), got "
          + (given.map(\.described) ?? "nothing"))
      return range.lowerBound
    }
    return number
  }

  /// The ε of the layer norms.
  mutating func epsilon(_ key: String, default value: Double) -> Double {
    let given = members[key].flatMap { $0 == .null ? nil : $0 }
    let number: Double? =
      switch given {
      case nil: value
      case .number(let number)?: number
      case .integer(let number)?: Double(number)
      default: nil
      }
    guard let number, number > 0, number <= 1 else {
      malformed.add(
        JSONPath() + key,
        "must be a number above 0 and at most 1, got \(given.map(\.described) ?? "nothing")")
      return value
    }
    return number
  }

  /// A setting with one value that is computed here; a missing one has the value `implied`.
  mutating func only(_ key: String, _ wanted: JSONValue, implied: JSONValue) {
    let given = members[key] ?? implied
    guard given != wanted else { return }
    unsupported.add(
      JSONPath() + key,
      "is \(given.described), which is not computed here; use a model with \(wanted.text)")
  }

  /// Heads share the width evenly.
  mutating func checkHeads(_ heads: Int, _ width: Int, key: String) {
    guard width % heads != 0 else { return }
    malformed.add(
      JSONPath() + key, "must divide the width \(width), got \(heads); correct one of them")
  }

  /// Sizes that may each be right and together claim more than is read.
  mutating func checkTotal(_ layout: ParameterLayout?) {
    guard layout == nil else { return }
    malformed.add(
      JSONPath(),
      "the sizes come to more than \(ParameterLayout.mostValues) values; use a smaller model")
  }

  static let width = 1...16_384
  static let inner = 1...65_536
  static let vocabulary = 1...4_194_304
  static let positions = 1...65_536
  static let blocks = 1...1_000
  static let heads = 1...1_024
}

extension BERTConfiguration {
  fileprivate init(_ reader: inout ConfigurationReader) {
    self.init(
      vocabularySize: reader.size("vocab_size", ConfigurationReader.vocabulary),
      width: reader.size("hidden_size", ConfigurationReader.width),
      blocks: reader.size("num_hidden_layers", ConfigurationReader.blocks),
      heads: reader.size("num_attention_heads", ConfigurationReader.heads),
      innerWidth: reader.size("intermediate_size", ConfigurationReader.inner),
      positions: reader.size(
        "max_position_embeddings", ConfigurationReader.positions, default: 512),
      tokenTypes: reader.size("type_vocab_size", 1...1_024, default: 2),
      layerNormEpsilon: reader.epsilon("layer_norm_eps", default: 1e-12))
    reader.checkHeads(heads, width, key: "num_attention_heads")
    reader.only("hidden_act", "gelu", implied: "gelu")
    reader.only("position_embedding_type", "absolute", implied: "absolute")
    reader.only("is_decoder", false, implied: false)
    reader.only("add_cross_attention", false, implied: false)
    reader.checkTotal(layout(pooler: true))
  }
}

extension GPT2Configuration {
  fileprivate init(_ reader: inout ConfigurationReader) {
    let width = reader.size("n_embd", ConfigurationReader.width)
    self.init(
      vocabularySize: reader.size("vocab_size", ConfigurationReader.vocabulary),
      width: width,
      blocks: reader.size("n_layer", ConfigurationReader.blocks),
      heads: reader.size("n_head", ConfigurationReader.heads),
      innerWidth: reader.size("n_inner", ConfigurationReader.inner, default: 4 * width),
      positions: reader.size("n_positions", ConfigurationReader.positions, default: 1_024),
      layerNormEpsilon: reader.epsilon("layer_norm_epsilon", default: 1e-5))
    reader.checkHeads(heads, width, key: "n_head")
    reader.only("activation_function", "gelu_new", implied: "gelu_new")
    reader.only("scale_attn_weights", true, implied: true)
    reader.only("scale_attn_by_inverse_layer_idx", false, implied: false)
    reader.only("reorder_and_upcast_attn", false, implied: false)
    reader.only("add_cross_attention", false, implied: false)
    reader.only("tie_word_embeddings", true, implied: true)
    reader.checkTotal(layout())
  }
}
