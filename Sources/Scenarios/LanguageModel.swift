// Language models: a folder of pretrained weights with its vocabulary, or sizes of a decoder from scratch.

extension Scenario.Model {
  /// A BERT encoder from the folder of a Hugging Face model.
  public struct Encoder: Sendable, Hashable {
    /// The folder of config.json, vocab.txt and model.safetensors; a relative path begins at the folder of the
    /// scenario file. JSON key `path`; required.
    public let path: String
    /// Texts are cut to so many tokens, those that the tokenizer adds included. JSON key `max_tokens`; 3 to
    /// 65536 and at most the model's positions, default 64.
    public let maximumTokens: Int
    /// How the vectors of a text become one. JSON key `pooling`; default the mean.
    public let pooling: Pooling
    /// Whether `[SEP]` and the like written in a text are those tokens, as the reference does it. JSON key
    /// `special_in_text`; default true.
    public let specialInText: Bool
  }

  /// How an encoder's vectors become one.
  public enum Pooling: String, Sendable, Hashable, CaseIterable {
    case mean
    case cls
    case pooler
  }

  /// A GPT-2 decoder, from a folder or from scratch.
  public struct Decoder: Sendable, Hashable {
    /// The folder of config.json, vocab.json, merges.txt and model.safetensors; nil begins from random weights on
    /// the bytes of the texts. JSON key `path`; default null.
    public let path: String?
    /// As for encoders. JSON key `max_tokens`; 2 to 65536, default 64.
    public let maximumTokens: Int
    /// Whether `<|endoftext|>` written in a text is that token. JSON key `special_in_text`; default true.
    public let specialInText: Bool
    /// Sizes of a decoder from scratch: JSON keys `width` (a multiple of heads, 2 to 1024, default 48), `blocks`
    /// (1 to 24, default 2) and `heads` (1 to 64, default 4); none of them with a path.
    public let width: Int
    public let blocks: Int
    public let heads: Int
    /// Whether the scenario gave a size.
    let hasSizes: Bool
  }

  /// The folder of pretrained weights, as the scenario writes it; nil for models without one.
  public var path: String? {
    switch architecture {
    case .bert(let encoder): encoder.path
    case .gpt(let decoder): decoder.path
    case .cnn, .mlp, .logistic, .resnet: nil
    }
  }

  /// Where texts are cut; nil for models of numbers.
  public var maximumTokens: Int? {
    switch architecture {
    case .bert(let encoder): encoder.maximumTokens
    case .gpt(let decoder): decoder.maximumTokens
    case .cnn, .mlp, .logistic, .resnet: nil
    }
  }

  /// Whether the model takes texts.
  public var isLanguageModel: Bool { maximumTokens != nil }

  /// Whether the model predicts next tokens, and no labels.
  public var isDecoder: Bool { if case .gpt = architecture { true } else { false } }
}

extension Scenario {
  /// `model.path` as it is opened.
  public var modelPath: String? { opened(model.path) }

  /// The file of weights of a model of images or tables, as it is opened.
  public var weightsPath: String? { opened(model.weights) }
}

// MARK: - Format

extension Scenario.Model.Encoder {
  static let keys: [Key] = [
    .required(
      "path", .text(1...4096),
      "Folder of a Hugging Face model (config.json, vocab.txt, model.safetensors); tools/data minilm fetches "
        + "one into data/minilm."),
    .defaults(
      "max_tokens", 64, .integer(3...65_536),
      "Texts are cut to so many tokens, [CLS] and [SEP] included."),
    .defaults(
      "pooling", "mean", .choice(Scenario.Model.Pooling.allCases.map(\.rawValue)),
      "How a text becomes one vector: the mean over its tokens, the first token, or BERT's pooler."),
    specialInText,
  ]

  static let specialInText: Key = .implied(
    "special_in_text", true, .boolean,
    "Whether the names of special tokens written in a text are those tokens.")

  init(_ fields: Fields) throws(ScenarioError) {
    path = try fields.string("path")
    maximumTokens = try fields.integer("max_tokens")
    pooling = try fields.choice("pooling")
    specialInText = try fields.optionalBoolean("special_in_text") ?? true
  }
}

extension Scenario.Model.Decoder {
  static let keys: [Key] = [
    .defaults(
      "path", .null, .nullable(.text(1...4096)),
      "Folder of a Hugging Face model (config.json, vocab.json, merges.txt, model.safetensors); null begins "
        + "from random weights, on bytes."),
    .defaults("max_tokens", 64, .integer(2...65_536), "Texts are cut to so many tokens."),
    Scenario.Model.Encoder.specialInText,
    .implied(
      "width", .null, .nullable(.integer(2...1024)),
      "Width of a model from scratch, a multiple of heads; null is 48, or the folder's."),
    .implied(
      "blocks", .null, .nullable(.integer(1...24)),
      "Blocks of a model from scratch; null is 2, or the folder's."),
    .implied(
      "heads", .null, .nullable(.integer(1...64)),
      "Heads of a model from scratch; null is 4, or the folder's."),
  ]

  init(_ fields: Fields) throws(ScenarioError) {
    path = try fields.optionalString("path")
    maximumTokens = try fields.integer("max_tokens")
    specialInText = try fields.optionalBoolean("special_in_text") ?? true
    let sizes = [
      try fields.optionalInteger("width"), try fields.optionalInteger("blocks"),
      try fields.optionalInteger("heads"),
    ]
    (width, blocks, heads) = (sizes[0] ?? 48, sizes[1] ?? 2, sizes[2] ?? 4)
    hasSizes = sizes.contains { $0 != nil }
  }
}

// MARK: - Checks

extension Scenario {
  /// Models of texts and texts belong together.
  func checkLanguageModel(_ problems: inout ProblemList) {
    let place = JSONPath() + "model"
    guard model.isLanguageModel == data.isTextSet else {
      problems.add(
        place + "name",
        model.isLanguageModel
          ? "a \(model.name) takes texts and \(data.name) has none; use the data set \"text\", or another model"
          : "\(data.name) needs a model of texts, got \"\(model.name)\"; use \"bert\" or \"gpt\"")
      return
    }
    guard case .gpt(let decoder) = model.architecture else { return }
    for (index, cluster) in population.clusters.enumerated()
    where cluster.shift.labelPermutation != nil || cluster.shift.labelOffset != 0 {
      problems.add(
        Self.clustersPath + index + "shift",
        "changes labels, and a gpt predicts next tokens; leave it out, or choose groups of texts")
    }
    if decoder.path != nil {
      if decoder.hasSizes {
        problems.add(
          place, "has sizes beside a path, whose folder gives them; remove width, blocks and heads")
      }
      if model.pretraining != nil {
        problems.add(
          place + "pretraining", "must be null where path gives pretrained weights; remove one")
      }
    } else if decoder.width % decoder.heads != 0 {
      problems.add(
        place + "width",
        "must be a multiple of heads, \(decoder.heads), got \(decoder.width)")
    }
  }
}
