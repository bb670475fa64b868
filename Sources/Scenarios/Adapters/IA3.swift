extension Scenario.Adapter {
  /// Learned scales of outputs, or of inputs for those target modules that `feedforward_modules` names too.
  public struct IA3: AdapterSettings {
    public static let name = "ia3"
    public static let summary = "Learned scales of a layer's outputs, or of its inputs."
    public static let keys: [Key] = [
      AdapterKeys.targetModules, AdapterKeys.modulesToSave,
      .absent(
        "feedforward_modules", .list(of: .identifier, count: 1...256, distinct: true),
        "Those of the target modules whose inputs are scaled instead."),
    ]

    public let traits: AdapterTraits
    /// Modules whose inputs are scaled.
    public let feedforwardModules: [String]

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(
        fields, trains: "scales of outputs or inputs", isLinear: true)
      feedforwardModules =
        fields.optional("feedforward_modules") == nil
        ? [] : try fields.strings("feedforward_modules")
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      guard let name = feedforwardModules.first(where: { !traits.targetModules.contains($0) })
      else { return [] }
      return [
        SettingProblem(
          "adapter.feedforward_modules", "\(name) is not in target_modules; add it there")
      ]
    }
  }
}
