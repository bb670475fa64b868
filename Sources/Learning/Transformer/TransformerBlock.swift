// What the blocks of encoder and decoder both hold in a worker, and do alike: attention, a feed-forward part of two linear
// maps, two norms.

import Kernels

class TransformerBlock {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int

  let shape: BlockShape
  let output: FloatBuffer
  let outputGradient: FloatBuffer
  /// From the projections to the end of the feed-forward part.
  private let hosts: [LinearHost]
  /// Behind the attention, into the feed-forward part, and out of it.
  let out: LinearHost
  let up: LinearHost
  let down: LinearHost
  let firstNorm: NormPart
  let secondNorm: NormPart
  let attention: AttentionPart
  let attended: FloatBuffer
  /// Before the activation; then the activation's derivative.
  let inner: FloatBuffer
  let activations: FloatBuffer
  /// What a branch adds to the residual stream, and gradients.
  let branch: FloatBuffer
  let slope: FloatBuffer
  let innerSlope: FloatBuffer
  /// ∂loss/∂input where it is handed down, else of the block's own.
  let lowestSlope: FloatBuffer

  /// - Parameters:
  ///   - hosts: at least four; the last three are those behind the projections.
  ///   - norms: two names.
  init(_ shape: BlockShape, hosts: [LinearHost], norms: [String], in context: LayerContext) {
    let (d, f) = (shape.width, shape.inner)
    let rows = context.rows
    let keeps = context.hasGradient
    self.shape = shape
    inputStride = d
    input = FloatBuffer(count: rows * d)
    inputGradient = FloatBuffer(count: context.handsDown ? rows * d : 0)
    output = context.output
    outputGradient = context.outputGradient
    self.hosts = hosts
    (out, up, down) = (hosts[hosts.count - 3], hosts[hosts.count - 2], hosts[hosts.count - 1])
    firstNorm = NormPart(norms[0], width: d, epsilon: shape.epsilon, keeps: keeps, in: context)
    secondNorm = NormPart(norms[1], width: d, epsilon: shape.epsilon, keeps: keeps, in: context)
    attention = AttentionPart(shape, keeps: keeps, in: context)
    attended = context.buffer("attended", count: rows * d, keeps: out.keepsInput)
    inner = context.buffer("inner", count: rows * f, keeps: keeps)
    activations = context.buffer("activations", count: rows * f, keeps: down.keepsInput)
    branch = context.workspace.scratch("branch", count: rows * d)
    slope = context.workspace.scratch("slope", count: rows * d)
    innerSlope = context.workspace.scratch("inner slope", count: rows * f)
    lowestSlope =
      context.handsDown
      ? inputGradient : context.workspace.scratch("lowest slope", count: rows * d)
  }

  final func load(frozen: FrozenParameters) {
    for host in hosts { host.load(frozen: frozen) }
    firstNorm.load(frozen: frozen)
    secondNorm.load(frozen: frozen)
  }

  final func load(trainable: [Float]) {
    for host in hosts { host.load(trainable: trainable) }
    firstNorm.load(trainable: trainable)
    secondNorm.load(trainable: trainable)
  }

  final func rows(_ buffer: FloatBuffer, _ tile: Tile, _ width: Int) -> MatrixView {
    MatrixView(buffer, rows: tile.rows, columns: width)
  }

  final func squaredNorm(of example: Int) -> Double {
    hosts.reduce(0) { $0 + $1.squaredNorm(of: example) }
      + (firstNorm.squaredNorm(of: example) + secondNorm.squaredNorm(of: example))
  }

  final var hasSharedSum: Bool { hosts.allSatisfy(\.hasSharedSum) }

  final func accumulate(_ tile: Tile, coefficients: [Float]) {
    for host in hosts { host.accumulate(tile, coefficients: coefficients) }
    firstNorm.accumulate(tile, coefficients: coefficients)
    secondNorm.accumulate(tile, coefficients: coefficients)
  }

  final func drainSum(into total: inout [Float]) {
    for host in hosts { host.drainSum(into: &total) }
    firstNorm.drainSum(into: &total)
    secondNorm.drainSum(into: &total)
  }
}
