extension Scenario.Adapter {
  /// LoRA whose factors a network of so many hidden units emits.
  public struct OpLoRA: AdapterSettings {
    public static let name = "op-lora"
    public static let summary =
      "LoRA whose factors a small network emits; clip and noise concern the factors alone."
    public static let keys: [Key] = [
      AdapterKeys.rank, AdapterKeys.loraAlpha, AdapterKeys.targetModules,
      AdapterKeys.modulesToSave,
      .defaults("hidden", 16, .integer(1...1024), "Hidden units of each layer's network."),
    ]

    public let traits: AdapterTraits

    /// The factors are LoRA's, averaged one by one.
    public init(_ fields: Fields) throws(ScenarioError) {
      var traits = try AdapterTraits(
        fields, trains: "A and B by way of networks that emit them", isLinear: false)
      var factors = FactorTraits()
      factors.generatorWidth = try fields.integer("hidden")
      traits.factors = factors
      traits.aggregation = .fedIT
      self.traits = traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      guard scenario.method.traits.pullsModels else { return [] }
      return [
        SettingProblem(
          "method.name",
          "\(scenario.method.name) moves A and B beside the gradient, and op-lora's networks emit them anew in every "
            + "step; use another method")
      ]
    }
  }
}
