// A linear layer on one vector an example: the classifier of a text model.

import Kernels

/// y = W x + b of one vector an example by the same products as the blocks': an example's result
/// does not depend on its neighbours.
public struct LinearSpec: LayerSpec, Hashable {
  public let name: String
  public let inputs: Int
  public let outputs: Int

  public init(_ name: String, inputs: Int, outputs: Int) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
  }

  public var hosts: [HostSpec] { [HostSpec(name, rows: outputs, columns: inputs)] }

  public var tensors: [TensorSpec] {
    [
      TensorSpec("\(name).weight", rows: outputs, columns: inputs, start: .uniform(fanIn: inputs)),
      TensorSpec("\(name).bias", rows: outputs, start: .uniform(fanIn: inputs), role: .bias),
    ]
  }

  public func work(length: Int) -> LayerWork {
    LayerWork(operations: 2 * inputs * outputs, outputs: outputs)
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: inputs)
  }

  public func makeLayer(in context: LayerContext) -> any Layer { LinearLayer(self, in: context) }
}

final class LinearLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  private let host: LinearHost
  private let outputs: Int
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  private var singles: Tile

  init(_ spec: LinearSpec, in context: LayerContext) {
    inputStride = spec.inputs
    outputs = spec.outputs
    input = FloatBuffer(count: context.examples * spec.inputs)
    inputGradient = FloatBuffer(count: context.examples * spec.inputs)
    output = context.output
    outputGradient = context.outputGradient
    host = LinearHost(spec.hosts[0], rows: context.examples, in: context)
    singles = Tile(examples: context.examples)
  }

  func load(frozen: FrozenParameters) { host.load(frozen: frozen) }
  func load(trainable: [Float]) { host.load(trainable: trainable) }

  private func view(_ buffer: FloatBuffer, _ tile: Tile, _ width: Int) -> MatrixView {
    MatrixView(buffer, rows: tile.count, columns: width)
  }

  func forward(_ tile: Tile) {
    singles.becomeSingles(of: tile)
    host.forward(
      view(input, tile, inputStride), view(output, tile, outputs), tile: singles)
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    host.backward(
      view(input, tile, inputStride), gradient: view(outputGradient, tile, outputs),
      inputGradient: needsInputGradient ? view(inputGradient, tile, inputStride) : nil,
      adding: false, tile: singles)
  }

  func squaredNorm(of example: Int) -> Double { host.squaredNorm(of: example) }

  var hasSharedSum: Bool { host.hasSharedSum }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    host.accumulate(singles, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) { host.drainSum(into: &total) }
}

extension Tile {
  /// As many examples, of one row each.
  mutating func becomeSingles(of tile: Tile) {
    clear()
    for _ in 0..<tile.count { _ = add(rows: 1, limit: .max) }
  }
}
