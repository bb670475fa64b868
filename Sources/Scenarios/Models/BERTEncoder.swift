extension Scenario {
  /// A BERT encoder from the folder of a Hugging Face model, with a linear head `classifier` on one vector a text.
  public struct BERTEncoder: ModelSettings {
    public static let name = "bert"
    public static let summary = "A pretrained BERT encoder and a linear classifier on texts."
    public static let input = ModelInput.texts
    public static let canBePretrained = false
    public static let canBeLoaded = false

    /// How an encoder's vectors become one.
    public enum Pooling: String, Sendable, Hashable, CaseIterable {
      case mean
      case cls
      case pooler
    }

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

    public init(_ fields: Fields) throws(ScenarioError) {
      path = try fields.string("path")
      maximumTokens = try fields.integer("max_tokens")
      pooling = try fields.choice("pooling")
      specialInText = try fields.optionalBoolean("special_in_text") ?? true
    }

    public var language: LanguageFacts? {
      LanguageFacts(
        path: path, maximumTokens: maximumTokens, specialInText: specialInText,
        predictsTokens: false, freshTensors: "classifier.")
    }

    public static let keys: [Key] = [
      .required(
        "path", .text(1...4096),
        "Folder of a Hugging Face model (config.json, vocab.txt, model.safetensors); tools/data minilm fetches "
          + "one into data/minilm."),
      .defaults(
        "max_tokens", 64, .integer(3...65_536),
        "Texts are cut to so many tokens, [CLS] and [SEP] included."),
      .defaults(
        "pooling", "mean", .choice(Pooling.allCases.map(\.rawValue)),
        "How a text becomes one vector: the mean over its tokens, the first token, or BERT's pooler."
      ),
      specialInText,
    ]

    static let specialInText: Key = .implied(
      "special_in_text", true, .boolean,
      "Whether the names of special tokens written in a text are those tokens.")
  }
}
