extension Scenario {
  /// A GPT-2 decoder that predicts the next token of a text, from a folder or from scratch; no labels.
  public struct GPTDecoder: ModelSettings {
    public static let name = "gpt"
    public static let summary =
      "A GPT-2 decoder that predicts next tokens, pretrained or from scratch."
    public static let input = ModelInput.texts
    public static let canBeLoaded = false

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
    /// The tokens that are predicted and counted; nil counts all but the first. JSON key `predict`; default null.
    public let predicted: Predicted?
    /// Whether the scenario gave a size.
    let hasSizes: Bool

    /// Which of a text's tokens are predicted: those at `from`, `from + every`, ... (the first token is 0).
    public struct Predicted: Sendable, Hashable {
      /// JSON key `from`; 1 to 65535, required.
      public let from: Int
      /// JSON key `every`; 1 to 65536, default 1.
      public let every: Int
    }

    public init(_ fields: Fields) throws(ScenarioError) {
      path = try fields.optionalString("path")
      maximumTokens = try fields.integer("max_tokens")
      specialInText = try fields.optionalBoolean("special_in_text") ?? true
      predicted = try fields.optionalFields("predict").map { predict throws(ScenarioError) in
        Predicted(from: try predict.integer("from"), every: try predict.integer("every"))
      }
      let sizes = [
        try fields.optionalInteger("width"), try fields.optionalInteger("blocks"),
        try fields.optionalInteger("heads"),
      ]
      (width, blocks, heads) = (sizes[0] ?? 48, sizes[1] ?? 2, sizes[2] ?? 4)
      hasSizes = sizes.contains { $0 != nil }
    }

    public var language: LanguageFacts? {
      LanguageFacts(
        path: path, maximumTokens: maximumTokens, specialInText: specialInText,
        predictsTokens: true, freshTensors: nil)
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      guard scenario.data.isTextSet else { return [] }
      var problems: [SettingProblem] = []
      for (index, cluster) in scenario.population.clusters.enumerated()
      where cluster.shift.labelPermutation != nil || cluster.shift.labelOffset != 0 {
        problems.append(
          SettingProblem(
            "population.clusters[\(index)].shift",
            "changes labels, and a gpt predicts next tokens; leave it out, or choose groups of texts"
          ))
      }
      if let from = predicted?.from, from >= maximumTokens {
        problems.append(
          SettingProblem(
            "model.predict.from",
            "must be below max_tokens, \(maximumTokens), or no token is ever predicted, got \(from)"
          ))
      }
      if path != nil {
        if hasSizes {
          problems.append(
            SettingProblem(
              "model",
              "has sizes beside a path, whose folder gives them; remove width, blocks and heads"))
        }
        if scenario.model.pretraining != nil {
          problems.append(
            SettingProblem(
              "model.pretraining",
              "must be null where path gives pretrained weights; remove one"))
        }
      } else if width % heads != 0 {
        problems.append(
          SettingProblem(
            "model.width", "must be a multiple of heads, \(heads), got \(width)"))
      }
      return problems
    }

    public static let keys: [Key] = [
      .defaults(
        "path", .null, .nullable(.text(1...4096)),
        "Folder of a Hugging Face model (config.json, vocab.json, merges.txt, model.safetensors); null begins "
          + "from random weights, on bytes."),
      .defaults("max_tokens", 64, .integer(2...65_536), "Texts are cut to so many tokens."),
      BERTEncoder.specialInText,
      .implied(
        "predict", .null,
        .nullable(
          .object(
            Shape([
              .required(
                "from", .integer(1...65_535),
                "The first token that is predicted; a text begins with token 0."),
              .defaults("every", 1, .integer(1...65_536), "From a predicted token to the next."),
            ]))),
        "The tokens that loss and accuracy count, such as the answers of texts of one form; null counts all."
      ),
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
  }
}
