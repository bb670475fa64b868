extension Scenario.Adapter {
  /// A bottleneck with matrices of `factors` Kronecker products, whose rules are frozen unless said otherwise.
  public struct Compacter: AdapterSettings {
    public static let name = "compacter"
    public static let summary = "A bottleneck whose matrices are sums of Kronecker products."
    public static let keys: [Key] = [
      .required("width", .integer(1...4096), "Inner units, a multiple of factors."),
      .defaults("factors", 4, .integer(1...64), "Products in each sum, a divisor of all widths."),
      .defaults(
        "phm_rule", "frozen", .choice(["frozen", "trained"]),
        "Whether the rules that all layers share are trained; their gradients dominate the clip."),
      AdapterKeys.targetModules, AdapterKeys.modulesToSave,
    ]

    public let traits: AdapterTraits
    /// Inner units.
    public let width: Int
    /// Products in each sum.
    public let factors: Int
    /// Whether the rules that all layers share are trained.
    public let trainsRule: Bool

    public init(_ fields: Fields) throws(ScenarioError) {
      width = try fields.integer("width")
      factors = try fields.integer("factors")
      trainsRule = try fields.string("phm_rule") == "trained"
      var traits = try AdapterTraits(
        fields, trains: "factors of a small network behind each layer", isLinear: false)
      traits.sharesTensors = trainsRule
      self.traits = traits
    }
  }
}
