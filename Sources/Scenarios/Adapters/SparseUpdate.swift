extension Scenario.Adapter {
  /// Values on a mask of r·(rows + columns) places: drawn from the scenario's seed, or where the base model's gradient
  /// on the public examples is largest.
  public struct SparseUpdate: AdapterSettings {
    public static let name = "sparse"
    public static let summary = "W + S with S zero but at r (rows + columns) places."
    public static let keys: [Key] = [
      AdapterKeys.rank, AdapterKeys.targetModules, AdapterKeys.modulesToSave,
      .implied(
        "mask", "random", .choice(["random", "public"]),
        "The places: random, or where the base model's gradient on the public examples is largest."
      ),
    ]

    public let traits: AdapterTraits
    /// Whether public examples choose the mask.
    public let isPublic: Bool

    public init(_ fields: Fields) throws(ScenarioError) {
      isPublic = try fields.optionalString("mask") == "public"
      traits = try AdapterTraits(
        fields,
        trains: isPublic ? "values on a mask from public data" : "values on a common mask",
        isLinear: true)
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      guard isPublic, !scenario.data.hasPublicExamples else { return [] }
      return [
        SettingProblem(
          "adapter.mask",
          "\"public\" needs public examples; set data.public_examples above 0, or this to \"random\""
        )
      ]
    }
  }
}
