// The models that scenarios may name.

public enum ModelCatalog {
  private static let kinds = KindCatalog<any ModelSettings.Type>(
    [
      Scenario.Convolutional.self, Scenario.Perceptron.self, Scenario.Logistic.self,
      Scenario.Residual.self, Scenario.BERTEncoder.self, Scenario.GPTDecoder.self,
    ], key: "model", name: { $0.name }, isSame: { $0 == $1 })

  /// In the order of the documentation.
  public static var all: [any ModelSettings.Type] { kinds.all }

  /// Lets scenarios name one more model.
  ///
  /// - Throws: `ScenarioError` if another model has its name.
  package static func add(_ model: any ModelSettings.Type) throws(ScenarioError) {
    try kinds.add(model)
  }
}
