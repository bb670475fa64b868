extension Scenario {
  /// Multinomial logistic regression: fc.
  public struct Logistic: ModelSettings {
    public static let name = "logistic"
    public static let summary = "Multinomial logistic regression: fc."
    public static let input = ModelInput.numbers

    public init(_ fields: Fields) {}

    public func layers(for data: DataSet) -> [ModelLayer]? {
      [ModelLayer(name: "fc", outputs: data.classes, inputs: data.features)]
    }
  }
}
