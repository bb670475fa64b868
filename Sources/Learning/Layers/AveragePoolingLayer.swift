// The mean of an image over all positions.

import Kernels

/// `positions × channels` to `channels`.
public struct AveragePoolingSpec: LayerSpec, Hashable {
  public let name: String
  public let positions: Int
  public let channels: Int

  public init(_ name: String, positions: Int, channels: Int) {
    self.name = name
    self.positions = positions
    self.channels = channels
  }

  public var tensors: [TensorSpec] { [] }
  public func work(length: Int) -> LayerWork {
    LayerWork(operations: positions * channels, outputs: channels)
  }
  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: positions * channels)
  }
  public func makeLayer(in context: LayerContext) -> any Layer {
    AveragePoolingLayer(self, in: context)
  }
}

final class AveragePoolingLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  private let positions: Int
  private let channels: Int
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer

  init(_ spec: AveragePoolingSpec, in context: LayerContext) {
    positions = spec.positions
    channels = spec.channels
    inputStride = positions * channels
    input = FloatBuffer(count: context.examples * inputStride)
    inputGradient = FloatBuffer(count: context.examples * inputStride)
    output = context.output
    outputGradient = context.outputGradient
  }

  func load(frozen: FrozenParameters) {}
  func load(trainable: [Float]) {}

  func forward(_ tile: Tile) {
    for i in 0..<tile.count {
      output.writeColumnMeans(
        input, at: i * inputStride, rows: positions, columns: channels, to: i * channels)
    }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    guard needsInputGradient else { return }
    for i in 0..<tile.count {
      inputGradient.writeRepeated(
        outputGradient, at: i * channels, scale: 1 / Float(positions), rows: positions,
        columns: channels, to: i * inputStride)
    }
  }

  func squaredNorm(of example: Int) -> Double { 0 }
  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {}
  func drainSum(into total: inout [Float]) {}
}
