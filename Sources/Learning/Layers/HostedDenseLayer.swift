// A linear map on one vector an example by way of its host: dense layers that carry an adapter without kernels of its
// own, and the classifiers of text models.

import Kernels

/// y = W x + b by way of a `LinearHost`, then ReLU where the layer has it.
final class HostedDenseLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  private let outputs: Int
  private let host: LinearHost
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  /// Behind the ReLU; nil without one.
  private let gradient: FloatBuffer?
  private var singles: Tile

  init(_ spec: HostSpec, isRectified: Bool, in context: LayerContext) {
    inputStride = spec.columns
    outputs = spec.rows
    let examples = context.examples
    input = FloatBuffer(count: examples * spec.columns)
    inputGradient = FloatBuffer(count: examples * spec.columns)
    output = context.output
    outputGradient = context.outputGradient
    gradient = isRectified ? FloatBuffer(count: examples * spec.rows) : nil
    host = LinearHost(spec, rows: examples, in: context)
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
    if gradient != nil { output.rectify(count: tile.count * outputs) }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    let count = tile.count * outputs
    gradient?.copy(count, from: outputGradient, at: 0, to: 0)
    gradient?.maskDead(at: 0, where: output, at: 0, count: count)
    host.backward(
      view(input, tile, inputStride), gradient: view(gradient ?? outputGradient, tile, outputs),
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
