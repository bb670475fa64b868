extension Scenario.Adapter {
  /// W + s·B A beside frozen weights, s = α/r.
  public struct LoRA: AdapterSettings {
    public static let name = "lora"
    public static let summary = "Low-rank adaptation: W + scale B A."
    public static var keys: [Key] {
      [
        .required("r", .integer(1...1024), "Rank, at most the smaller side of each matrix."),
        AdapterKeys.loraAlpha,
        .required(
          "target_modules", .list(of: .identifier, count: 1...256, distinct: true),
          "Layers to adapt, by their names or the last parts of them; cnn has conv1, conv2, fc; mlp has "
            + "fc1, fc2, ...; logistic has fc; bert has encoder.layer.0.attention.self.query, ...; gpt has "
            + "h.0.attn.c_attn, ...", hint: AdapterKeys.layers),
        AdapterKeys.modulesToSave,
        .defaults(
          "freeze_a", true, .boolean,
          "Keep A at its shared random value and train only B; the default under privacy."),
        .defaults(
          "use_rslora", false, .boolean, "Scale by lora_alpha / sqrt(r) instead."),
        .absent(
          "aggregation", .choice(AggregationCatalog.all.map { $0.name }),
          "How adapters are averaged (docs/lora-and-privacy.md); freeze_a does not count then. "
            + "Without it: ffa-lora where A is frozen, else fedit."),
        .absent(
          "layer_ranks", .list(of: .integer(1...1024), count: 1...256, distinct: false),
          "The rank of each target module in turn, instead of r."),
        .absent(
          "client_ranks", .list(of: .integer(1...1024), count: 1...1000, distinct: false),
          "Ranks of the clients, each at most r; client k takes entry k modulo their number. For "
            + "flexlora and flora."),
      ]
    }

    public let traits: AdapterTraits

    /// Whether A stays at its shared random value and only B is trained.
    public var freezeA: Bool { traits.aggregation.traits.freezesA }

    public init(_ fields: Fields) throws(ScenarioError) {
      var traits = try AdapterTraits(fields, trains: "A and B", isLinear: false)
      if let name = try fields.optionalString("aggregation") {
        traits.aggregation = try Aggregation(named: name, at: fields.path + "aggregation")
      } else {
        traits.aggregation = try fields.boolean("freeze_a") ? .ffaLoRA : .fedIT
      }
      var factors = FactorTraits()
      factors.choosesFactors = true
      factors.useRSLoRA = try fields.boolean("use_rslora")
      if fields.optional("layer_ranks") != nil {
        factors.layerRanks = try fields.integers("layer_ranks")
      }
      if fields.optional("client_ranks") != nil {
        factors.clientRanks = try fields.integers("client_ranks")
      }
      traits.factors = factors
      self.traits = traits
    }
  }
}
