extension Scenario.Adapter {
  /// Gates with the published penalty on their openness.
  public struct FineGates: AdapterSettings {
    public static let name = "finegates"
    public static let summary = "Gates on the rows and columns of frozen weights."
    public static let keys: [Key] = [
      AdapterKeys.targetModules, AdapterKeys.modulesToSave,
      .defaults(
        "penalty", 0, .number(.from(0, to: 1000)),
        "Weight of the penalty that closes gates; it depends on no example and is added after the noise."
      ),
      .defaults(
        "keep", 0.7, .number(.from(0, to: 1)), "Share of gates that the penalty wants open."),
    ]

    public let traits: AdapterTraits
    /// Weight of the penalty; 0 to 1000.
    public let penalty: Double
    /// Share of gates to keep open; 0 to 1.
    public let keep: Double

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(fields, trains: "logits of gates", isLinear: false)
      penalty = try fields.number("penalty")
      keep = try fields.number("keep")
    }
  }
}
