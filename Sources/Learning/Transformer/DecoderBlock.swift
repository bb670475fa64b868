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

final class DecoderBlock: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int

  private let shape: BlockShape
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  private let projection: LinearHost
  private let out: LinearHost
  private let up: LinearHost
  private let down: LinearHost
  private let firstNorm: NormPart
  private let secondNorm: NormPart
  private let attention: AttentionPart
  private let firstNormed: FloatBuffer
  private let secondNormed: FloatBuffer
  private let attended: FloatBuffer
  /// The residual stream between the two halves.
  private let middle: FloatBuffer
  private let inner: FloatBuffer
  private let activations: FloatBuffer
  private let branch: FloatBuffer
  private let slope: FloatBuffer
  private let streamSlope: FloatBuffer
  private let innerSlope: FloatBuffer

  init(_ spec: DecoderBlockSpec, in context: LayerContext) {
    shape = spec.shape
    let (d, f) = (shape.width, shape.inner)
    let rows = context.rows
    let keeps = context.hasGradient
    inputStride = d
    input = FloatBuffer(count: rows * d)
    inputGradient = FloatBuffer(count: context.handsDown ? rows * d : 0)
    output = context.output
    outputGradient = context.outputGradient
    let hosts = spec.hosts.map { LinearHost($0, rows: rows, in: context) }
    (projection, out, up, down) = (hosts[0], hosts[1], hosts[2], hosts[3])
    firstNorm = NormPart(
      "\(spec.name).ln_1", width: d, epsilon: shape.epsilon, keeps: keeps, in: context)
    secondNorm = NormPart(
      "\(spec.name).ln_2", width: d, epsilon: shape.epsilon, keeps: keeps, in: context)
    attention = AttentionPart(shape, keeps: keeps, in: context)
    firstNormed = context.buffer("first normed", count: rows * d, keeps: projection.keepsInput)
    secondNormed = context.buffer("second normed", count: rows * d, keeps: up.keepsInput)
    attended = context.buffer("attended", count: rows * d, keeps: out.keepsInput)
    middle = context.workspace.scratch("middle", count: rows * d)
    inner = context.buffer("inner", count: rows * f, keeps: keeps)
    activations = context.buffer("activations", count: rows * f, keeps: down.keepsInput)
    branch = context.workspace.scratch("branch", count: rows * d)
    slope = context.workspace.scratch("slope", count: rows * d)
    innerSlope = context.workspace.scratch("inner slope", count: rows * f)
    streamSlope =
      context.handsDown
      ? inputGradient : context.workspace.scratch("lowest slope", count: rows * d)
  }

  private var hosts: [LinearHost] { [projection, out, up, down] }
  private var norms: [NormPart] { [firstNorm, secondNorm] }

  func load(frozen: FrozenParameters) {
    for host in hosts { host.load(frozen: frozen) }
    for norm in norms { norm.load(frozen: frozen) }
  }

  func load(trainable: [Float]) {
    for host in hosts { host.load(trainable: trainable) }
    for norm in norms { norm.load(trainable: trainable) }
  }

  private func rows(_ buffer: FloatBuffer, _ tile: Tile, _ width: Int) -> MatrixView {
    MatrixView(buffer, rows: tile.rows, columns: width)
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
    let stream = rows(streamSlope, tile, d)
    down.backward(
      rows(activations, tile, f), gradient: rows(outputGradient, tile, d),
      inputGradient: rows(innerSlope, tile, f), adding: false, tile: tile)
    innerSlope.multiply(by: inner, count: tile.rows * f)
    up.backward(
      rows(secondNormed, tile, d), gradient: rows(innerSlope, tile, f),
      inputGradient: rows(slope, tile, d), adding: false, tile: tile)
    streamSlope.copy(tile.rows * d, from: outputGradient, at: 0, to: 0)
    secondNorm.backward(tile, gradient: slope, inputGradient: streamSlope, adding: true)
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
      tile, gradient: slope, inputGradient: needsInputGradient ? streamSlope : nil, adding: true)
  }

  func squaredNorm(of example: Int) -> Double {
    hosts.reduce(0) { $0 + $1.squaredNorm(of: example) }
      + norms.reduce(0) { $0 + $1.squaredNorm(of: example) }
  }

  var hasSharedSum: Bool { hosts.allSatisfy(\.hasSharedSum) }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for host in hosts { host.accumulate(tile, coefficients: coefficients) }
    for norm in norms { norm.accumulate(tile, coefficients: coefficients) }
  }

  func drainSum(into total: inout [Float]) {
    for host in hosts { host.drainSum(into: &total) }
    for norm in norms { norm.drainSum(into: &total) }
  }
}
