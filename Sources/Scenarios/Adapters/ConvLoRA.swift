extension Scenario.Adapter {
  /// A and B over whole kernels.
  public struct ConvLoRA: AdapterSettings {
    public static let name = "conv-lora"
    public static let summary = "Low-rank adaptation of whole kernels: W + scale reshape(B A)."
    public static let keys: [Key] = [
      AdapterKeys.rank, AdapterKeys.loraAlpha, AdapterKeys.targetModules,
      AdapterKeys.modulesToSave,
    ]

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(fields, trains: "A and B of kernels", isLinear: false)
    }
  }
}
