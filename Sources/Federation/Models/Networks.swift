// The built-in models of images and tables.

public import Datasets
public import Learning
public import Scenarios

extension Scenario.Convolutional: BuildableModel {
  public func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) throws -> Architecture {
    let (height, width, channels) = try examples.imageSides
    return try .cnn(height: height, width: width, channels: channels, classes: classes)
  }
}

extension Scenario.Residual: BuildableModel {
  public func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) throws -> Architecture {
    let (height, side, channels) = try examples.imageSides
    return try .resnet(
      height: height, width: side, channels: channels, classes: classes, width: width,
      blocks: blocks)
  }
}

extension Scenario.Perceptron: BuildableModel {
  public func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) -> Architecture {
    .mlp(
      inputs: examples.valueCount, hidden: hidden, classes: classes, channels: examples.channels)
  }
}

extension Scenario.Logistic: BuildableModel {
  public func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) -> Architecture {
    .logistic(inputs: examples.valueCount, classes: classes, channels: examples.channels)
  }
}
