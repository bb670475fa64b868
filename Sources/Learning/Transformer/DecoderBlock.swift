// A block of GPT-2: x = x + attention(LN(x)), then x = x + W₂ gelu(W₁ LN(x)); causal.
//
// Radford et al., "Language models are unsupervised multitask learners" (2019); names as in Hugging
// Face's `GPT2LMHeadModel`. Its files hold linear weights as [in, out]; ours are [out, in]
// everywhere.

import Kernels

public struct DecoderBlockSpec: LayerSpec, Hashable {
  /// Such as `h.0`.
  public let name: String
  public let shape: BlockShape

  public init(_ name: String, _ shape: BlockShape) {
    self.name = name
    self.shape = shape
  }

  public var rows: RowKind { .token }

  public var hosts: [HostSpec] {
    let (d, f) = (shape.width, shape.inner)
    return [
      HostSpec("\(name).attn.c_attn", rows: 3 * d, columns: d),
      HostSpec("\(name).attn.c_proj", rows: d, columns: d),
      HostSpec("\(name).mlp.c_fc", rows: f, columns: d),
      HostSpec("\(name).mlp.c_proj", rows: d, columns: f),
    ]
  }

  public var tensors: [TensorSpec] {
    let linear = hosts.map(linearTensors)
    return NormPart.tensors("\(name).ln_1", width: shape.width) + linear[0] + linear[1]
      + NormPart.tensors("\(name).ln_2", width: shape.width) + linear[2] + linear[3]
  }

  public func work(length: Int) -> LayerWork { shape.work(length: length) }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: shape.width)
  }

  public func makeLayer(in context: LayerContext) -> any Layer { DecoderBlock(self, in: context) }
}

final class DecoderBlock: TransformerBlock, Layer {
  private let projection: LinearHost
  private let firstNormed: FloatBuffer
  private let secondNormed: FloatBuffer
  /// The residual stream between the two halves.
  private let middle: FloatBuffer

  init(_ spec: DecoderBlockSpec, in context: LayerContext) {
    let hosts = spec.hosts.map { LinearHost($0, rows: context.rows, in: context) }
    projection = hosts[0]
    let count = context.rows * spec.shape.width
    firstNormed = context.buffer("first normed", count: count, keeps: projection.keepsInput)
    secondNormed = context.buffer("second normed", count: count, keeps: hosts[2].keepsInput)
    middle = context.workspace.scratch("middle", count: count)
    super.init(
      spec.shape, hosts: hosts, norms: ["\(spec.name).ln_1", "\(spec.name).ln_2"], in: context)
  }

  func forward(_ tile: Tile) {
    let (d, f) = (shape.width, shape.inner)
    let count = tile.rows * d
    firstNorm.forward(tile, input, residual: nil, output: firstNormed)
    projection.forward(
      rows(firstNormed, tile, d), rows(attention.projections, tile, 3 * d), tile: tile)
    attention.forward(tile, output: attended)
    out.forward(rows(attended, tile, d), rows(branch, tile, d), tile: tile)
    middle.copy(count, from: input, at: 0, to: 0)
    middle.addScaled(1, branch, at: 0, to: 0, count: count)
    secondNorm.forward(tile, middle, residual: nil, output: secondNormed)
    up.forward(rows(secondNormed, tile, d), rows(inner, tile, f), tile: tile)
    shape.activation.activate(
      inner, count: tile.rows * f, output: activations, derivative: inner)
    down.forward(rows(activations, tile, f), rows(output, tile, d), tile: tile)
    output.addScaled(1, middle, at: 0, to: 0, count: count)
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    let (d, f) = (shape.width, shape.inner)
    let stream = rows(lowestSlope, tile, d)
    down.backward(
      rows(activations, tile, f), gradient: rows(outputGradient, tile, d),
      inputGradient: rows(innerSlope, tile, f), adding: false, tile: tile)
    innerSlope.multiply(by: inner, count: tile.rows * f)
    up.backward(
      rows(secondNormed, tile, d), gradient: rows(innerSlope, tile, f),
      inputGradient: rows(slope, tile, d), adding: false, tile: tile)
    lowestSlope.copy(tile.rows * d, from: outputGradient, at: 0, to: 0)
    secondNorm.backward(tile, gradient: slope, inputGradient: lowestSlope, adding: true)
    let lower = needsInputGradient || firstNorm.isTrained || projection.isTrained
    guard lower || out.isTrained else { return }
    out.backward(
      rows(attended, tile, d), gradient: stream, inputGradient: rows(slope, tile, d),
      adding: false, tile: tile)
    guard lower else { return }
    attention.backward(tile, outputGradient: slope)
    projection.backward(
      rows(firstNormed, tile, d), gradient: rows(attention.gradient, tile, 3 * d),
      inputGradient: rows(slope, tile, d), adding: false, tile: tile)
    firstNorm.backward(
      tile, gradient: slope, inputGradient: needsInputGradient ? lowestSlope : nil, adding: true)
  }
}
