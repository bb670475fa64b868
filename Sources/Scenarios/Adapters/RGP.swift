extension Scenario.Adapter {
  /// Reparametrised gradient perturbation: the weights themselves, by way of thin carriers.
  public struct RGP: AdapterSettings {
    public static let name = "rgp"
    public static let summary =
      "Reparametrised gradients: DP-SGD on thin carriers that are chosen anew in every step."
    public static let keys: [Key] = [
      .required("r", .integer(1...1024), "Rank, at most the smaller side of each matrix."),
      .required(
        "target_modules", .list(of: .identifier, count: 1...16, distinct: true),
        "Layers whose weights are trained; cnn has conv1, conv2, fc; mlp has fc1, fc2, ...; "
          + "logistic has fc.", hint: AdapterKeys.layers),
    ]

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(carriersOf: fields, .rgp)
    }
  }
}

extension AdapterTraits {
  /// Of kinds that train the weights themselves by matrices of a rank, which have no scale: α is r.
  init(carriersOf fields: Fields, _ aggregation: Scenario.Adapter.Aggregation) throws(ScenarioError)
  {
    try self.init(fields, trains: "the adapted weights", isLinear: false)
    factors = FactorTraits()
    self.aggregation = aggregation
  }
}
