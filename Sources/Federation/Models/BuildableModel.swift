// From the model that a scenario names to its layers.

public import Datasets
public import Learning
public import Scenarios

/// Settings that know how their model is built.
public protocol BuildableModel: ModelSettings {
  /// The network on examples of a shape, with its last layer's outputs for so many classes.
  ///
  /// - Parameter examples: of the kind that `input` says.
  /// - Throws: `ArchitectureError` where it does not fit them.
  func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) throws -> Architecture
}

extension ModelCatalog {
  /// Lets scenarios name a model of another package.
  ///
  /// - Throws: `ScenarioError` if another model has its name.
  public static func add(buildable model: any BuildableModel.Type) throws(ScenarioError) {
    try add(model)
  }
}

extension Architecture {
  /// The model of a scenario on examples of a shape.
  ///
  /// - Throws: `ArchitectureError`; `ModelFolderError` for the folder of a pretrained model.
  public init(scenario: Scenario, shape: ExampleShape, classes: Int) throws {
    let model = scenario.model
    guard let buildable = model.settings as? any BuildableModel else {
      throw ArchitectureError(
        description:
          "model.name: nothing says how \"\(model.name)\" is built; add it by ModelCatalog.add(buildable:)"
      )
    }
    switch (model.input, shape) {
    case (.texts, .tokens), (.images, .image), (.numbers, .image), (.numbers, .features): break
    case (.texts, _):
      throw ArchitectureError(
        description:
          "model.name: \"\(model.name)\" takes texts and \(scenario.data.name) has none; "
          + "choose another model")
    case (_, .tokens):
      throw ArchitectureError(
        description: "model.name: \"\(model.name)\" takes numbers and \(scenario.data.name) holds "
          + "texts; choose \"bert\" or \"gpt\"")
    case (.images, .features):
      throw ArchitectureError(
        description: "model.name: \"\(model.name)\" needs images and \(scenario.data.name) is a "
          + "table; choose \"mlp\" or \"logistic\"")
    }
    self = try buildable.architecture(for: shape, classes: classes, in: scenario)
  }
}

extension ExampleShape {
  /// Sides and channels of an image, for models whose input is images.
  ///
  /// - Throws: `ArchitectureError` for other examples.
  public var imageSides: (height: Int, width: Int, channels: Int) {
    get throws(ArchitectureError) {
      guard case .image(let height, let width, let channels) = self else {
        throw ArchitectureError(description: "model.name: needs images")
      }
      return (height, width, channels)
    }
  }

  /// Of an image; 1 for other examples.
  public var channels: Int {
    if case .image(_, _, let channels) = self { channels } else { 1 }
  }
}
