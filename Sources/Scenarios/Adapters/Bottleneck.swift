extension Scenario.Adapter {
  /// A small network of so many inner units behind each layer.
  public struct Bottleneck: AdapterSettings {
    public static let name = "bottleneck"
    public static let summary = "A small network with a residual path behind a layer."
    public static let keys: [Key] = [
      .required("width", .integer(1...4096), "Inner units."), AdapterKeys.targetModules,
      AdapterKeys.modulesToSave,
    ]

    public let traits: AdapterTraits
    /// Inner units.
    public let width: Int

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(
        fields, trains: "a small network behind each layer", isLinear: false)
      width = try fields.integer("width")
    }
  }
}
