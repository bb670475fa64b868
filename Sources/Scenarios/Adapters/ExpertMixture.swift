extension Scenario.Adapter {
  /// Low-rank experts and a router that is trained with them.
  public struct ExpertMixture: AdapterSettings {
    public static let name = "mixture"
    public static let summary =
      "Low-rank experts, shared among rows by a router that is trained with them."
    public static let keys: [Key] = [
      .required("experts", .integer(2...64), "Experts of each layer."), AdapterKeys.rank,
      AdapterKeys.loraAlpha, AdapterKeys.targetModules,
      .defaults(
        "level", "token", .choice(["token", "example"]),
        "What gets weights of its own: each row (a token, a place of an image) or each example."),
      .absent(
        "top_k", .integer(1...64),
        "Experts that take part in a row, those with the largest logits; all unless stated."),
      .defaults(
        "temperature", 1, .number(.above(0, to: 100)), "What the router's logits are divided by."),
      AdapterKeys.modulesToSave,
    ]

    public let traits: AdapterTraits
    public let experts: Int
    /// Whether all rows of an example share their weights.
    public let byExample: Bool
    /// Nil for all.
    public let topK: Int?
    public let temperature: Double

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(
        fields, trains: "low-rank experts and their routers", isLinear: false)
      experts = try fields.integer("experts")
      byExample = try fields.string("level") == "example"
      topK = try fields.optionalInteger("top_k")
      temperature = try fields.number("temperature")
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      guard let topK, topK > experts else { return [] }
      return [SettingProblem("adapter.top_k", "must be at most experts, \(experts), got \(topK)")]
    }
  }
}
