extension Scenario {
  /// Linear layers with ReLU between them: fc1, fc2, ...
  public struct Perceptron: ModelSettings {
    public static let name = "mlp"
    public static let summary = "Linear layers with ReLU between: fc1, fc2, ..."
    public static let input = ModelInput.numbers
    public static let keys: [Key] = [
      .defaults(
        "hidden", [64], .list(of: .integer(1...4096), count: 1...8, distinct: false),
        "Widths of the hidden layers.")
    ]

    /// Widths of the hidden layers. JSON key `hidden`: 1 to 8 of them, each 1 to 4096; default [64].
    public let hidden: [Int]

    public init(_ fields: Fields) throws(ScenarioError) {
      hidden = try fields.integers("hidden")
    }

    public func layers(for data: DataSet) -> [ModelLayer]? {
      let inputs: [Int?] = [data.features] + hidden
      let outputs: [Int?] = hidden + [data.classes]
      return zip(outputs, inputs).enumerated().map { index, sides in
        ModelLayer(name: "fc\(index + 1)", outputs: sides.0, inputs: sides.1)
      }
    }
  }
}
