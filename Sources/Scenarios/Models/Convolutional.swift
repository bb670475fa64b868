extension Scenario {
  /// The paper's two convolutions and a linear layer: conv1, conv2, fc. Images only.
  public struct Convolutional: ModelSettings {
    public static let name = "cnn"
    public static let summary = "Two 5x5 convolutions and a linear layer: conv1, conv2, fc."
    public static let input = ModelInput.images

    public init(_ fields: Fields) {}

    public func layers(for data: DataSet) -> [ModelLayer]? {
      let image = data.imageShape
      return [
        ModelLayer(name: "conv1", outputs: 16, inputs: image.map { 25 * $0.channels }),
        ModelLayer(name: "conv2", outputs: 32, inputs: 25 * 16),
        ModelLayer(
          name: "fc", outputs: data.classes,
          inputs: image.map { 32 * ($0.height / 4) * ($0.width / 4) }),
      ]
    }
  }
}
