// What the 5×5 convolution with ReLU and max-pooling says of itself.

public import Kernels

/// 5×5 convolution with bias, then ReLU, then 2×2 max-pooling.
public struct PooledConvolutionSpec: LayerSpec, Hashable {
  public let name: String
  public let geometry: ConvGeometry
  /// Output channels.
  public let channels: Int

  public init(_ name: String, geometry: ConvGeometry, channels: Int) {
    self.name = name
    self.geometry = geometry
    self.channels = channels
  }

  private var kernel: UnfoldedKernel {
    UnfoldedKernel(
      name: name, channels: channels, size: ConvGeometry.kernel,
      inputChannels: geometry.inputChannels,
      positions: geometry.positions)
  }

  public var tensors: [TensorSpec] { kernel.tensors }
  public var hosts: [HostSpec] { [kernel.host] }
  public func work(length: Int) -> LayerWork { kernel.work }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    guard mode != .adapted else { return FeatureShape(.input, stride: patches.imageCount) }
    guard case .lowRank(let rank, _, trained: .b) = mode else {
      return FeatureShape(.input, stride: geometry.exampleStride)
    }
    return FeatureShape(
      .product(halfPrecision: true),
      stride: geometry.positions * (channels + LayerParameters.rankStride(rank)))
  }

  public func makeLayer(in context: LayerContext) -> any Layer {
    context.plan.mode(of: name) == .adapted
      ? HostedConvolutionLayer(self, in: context) : PooledConvolutionLayer(self, in: context)
  }
}
