// Kinds that train some tensors of the model itself.

extension Scenario.Adapter {
  /// The model's biases.
  public struct BitFit: AdapterSettings {
    public static let name = "bitfit"
    public static let summary = "The model's biases alone are trained."
    public static let keys: [Key] = [AdapterKeys.modulesToSave]

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(modelTensorsOf: fields, trains: "biases")
    }
  }

  /// Scales and shifts of normalisations.
  public struct LayerNorm: AdapterSettings {
    public static let name = "layer_norm"
    public static let summary = "Scales and shifts of normalisations alone are trained."
    public static let keys: [Key] = [AdapterKeys.modulesToSave]

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(
        modelTensorsOf: fields, trains: "scales and shifts of normalisations")
    }
  }

  /// Nothing beside the layers of `modules_to_save`: a linear classifier on frozen features.
  public struct LinearProbe: AdapterSettings {
    public static let name = "linear_probe"
    public static let summary =
      "Nothing of the base is adapted: a classifier on its frozen features is trained."
    public static let keys: [Key] = [
      .required(
        "modules_to_save", .list(of: .identifier, count: 1...16, distinct: true),
        "The layers that are trained whole, such as fc.")
    ]

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(modelTensorsOf: fields, trains: "a classifier")
    }
  }
}

extension AdapterTraits {
  fileprivate init(modelTensorsOf fields: Fields, trains: String) throws(ScenarioError) {
    try self.init(fields, trains: trains, isLinear: true)
    trainsModelTensors = true
  }
}
