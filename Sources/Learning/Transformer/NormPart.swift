// Layer normalisation inside a layer, with γ and β frozen or trained.

import Kernels

final class NormPart {
  private let width: Int
  private let epsilon: Float
  private let baseGamma: ParameterSlot
  private let baseBeta: ParameterSlot
  private let slotGamma: ParameterSlot?
  private let slotBeta: ParameterSlot?
  private let gamma: FloatBuffer
  private let beta: FloatBuffer
  private let normalized: FloatBuffer
  private let inverse: FloatBuffer
  /// γ's gradient, then β's, of every example.
  private let exampleGradients: FloatBuffer
  private let sum: FloatBuffer

  var isTrained: Bool { slotGamma != nil || slotBeta != nil }

  /// - Parameter keeps: whether a gradient will be asked for.
  init(_ name: String, width: Int, epsilon: Float, keeps: Bool, in context: LayerContext) {
    self.width = width
    self.epsilon = epsilon
    let plan = context.plan
    guard let gamma = plan.architecture.slot("\(name).weight"),
      let beta = plan.architecture.slot("\(name).bias")
    else { preconditionFailure("\(name) is no tensor of the architecture") }
    (baseGamma, baseBeta) = (gamma, beta)
    slotGamma = plan.trainedSlot(gamma.name)
    slotBeta = plan.trainedSlot(beta.name)
    self.gamma = FloatBuffer(count: width)
    self.beta = FloatBuffer(count: width)
    let count = context.rows * width
    normalized = context.buffer("normalized", count: count, keeps: keeps)
    inverse = context.buffer("inverse", count: context.rows, keeps: keeps)
    let isTrained = slotGamma != nil || slotBeta != nil
    exampleGradients = FloatBuffer(count: isTrained ? context.examples * 2 * width : 0)
    sum = context.workspace.sum(count: isTrained ? 2 * width : 0)
  }

  static func tensors(_ name: String, width: Int) -> [TensorSpec] {
    [
      TensorSpec("\(name).weight", rows: width, start: .constant(1), role: .scale),
      TensorSpec("\(name).bias", rows: width, start: .constant(0), role: .shift),
    ]
  }

  func load(frozen: FrozenParameters) {
    gamma.write(frozen.base, in: baseGamma.range)
    beta.write(frozen.base, in: baseBeta.range)
  }

  func load(trainable: [Float]) {
    if let slot = slotGamma { gamma.write(trainable, in: slot.range) }
    if let slot = slotBeta { beta.write(trainable, in: slot.range) }
  }

  /// Normalises input + residual.
  func forward(_ tile: Tile, _ input: FloatBuffer, residual: FloatBuffer?, output: FloatBuffer) {
    LayerNorm.forward(
      rows: tile.rows, width: width, epsilon: epsilon, input: input, residual: residual,
      gamma: gamma, beta: beta, output: output, normalized: normalized, inverse: inverse)
  }

  /// - Parameter inputGradient: takes the gradient, or has it added; nil where nobody wants it.
  func backward(
    _ tile: Tile, gradient: FloatBuffer, inputGradient: FloatBuffer?, adding: Bool = false
  ) {
    if isTrained {
      for i in 0..<tile.count {
        LayerNorm.parameterGradient(
          rows: tile.rows(of: i), width: width, gradient: gradient, normalized: normalized,
          into: exampleGradients, at: i * 2 * width)
      }
    }
    guard let inputGradient else { return }
    LayerNorm.backward(
      rows: tile.rows, width: width, gradient: gradient, gamma: gamma, normalized: normalized,
      inverse: inverse, inputGradient: inputGradient, adding: adding)
  }

  func squaredNorm(of example: Int) -> Double {
    var total = 0.0
    let place = example * 2 * width
    if slotGamma != nil { total += exampleGradients.squaredNorm(at: place, count: width) }
    if slotBeta != nil { total += exampleGradients.squaredNorm(at: place + width, count: width) }
    return total
  }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    guard isTrained else { return }
    for i in 0..<tile.count where coefficients[i] != 0 {
      sum.addScaled(
        coefficients[i], exampleGradients, at: i * 2 * width, to: 0, count: 2 * width)
    }
  }

  func drainSum(into total: inout [Float]) {
    guard isTrained else { return }
    if let slot = slotGamma {
      sum.addRows(1, columns: width, stride: width, to: &total, at: slot.offset)
    }
    if let slot = slotBeta {
      sum.addRows(1, columns: width, stride: width, from: width, to: &total, at: slot.offset)
    }
    sum.clear()
  }
}
