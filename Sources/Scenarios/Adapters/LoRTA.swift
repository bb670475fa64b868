extension Scenario.Adapter {
  /// One low-rank tensor for the updates of all target modules.
  public struct LoRTA: AdapterSettings {
    public static let name = "lorta"
    public static let summary =
      "One low-rank tensor for the updates of all target modules, layers of one shape."
    public static let keys: [Key] = [
      AdapterKeys.rank, AdapterKeys.loraAlpha, AdapterKeys.targetModules,
      AdapterKeys.modulesToSave,
      .defaults("heads", 1, .integer(1...256), "Heads of a layer, a divisor of its outputs."),
      .defaults(
        "trained", "b", .choice(["b", "all"]),
        "B alone, or all five factors, whose noise multiplies up to the fifth order."),
    ]

    public let traits: AdapterTraits
    /// Divides every layer's outputs.
    public let heads: Int
    /// Whether all five factors are trained, or B alone.
    public let trainsAll: Bool

    public init(_ fields: Fields) throws(ScenarioError) {
      heads = try fields.integer("heads")
      trainsAll = try fields.string("trained") == "all"
      var traits = try AdapterTraits(
        fields, trains: trainsAll ? "five common factors" : "a common B", isLinear: !trainsAll)
      traits.sharesTensors = true
      self.traits = traits
    }
  }
}
