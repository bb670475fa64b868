// Kinds that put trained rows among the tokens of texts.

extension Scenario.Adapter {
  /// So many trained rows in front of every text.
  public struct Prompt: AdapterSettings {
    public static let name = "prompt"
    public static let summary =
      "A soft prompt: trained rows in front of every text of a frozen model."
    public static let keys: [Key] = [
      .defaults(
        "num_virtual_tokens", 20, .integer(1...1024), "Rows; they take positions of the model."),
      AdapterKeys.modulesToSave,
    ]

    public let traits: AdapterTraits
    public let rows: Int

    public init(_ fields: Fields) throws(ScenarioError) {
      rows = try fields.integer("num_virtual_tokens")
      traits = try AdapterTraits(
        softRowsOf: fields, count: rows, trains: "rows in front of every text")
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      SettingProblem.withoutTokens(scenario, Self.name).map { [$0] } ?? []
    }
  }

  /// So many trained words behind a text's first tokens; counted in the loss where predicted.
  public struct PlanningTokens: AdapterSettings {
    public static let name = "planning-tokens"
    public static let summary = "Trained words that a frozen decoder reads in every text."
    public static let keys: [Key] = [
      .defaults(
        "count", 2, .integer(1...1024), "Words; they take positions of the model."),
      .defaults(
        "after", 1, .integer(0...1024), "The text's own tokens in front of them."),
      .defaults(
        "predict", false, .boolean,
        "Whether the words count in the loss, or the text's own tokens alone."),
      AdapterKeys.modulesToSave,
    ]

    public let traits: AdapterTraits
    /// Words.
    public let count: Int
    /// The text's own tokens in front of them.
    public let after: Int
    /// Whether the words count in the loss.
    public let predict: Bool

    public init(_ fields: Fields) throws(ScenarioError) {
      count = try fields.integer("count")
      after = try fields.integer("after")
      predict = try fields.boolean("predict")
      traits = try AdapterTraits(
        softRowsOf: fields, count: count, trains: "vectors of added words")
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      if let problem = SettingProblem.withoutTokens(scenario, Self.name) { return [problem] }
      guard !scenario.model.isDecoder else { return [] }
      return [
        SettingProblem(
          "adapter.type",
          "\"planning-tokens\" are words of a decoder, and a \(scenario.model.name) predicts labels; use "
            + "\"prompt\"")
      ]
    }
  }
}

extension AdapterTraits {
  fileprivate init(
    softRowsOf fields: Fields, count: Int, trains: String
  ) throws(ScenarioError) {
    try self.init(fields, trains: trains, isLinear: true)
    softRows = count
    trainsModelTensors = true
  }
}

extension SettingProblem {
  /// That the model takes no tokens; nil if it does.
  fileprivate static func withoutTokens(_ scenario: Scenario, _ name: String) -> SettingProblem? {
    guard scenario.model.maximumTokens == nil else { return nil }
    return SettingProblem(
      "adapter.type",
      "\"\(name)\" trains rows among the tokens of texts, and a \(scenario.model.name) takes none; use another kind, "
        + "or \"bert\" or \"gpt\" on texts")
  }
}
