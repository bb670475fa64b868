// A block of BERT: x = LN(x + attention(x)), then x = LN(x + W₂ gelu(W₁ x)).
//
// Devlin, Chang, Lee, Toutanova, "BERT" (2019); names as in Hugging Face's `BertModel`.

import Kernels

public struct EncoderBlockSpec: LayerSpec, Hashable {
  /// Such as `encoder.layer.0`.
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
      HostSpec("\(name).attention.self.query", rows: d, columns: d),
      HostSpec("\(name).attention.self.key", rows: d, columns: d),
      HostSpec("\(name).attention.self.value", rows: d, columns: d),
      HostSpec("\(name).attention.output.dense", rows: d, columns: d),
      HostSpec("\(name).intermediate.dense", rows: f, columns: d),
      HostSpec("\(name).output.dense", rows: d, columns: f),
    ]
  }

  public var tensors: [TensorSpec] {
    let linear = hosts.map(linearTensors)
    return linear[0...3].flatMap { $0 }
      + NormPart.tensors("\(name).attention.output.LayerNorm", width: shape.width)
      + linear[4...5].flatMap { $0 }
      + NormPart.tensors("\(name).output.LayerNorm", width: shape.width)
  }

  public func work(length: Int) -> LayerWork { shape.work(length: length) }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: shape.width)
  }

  public func makeLayer(in context: LayerContext) -> any Layer { EncoderBlock(self, in: context) }
}

final class EncoderBlock: TransformerBlock, Layer {
  /// Query, key and value.
  private let projections: [LinearHost]
  private let hidden: FloatBuffer
  private let attendedSlope: FloatBuffer

  init(_ spec: EncoderBlockSpec, in context: LayerContext) {
    let hosts = spec.hosts.map { LinearHost($0, rows: context.rows, in: context) }
    projections = Array(hosts[0...2])
    let count = context.rows * spec.shape.width
    hidden = context.buffer("hidden", count: count, keeps: hosts[4].keepsInput)
    attendedSlope = context.workspace.scratch("attended slope", count: count)
    super.init(
      spec.shape, hosts: hosts,
      norms: ["\(spec.name).attention.output.LayerNorm", "\(spec.name).output.LayerNorm"],
      in: context)
  }

  /// q, k or v, or their gradients, of the tile.
  private func part(_ index: Int, of buffer: FloatBuffer, _ tile: Tile) -> MatrixView {
    MatrixView(
      buffer, at: index * shape.width, rows: tile.rows, columns: shape.width,
      stride: 3 * shape.width)
  }

  func forward(_ tile: Tile) {
    let (d, f) = (shape.width, shape.inner)
    for (index, host) in projections.enumerated() {
      host.forward(rows(input, tile, d), part(index, of: attention.projections, tile), tile: tile)
    }
    attention.forward(tile, output: attended)
    out.forward(rows(attended, tile, d), rows(branch, tile, d), tile: tile)
    firstNorm.forward(tile, branch, residual: input, output: hidden)
    up.forward(rows(hidden, tile, d), rows(inner, tile, f), tile: tile)
    shape.activation.activate(
      inner, count: tile.rows * f, output: activations, derivative: inner)
    down.forward(rows(activations, tile, f), rows(branch, tile, d), tile: tile)
    secondNorm.forward(tile, branch, residual: hidden, output: output)
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    let (d, f) = (shape.width, shape.inner)
    secondNorm.backward(tile, gradient: outputGradient, inputGradient: slope)
    let slopes = rows(slope, tile, d)
    down.backward(
      rows(activations, tile, f), gradient: slopes, inputGradient: rows(innerSlope, tile, f),
      adding: false, tile: tile)
    innerSlope.multiply(by: inner, count: tile.rows * f)
    up.backward(
      rows(hidden, tile, d), gradient: rows(innerSlope, tile, f), inputGradient: slopes,
      adding: true, tile: tile)
    firstNorm.backward(tile, gradient: slope, inputGradient: lowestSlope)
    let attentionIsTrained = projections.contains { $0.isTrained }
    guard needsInputGradient || attentionIsTrained || out.isTrained else { return }
    out.backward(
      rows(attended, tile, d), gradient: rows(lowestSlope, tile, d),
      inputGradient: rows(attendedSlope, tile, d), adding: false, tile: tile)
    guard needsInputGradient || attentionIsTrained else { return }
    attention.backward(tile, outputGradient: attendedSlope)
    for (index, host) in projections.enumerated() {
      host.backward(
        rows(input, tile, d), gradient: part(index, of: attention.gradient, tile),
        inputGradient: needsInputGradient ? rows(inputGradient, tile, d) : nil, adding: true,
        tile: tile)
    }
  }
}
