extension Scenario.Adapter {
  /// Layers that are trained whole, of whose noisy gradients only a fresh random projection leaves the client (M2): it costs
  /// less ε than the whole, and keeps less of the gradient.
  public struct RandomProjection: AdapterSettings {
    public static let name = "random-projection"
    public static let summary =
      "Whole layers, of whose noisy gradients a fresh random projection of rank r is kept, at less noise."
    public static let keys: [Key] = [
      .required(
        "r", .integer(1...1024), "Rank of the projection, at most the inputs of each layer."),
      .required(
        "modules_to_save", .list(of: .identifier, count: 1...16, distinct: true),
        "The layers that are trained, such as fc."),
    ]

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      var traits = try AdapterTraits(
        fields, trains: "whole layers, by projected gradients", isLinear: true)
      traits.trainsModelTensors = true
      self.traits = traits
    }

    /// What the accounting does not cover.
    public func problems(in scenario: Scenario) -> [SettingProblem] {
      func problem(_ path: String, _ message: String) -> SettingProblem {
        SettingProblem(path, message)
      }
      var problems: [SettingProblem] = []
      if scenario.privacy.unit == .client {
        problems.append(
          problem(
            "adapter.type",
            "\"random-projection\" is about what single clients release, which privacy.unit \"client\" does not noise; "
              + "use linear_probe"))
      }
      if scenario.privacy.noise == .exact {
        problems.append(
          problem(
            "privacy.noise",
            "\"exact\" is discrete, and the price of a projection is known for normal noise alone; use \"fast\" or "
              + "linear_probe"))
      }
      if scenario.privacy.clipping.groups != nil {
        problems.append(
          problem(
            "privacy.clipping",
            "gives layers noise of their own each, and one projection covers one noise; use \"flat\""
          ))
      }
      if scenario.privacy.individual {
        problems.append(
          problem(
            "privacy.individual", "does not know the price of a projection; set it to false"))
      }
      if scenario.method.traits.repeatsPublishedCode {
        problems.append(
          problem(
            "adapter.type",
            "\"random-projection\" is not part of the published code's accounting; use linear_probe"
          ))
      }
      return problems
    }
  }
}

extension Scenario {
  /// The rank of the random projections that gradients leave through; nil where all of them leave.
  public var projectionRank: Int? {
    (adapter?.settings as? Adapter.RandomProjection)?.traits.rank
  }
}
