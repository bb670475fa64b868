extension Scenario.Adapter {
  /// Scales beside random matrices that all layers share.
  public struct VeRA: AdapterSettings {
    public static let name = "vera"
    public static let summary = "Scales beside random matrices of rank r that all layers share."
    public static let keys: [Key] = [
      AdapterKeys.rank, AdapterKeys.targetModules, AdapterKeys.modulesToSave,
    ]

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(fields, trains: "two vectors of scales a layer", isLinear: false)
    }
  }
}
