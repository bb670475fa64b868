// The models that scenarios may name.

import Synchronization

public enum ModelCatalog {
  private static let builtIn: [any ModelSettings.Type] = [
    Scenario.Convolutional.self, Scenario.Perceptron.self, Scenario.Logistic.self,
    Scenario.Residual.self, Scenario.BERTEncoder.self, Scenario.GPTDecoder.self,
  ]
  private static let added = Mutex<[any ModelSettings.Type]>([])

  /// In the order of the documentation.
  public static var all: [any ModelSettings.Type] { builtIn + added.withLock { $0 } }

  /// Lets scenarios name one more model.
  ///
  /// - Throws: `ScenarioError` if another model has its name.
  package static func add(_ model: any ModelSettings.Type) throws(ScenarioError) {
    let isFree = added.withLock { added in
      guard let known = (builtIn + added).first(where: { $0.name == model.name }) else {
        added.append(model)
        return true
      }
      return known == model
    }
    guard isFree else {
      throw ScenarioError(JSONPath() + "model", "there is another model \"\(model.name)\"")
    }
  }
}
