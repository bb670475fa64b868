// Layer normalisation as a layer: GPT-2's last one.

import Kernels

public struct NormSpec: LayerSpec, Hashable {
  public let name: String
  public let width: Int
  public let epsilon: Float

  public init(_ name: String, width: Int, epsilon: Float) {
    self.name = name
    self.width = width
    self.epsilon = epsilon
  }

  public var rows: RowKind { .token }
  public var tensors: [TensorSpec] { NormPart.tensors(name, width: width) }

  public func work(length: Int) -> LayerWork {
    LayerWork(operations: 8 * length * width, outputs: length * width)
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: width)
  }

  public func makeLayer(in context: LayerContext) -> any Layer { NormLayer(self, in: context) }
}

final class NormLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  private let norm: NormPart
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer

  init(_ spec: NormSpec, in context: LayerContext) {
    inputStride = spec.width
    input = FloatBuffer(count: context.rows * spec.width)
    inputGradient = FloatBuffer(count: context.handsDown ? context.rows * spec.width : 0)
    output = context.output
    outputGradient = context.outputGradient
    norm = NormPart(
      spec.name, width: spec.width, epsilon: spec.epsilon, keeps: context.hasGradient, in: context)
  }

  func load(frozen: FrozenParameters) { norm.load(frozen: frozen) }
  func load(trainable: [Float]) { norm.load(trainable: trainable) }

  func forward(_ tile: Tile) { norm.forward(tile, input, residual: nil, output: output) }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    norm.backward(
      tile, gradient: outputGradient, inputGradient: needsInputGradient ? inputGradient : nil)
  }

  func squaredNorm(of example: Int) -> Double { norm.squaredNorm(of: example) }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    norm.accumulate(tile, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) { norm.drainSum(into: &total) }
}
