// A convolution of any odd kernel with stride 1 or 2: whole, frozen, or with low-rank factors on its unfolded
// weight matrix. Every example is a product of its own shape, so its bits do not depend on its neighbours.

public import Kernels

/// Convolution with bias, then ReLU if `isRectified`.
public struct ConvolutionSpec: LayerSpec, Hashable {
  public let name: String
  public let geometry: PatchGeometry
  /// Output channels.
  public let channels: Int
  public let isRectified: Bool

  public init(_ name: String, geometry: PatchGeometry, channels: Int, isRectified: Bool = false) {
    self.name = name
    self.geometry = geometry
    self.channels = channels
    self.isRectified = isRectified
  }

  private var kernel: UnfoldedKernel {
    UnfoldedKernel(
      name: name, channels: channels, size: geometry.kernel, inputChannels: geometry.channels,
      positions: geometry.positions)
  }

  public var tensors: [TensorSpec] { kernel.tensors }
  public var hosts: [HostSpec] { [kernel.host] }
  public func work(length: Int) -> LayerWork { kernel.work }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: geometry.imageCount)
  }

  public func makeLayer(in context: LayerContext) -> any Layer {
    context.plan.mode(of: name) == .adapted
      ? HostedConvolutionLayer(self, in: context) : ConvolutionLayer(self, in: context)
  }
}

final class ConvolutionLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int

  private let geometry: PatchGeometry
  private let channels: Int
  private let isRectified: Bool
  private let parameters: LayerParameters
  private let target: ImageTarget
  /// [W; A], surplus rows zero.
  private let weights: FloatBuffer
  private let bias: FloatBuffer
  /// B, `channels × rankStride`.
  private let factorB: FloatBuffer
  /// Of all examples of a tile: patches, and [W p; A p] at every position.
  private let patches: FloatBuffer
  private let product: FloatBuffer
  /// Of one example: outputs or their gradients, and the gradients of [W p; A p] and of its patches.
  private let values: FloatBuffer
  private let gradient: FloatBuffer
  private let patchGradient: FloatBuffer
  /// Of one example [W or A; bias; B], whatever of them is trained.
  private let exampleGradients: FloatBuffer
  private let gradientCount: Int
  private let sum: FloatBuffer

  private var positions: Int { geometry.positions }
  private var extended: Int { channels + parameters.rankStride }
  private var outputCount: Int { positions * channels }

  init(_ spec: ConvolutionSpec, in context: LayerContext) {
    geometry = spec.geometry
    channels = spec.channels
    isRectified = spec.isRectified
    parameters = LayerParameters(host: spec.name, of: context.plan)
    inputStride = geometry.imageCount
    let tile = context.examples
    let extended = channels + parameters.rankStride
    target = ImageTarget(
      context, height: geometry.outputHeight, width: geometry.outputWidth, channels: channels)
    input = FloatBuffer(count: tile * geometry.imageCount)
    inputGradient = FloatBuffer(count: tile * geometry.imageCount)
    weights = FloatBuffer(count: extended * geometry.patch)
    bias = FloatBuffer(count: channels)
    factorB = FloatBuffer(count: channels * parameters.rankStride)
    patches = FloatBuffer(count: tile * geometry.positions * geometry.patch)
    product = FloatBuffer(count: tile * geometry.positions * extended)
    values = FloatBuffer(count: geometry.positions * channels)
    gradient = FloatBuffer(count: geometry.positions * extended)
    patchGradient = FloatBuffer(count: geometry.positions * geometry.patch)
    switch parameters.mode {
    case .frozen, .adapted: gradientCount = 0
    case .full: gradientCount = channels * geometry.patch + channels
    case .lowRank:
      gradientCount =
        (parameters.slotA == nil ? 0 : parameters.rankStride * geometry.patch)
        + (parameters.slotB == nil ? 0 : channels * parameters.rankStride)
    }
    exampleGradients = FloatBuffer(count: tile * gradientCount)
    sum = context.workspace.sum(count: gradientCount)
  }

  func load(frozen: FrozenParameters) {
    weights.write(frozen.base, in: parameters.baseWeight.range)
    bias.write(frozen.base, in: parameters.baseBias.range)
    if let a = parameters.frozenA {
      weights.write(frozen.factors, in: a.range, at: channels * geometry.patch)
    }
    if let b = parameters.frozenB { factorB.writeFactor(b, of: frozen.factors, parameters) }
  }

  func load(trainable: [Float]) {
    if let weight = parameters.weight { weights.write(trainable, in: weight.range) }
    if let slot = parameters.bias { bias.write(trainable, in: slot.range) }
    if let a = parameters.slotA {
      weights.write(trainable, in: a.range, at: channels * geometry.patch)
    }
    if let b = parameters.slotB { factorB.writeFactor(b, of: trainable, parameters) }
  }

  func forward(_ tile: Tile) {
    for i in 0..<tile.count {
      patches.gatherPatches(
        geometry, of: input, at: i * inputStride, to: i * positions * geometry.patch)
      multiply(
        patchMatrix(i), MatrixView(weights, rows: extended, columns: geometry.patch),
        transposeB: true, into: productMatrix(i, columns: extended))
      if parameters.rank > 0 {
        multiply(
          productMatrix(i, from: channels, columns: parameters.rankStride),
          MatrixView(factorB, rows: channels, columns: parameters.rankStride), transposeB: true,
          alpha: parameters.scale, into: MatrixView(values, rows: positions, columns: channels))
      } else {
        values.clear()
      }
      for p in 0..<positions {
        values.addScaled(
          1, product, at: (i * positions + p) * extended, to: p * channels, count: channels)
        values.addScaled(1, bias, at: 0, to: p * channels, count: channels)
      }
      if isRectified { values.rectify(count: outputCount) }
      target.write(values, at: 0, example: i)
    }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    for i in 0..<tile.count {
      target.readGradient(into: values, at: 0, example: i)
      for p in 0..<positions {
        gradient.copy(channels, from: values, at: p * channels, to: p * extended)
      }
      if isRectified { maskDead(i) }
      if parameters.rank > 0 {
        multiply(
          MatrixView(gradient, rows: positions, columns: channels, stride: extended),
          MatrixView(factorB, rows: channels, columns: parameters.rankStride),
          alpha: parameters.scale,
          into: MatrixView(
            gradient, at: channels, rows: positions, columns: parameters.rankStride,
            stride: extended))
      }
      formGradient(i)
      guard needsInputGradient else { continue }
      multiply(
        MatrixView(gradient, rows: positions, columns: extended),
        MatrixView(weights, rows: extended, columns: geometry.patch),
        into: MatrixView(patchGradient, rows: positions, columns: geometry.patch))
      inputGradient.clear(at: i * inputStride, count: inputStride)
      inputGradient.scatterPatches(geometry, from: patchGradient, at: 0, to: i * inputStride)
    }
  }

  /// Where the output is zero nothing passes ReLU.
  private func maskDead(_ example: Int) {
    target.read(into: values, at: 0, example: example)
    for p in 0..<positions {
      gradient.maskDead(at: p * extended, where: values, at: p * channels, count: channels)
    }
  }

  private func formGradient(_ example: Int) {
    let place = example * gradientCount
    let e = MatrixView(gradient, rows: positions, columns: channels, stride: extended)
    switch parameters.mode {
    case .frozen, .adapted: return
    case .full:
      multiply(
        e, patchMatrix(example), transposeA: true,
        into: MatrixView(exampleGradients, at: place, rows: channels, columns: geometry.patch))
      let biasPlace = place + channels * geometry.patch
      exampleGradients.clear(at: biasPlace, count: channels)
      exampleGradients.addColumnSums(
        gradient, at: 0, rows: positions, columns: channels, stride: extended, to: biasPlace)
    case .lowRank:
      var next = place
      if parameters.slotA != nil {
        multiply(
          MatrixView(
            gradient, at: channels, rows: positions, columns: parameters.rankStride,
            stride: extended), patchMatrix(example), transposeA: true,
          into: MatrixView(
            exampleGradients, at: next, rows: parameters.rankStride, columns: geometry.patch))
        next += parameters.rankStride * geometry.patch
      }
      if parameters.slotB != nil {
        multiply(
          e, productMatrix(example, from: channels, columns: parameters.rankStride),
          transposeA: true, alpha: parameters.scale,
          into: MatrixView(
            exampleGradients, at: next, rows: channels, columns: parameters.rankStride))
      }
    }
  }

  private func patchMatrix(_ example: Int) -> MatrixView {
    MatrixView(
      patches, at: example * positions * geometry.patch, rows: positions, columns: geometry.patch)
  }

  private func productMatrix(_ example: Int, from column: Int = 0, columns: Int) -> MatrixView {
    MatrixView(
      product, at: example * positions * extended + column, rows: positions, columns: columns,
      stride: extended)
  }

  func squaredNorm(of example: Int) -> Double {
    exampleGradients.squaredNorm(at: example * gradientCount, count: gradientCount)
  }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    guard gradientCount > 0 else { return }
    for i in 0..<tile.count where coefficients[i] != 0 {
      sum.addScaled(
        coefficients[i], exampleGradients, at: i * gradientCount, to: 0, count: gradientCount)
    }
  }

  func drainSum(into total: inout [Float]) {
    var next = 0
    if let weight = parameters.weight, let bias = parameters.bias {
      sum.addRows(
        channels, columns: geometry.patch, stride: geometry.patch, to: &total, at: weight.offset)
      sum.addRows(
        1, columns: channels, stride: channels, from: channels * geometry.patch, to: &total,
        at: bias.offset)
    }
    if let a = parameters.slotA {
      sum.addRows(
        a.rows, columns: a.columns, stride: geometry.patch, to: &total, at: a.offset)
      next = parameters.rankStride * geometry.patch
    }
    if let b = parameters.slotB {
      sum.addRows(
        b.rows, columns: b.columns, stride: parameters.rankStride, from: next, to: &total,
        at: b.offset)
    }
    sum.clear()
  }
}
