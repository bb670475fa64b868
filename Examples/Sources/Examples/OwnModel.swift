// A model of your own: a gain for each number of the input, then linear layers.
//
// In a scenario: "model": {"name": "gained", "hidden": 8}.

import DPFLSim

struct GainedNetwork: BuildableModel {
  static let name = "gained"
  static let summary = "A trained gain for each input, a hidden layer and a linear layer."
  static let input = ModelInput.numbers
  static let keys: [Key] = [
    .defaults("hidden", 8, .integer(1...1024), "Width of the hidden layer.")
  ]

  let hidden: Int

  init(_ fields: Fields) throws(ScenarioError) {
    hidden = try fields.integer("hidden")
  }

  /// What `check` and the adapters' keys know before the data are loaded.
  func layers(for data: Scenario.DataSet) -> [ModelLayer]? {
    [
      ModelLayer(name: "fc1", outputs: hidden, inputs: data.features),
      ModelLayer(name: "fc2", outputs: data.classes, inputs: hidden),
    ]
  }

  /// Names of tensors are those of the layers: exports, adapters and files of weights use them.
  func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) -> Architecture {
    let inputs = examples.valueCount
    return Architecture(
      name: Self.name, input: .floats(inputs), classes: classes,
      layers: [
        GainSpec(name: "gain", width: inputs),
        DenseSpec("fc1", inputs: inputs, outputs: hidden, isRectified: true),
        DenseSpec("fc2", inputs: hidden, outputs: classes, isRectified: false),
      ])
  }
}
