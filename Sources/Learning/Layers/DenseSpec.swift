// What a dense layer says of itself.

import Kernels

/// y = W x + b, then ReLU if `isRectified`; one row an example.
public struct DenseSpec: LayerSpec, Hashable {
  public let name: String
  public let inputs: Int
  public let outputs: Int
  public let isRectified: Bool
  /// Channels of the image that it takes, channel-last; 1 for a vector.
  public let channels: Int

  public init(
    _ name: String, inputs: Int, outputs: Int, isRectified: Bool = false, channels: Int = 1
  ) {
    self.channels = channels
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.isRectified = isRectified
  }

  public var tensors: [TensorSpec] {
    [
      TensorSpec(
        "\(name).weight", rows: outputs, columns: inputs, start: .uniform(fanIn: inputs)),
      TensorSpec("\(name).bias", rows: outputs, start: .uniform(fanIn: inputs), role: .bias),
    ]
  }

  public var hosts: [HostSpec] {
    [
      HostSpec(
        name, rows: outputs, columns: inputs,
        order: channels > 1 ? .image(channels: channels) : .plain)
    ]
  }

  public func work(length: Int) -> LayerWork {
    LayerWork(operations: 2 * inputs * outputs, outputs: outputs)
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    guard case .lowRank(let rank, _, trained: .b) = mode else {
      return FeatureShape(.input, stride: inputs)
    }
    return FeatureShape(
      .product(halfPrecision: false), stride: outputs + LayerParameters.rankStride(rank))
  }

  public func makeLayer(in context: LayerContext) -> any Layer {
    context.plan.mode(of: name) == .adapted
      ? HostedDenseLayer(hosts[0], isRectified: isRectified, in: context)
      : DenseLayer(self, in: context)
  }
}
