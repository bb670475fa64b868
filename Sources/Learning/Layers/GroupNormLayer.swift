// Group normalisation as a layer: batch normalisation would couple examples and void the sensitivity of sums.

import Kernels

/// Group normalisation, then ReLU if `isRectified`.
public struct GroupNormSpec: LayerSpec, Hashable {
  public let name: String
  public let height: Int
  public let width: Int
  public let channels: Int
  public let groups: Int
  public let isRectified: Bool

  /// - Precondition: the groups divide the channels.
  public init(
    _ name: String, height: Int, width: Int, channels: Int, groups: Int, isRectified: Bool = false
  ) {
    precondition(groups > 0 && channels % groups == 0, "groups divide channels")
    self.name = name
    self.height = height
    self.width = width
    self.channels = channels
    self.groups = groups
    self.isRectified = isRectified
  }

  public var tensors: [TensorSpec] {
    [
      TensorSpec("\(name).weight", rows: channels, start: .constant(1), role: .scale),
      TensorSpec("\(name).bias", rows: channels, start: .constant(0), role: .shift),
    ]
  }

  public func work(length: Int) -> LayerWork {
    let count = height * width * channels
    return LayerWork(operations: 8 * count, outputs: count)
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: height * width * channels)
  }

  public func makeLayer(in context: LayerContext) -> any Layer { GroupNormLayer(self, in: context) }
}

final class GroupNormLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int

  private let shape: GroupNormalization
  private let isRectified: Bool
  private let target: ImageTarget
  private let baseGamma: ParameterSlot
  private let baseBeta: ParameterSlot
  private let slotGamma: ParameterSlot?
  private let slotBeta: ParameterSlot?
  private let gamma: FloatBuffer
  private let beta: FloatBuffer
  private let normalized: FloatBuffer
  private let deviations: FloatBuffer
  /// Of one example.
  private let values: FloatBuffer
  private let outputs: FloatBuffer
  /// γ, then β, of every example.
  private let exampleGradients: FloatBuffer
  private let sum: FloatBuffer

  private var isTrained: Bool { slotGamma != nil || slotBeta != nil }

  init(_ spec: GroupNormSpec, in context: LayerContext) {
    shape = GroupNormalization(
      positions: spec.height * spec.width, channels: spec.channels, groups: spec.groups)
    isRectified = spec.isRectified
    target = ImageTarget(
      context, height: spec.height, width: spec.width, channels: spec.channels)
    let architecture = context.plan.architecture
    guard let gamma = architecture.slot("\(spec.name).weight"),
      let beta = architecture.slot("\(spec.name).bias")
    else { preconditionFailure("\(spec.name) is no layer of the architecture") }
    (baseGamma, baseBeta) = (gamma, beta)
    slotGamma = context.plan.trainedSlot(gamma.name)
    slotBeta = context.plan.trainedSlot(beta.name)
    let tile = context.examples
    inputStride = shape.count
    input = FloatBuffer(count: tile * shape.count)
    inputGradient = FloatBuffer(count: tile * shape.count)
    self.gamma = FloatBuffer(count: spec.channels)
    self.beta = FloatBuffer(count: spec.channels)
    normalized = FloatBuffer(count: tile * shape.count)
    deviations = FloatBuffer(count: tile * spec.groups)
    values = FloatBuffer(count: shape.count)
    outputs = FloatBuffer(count: shape.count)
    exampleGradients = FloatBuffer(count: tile * 2 * spec.channels)
    sum = context.workspace.sum(count: 2 * spec.channels)
  }

  func load(frozen: FrozenParameters) {
    gamma.write(frozen.base, in: baseGamma.range)
    beta.write(frozen.base, in: baseBeta.range)
  }

  func load(trainable: [Float]) {
    if let slot = slotGamma { gamma.write(trainable, in: slot.range) }
    if let slot = slotBeta { beta.write(trainable, in: slot.range) }
  }

  func forward(_ tile: Tile) {
    for i in 0..<tile.count {
      shape.forward(
        input, at: i * shape.count, gamma: gamma, beta: beta, normalized: normalized,
        at: i * shape.count, deviations: deviations, at: i * shape.groups, output: values, at: 0)
      if isRectified { values.rectify(count: shape.count) }
      target.write(values, at: 0, example: i)
    }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    for i in 0..<tile.count {
      target.readGradient(into: values, at: 0, example: i)
      if isRectified {
        target.read(into: outputs, at: 0, example: i)
        values.maskDead(at: 0, where: outputs, at: 0, count: shape.count)
      }
      if isTrained {
        let place = i * 2 * shape.channels
        shape.parameterGradient(
          outputGradient: values, at: 0, normalized: normalized, at: i * shape.count,
          into: exampleGradients, gammaAt: place, betaAt: place + shape.channels)
      }
      if needsInputGradient {
        shape.inputGradient(
          outputGradient: values, at: 0, gamma: gamma, normalized: normalized, at: i * shape.count,
          deviations: deviations, at: i * shape.groups, into: inputGradient, at: i * shape.count)
      }
    }
  }

  func squaredNorm(of example: Int) -> Double {
    guard isTrained else { return 0 }
    let place = example * 2 * shape.channels
    var total = 0.0
    if slotGamma != nil {
      total += exampleGradients.squaredNorm(at: place, count: shape.channels)
    }
    if slotBeta != nil {
      total += exampleGradients.squaredNorm(at: place + shape.channels, count: shape.channels)
    }
    return total
  }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    guard isTrained else { return }
    for i in 0..<tile.count where coefficients[i] != 0 {
      sum.addScaled(
        coefficients[i], exampleGradients, at: i * 2 * shape.channels, to: 0,
        count: 2 * shape.channels)
    }
  }

  func drainSum(into total: inout [Float]) {
    guard isTrained else { return }
    let channels = shape.channels
    if let slotGamma {
      sum.addRows(1, columns: channels, stride: channels, to: &total, at: slotGamma.offset)
    }
    if let slotBeta {
      sum.addRows(
        1, columns: channels, stride: channels, from: channels, to: &total, at: slotBeta.offset)
    }
    sum.clear()
  }
}
