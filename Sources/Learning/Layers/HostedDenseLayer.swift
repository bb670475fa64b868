// A dense layer that carries an adapter without kernels of its own.

import Kernels

/// y = W x + b by way of a `LinearHost`, then ReLU where the layer has it.
final class HostedDenseLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  private let outputs: Int
  private let isRectified: Bool
  private let host: LinearHost
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  private let gradient: FloatBuffer
  private var singles: Tile

  init(_ spec: DenseSpec, in context: LayerContext) {
    inputStride = spec.inputs
    outputs = spec.outputs
    isRectified = spec.isRectified
    let examples = context.examples
    input = FloatBuffer(count: examples * spec.inputs)
    inputGradient = FloatBuffer(count: examples * spec.inputs)
    output = context.output
    outputGradient = context.outputGradient
    gradient = FloatBuffer(count: examples * spec.outputs)
    host = LinearHost(spec.hosts[0], rows: examples, in: context)
    singles = Tile(examples: examples)
  }

  func load(frozen: FrozenParameters) { host.load(frozen: frozen) }
  func load(trainable: [Float]) { host.load(trainable: trainable) }

  private func view(_ buffer: FloatBuffer, _ tile: Tile, _ width: Int) -> MatrixView {
    MatrixView(buffer, rows: tile.count, columns: width)
  }

  func forward(_ tile: Tile) {
    singles.becomeSingles(of: tile)
    host.forward(view(input, tile, inputStride), view(output, tile, outputs), tile: singles)
    if isRectified { output.rectify(count: tile.count * outputs) }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    let count = tile.count * outputs
    gradient.copy(count, from: outputGradient, at: 0, to: 0)
    if isRectified { gradient.maskDead(at: 0, where: output, at: 0, count: count) }
    host.backward(
      view(input, tile, inputStride), gradient: view(gradient, tile, outputs),
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
