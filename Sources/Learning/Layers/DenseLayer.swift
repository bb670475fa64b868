// A dense layer: whole, frozen, or with low-rank factors. Its per-example gradients are outer products,
// so their norms come from the factors alone and no gradient of a single example is ever formed
// (Goodfellow 2015; "ghost norm" in Li et al. 2022).

import Kernels

final class DenseLayer: ProductCaching {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  /// Where the activations go: the next layer's input, or the logits.
  let output: FloatBuffer
  /// ∂loss/∂output, written by the next layer (or the loss).
  let outputGradient: FloatBuffer

  private let inputs: Int
  private let outputs: Int
  private let rectified: Bool
  /// Whether `product` depends on frozen weights and frozen layers alone, so that it may come from a cache.
  private let hasFrozenProduct: Bool
  private let parameters: LayerParameters

  /// [W; A]: `(outputs + rankStride) × inputs`, surplus rows zero.
  private let weights: FloatBuffer
  private let bias: FloatBuffer
  /// B, `outputs × rankStride`.
  private let factorB: FloatBuffer
  /// [W x; A x] per example.
  let product: FloatBuffer
  /// [∂loss/∂z; s Bᵀ ∂loss/∂z] per example, and the same times the clip coefficients.
  private let gradient: FloatBuffer
  private let scaledGradient: FloatBuffer
  private let sumWeights: FloatBuffer
  private let sumBias: FloatBuffer
  private let sumB: FloatBuffer

  private var extended: Int { outputs + parameters.rankStride }

  init(_ spec: DenseSpec, in context: LayerContext) {
    inputs = spec.inputs
    outputs = spec.outputs
    rectified = spec.isRectified
    output = context.output
    outputGradient = context.outputGradient
    let tile = context.examples
    parameters = LayerParameters(host: spec.name, of: context.plan)
    hasFrozenProduct = context.plan.hasFrozenProduct(context.index, parameters.mode)
    inputStride = inputs
    input = FloatBuffer(count: tile * inputs)
    inputGradient = FloatBuffer(count: tile * inputs)
    weights = FloatBuffer(count: (outputs + parameters.rankStride) * inputs)
    bias = FloatBuffer(count: outputs)
    factorB = FloatBuffer(count: outputs * parameters.rankStride)
    product = FloatBuffer(count: tile * (outputs + parameters.rankStride))
    gradient = FloatBuffer(count: tile * (outputs + parameters.rankStride))
    scaledGradient = FloatBuffer(count: tile * (outputs + parameters.rankStride))
    let sumRows =
      parameters.mode == .full ? outputs : (parameters.slotA == nil ? 0 : parameters.rankStride)
    sumWeights = context.workspace.sum(count: sumRows * inputs)
    sumBias = context.workspace.sum(count: outputs)
    sumB = context.workspace.sum(count: outputs * parameters.rankStride)
  }

  private var isTrained: Bool { parameters.mode != .frozen }

  func load(frozen: FrozenParameters) {
    weights.write(frozen.base, in: parameters.baseWeight.range)
    bias.write(frozen.base, in: parameters.baseBias.range)
    if let frozenA = parameters.frozenA {
      weights.write(frozen.factors, in: frozenA.range, at: outputs * inputs)
    }
    if let frozenB = parameters.frozenB {
      factorB.writeFactor(frozenB, of: frozen.factors, parameters)
    }
  }

  func load(trainable: [Float]) {
    if let weight = parameters.weight { weights.write(trainable, in: weight.range) }
    if let slot = parameters.bias { bias.write(trainable, in: slot.range) }
    if let slotA = parameters.slotA {
      weights.write(trainable, in: slotA.range, at: outputs * inputs)
    }
    if let slotB = parameters.slotB { factorB.writeFactor(slotB, of: trainable, parameters) }
  }

  func forward(_ tile: Tile) {
    computeProduct(tile)
    finish(tile)
  }

  /// W x and A x of every example.
  func computeProduct(_ tile: Tile) {
    let count = tile.count
    let x = MatrixView(input, rows: count, columns: inputs)
    let w = MatrixView(weights, rows: extended, columns: inputs)
    let all = MatrixView(product, rows: count, columns: extended)
    if hasFrozenProduct {
      multiplyRowwise(x, byTransposeOf: w, into: all)
    } else {
      multiply(x, w, transposeB: true, into: all)
    }
  }

  func storeProduct(_ tile: Tile, into memory: FeatureMemory, row: Int) {
    memory.store(product, count: tile.count * extended, at: row * extended)
  }

  func placeProduct(from memory: FeatureMemory, row: Int, as index: Int, of tile: Tile) {
    memory.load(product, count: extended, at: row * extended, to: index * extended)
  }

  /// The rest of the forward pass: the low-rank term, bias and ReLU.
  func finish(_ tile: Tile) {
    let count = tile.count
    if parameters.rank > 0 {
      multiply(
        MatrixView(
          product, at: outputs, rows: count, columns: parameters.rankStride, stride: extended),
        MatrixView(factorB, rows: outputs, columns: parameters.rankStride), transposeB: true,
        alpha: parameters.scale,
        into: MatrixView(output, rows: count, columns: outputs))
    } else {
      output.clear(at: 0, count: count * outputs)
    }
    for i in 0..<count {
      output.addScaled(1, product, at: i * extended, to: i * outputs, count: outputs)
      output.addScaled(1, bias, at: 0, to: i * outputs, count: outputs)
    }
    if rectified { output.rectify(count: count * outputs) }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    let count = tile.count
    for i in 0..<count {
      gradient.copy(outputs, from: outputGradient, at: i * outputs, to: i * extended)
    }
    if rectified {
      for i in 0..<count {
        gradient.maskDead(
          at: i * extended, where: output, at: i * outputs, count: outputs)
      }
    }
    if parameters.rank > 0 {
      multiply(
        MatrixView(gradient, rows: count, columns: outputs, stride: extended),
        MatrixView(factorB, rows: outputs, columns: parameters.rankStride), alpha: parameters.scale,
        into: MatrixView(
          gradient, at: outputs, rows: count, columns: parameters.rankStride, stride: extended))
    }
    if needsInputGradient {
      multiply(
        MatrixView(gradient, rows: count, columns: extended),
        MatrixView(weights, rows: extended, columns: inputs),
        into: MatrixView(inputGradient, rows: count, columns: inputs))
    }
  }

  func squaredNorm(of example: Int) -> Double {
    let g = gradient.squaredNorm(at: example * extended, count: outputs)
    switch parameters.mode {
    case .frozen, .adapted: return 0
    case .full: return g * (input.squaredNorm(at: example * inputs, count: inputs) + 1)
    case .lowRank:
      var total = 0.0
      if parameters.slotB != nil {
        let u = product.squaredNorm(at: example * extended + outputs, count: parameters.rankStride)
        total = Double(parameters.scale) * Double(parameters.scale) * g * u
      }
      if parameters.slotA != nil {
        total +=
          gradient.squaredNorm(at: example * extended + outputs, count: parameters.rankStride)
          * input.squaredNorm(at: example * inputs, count: inputs)
      }
      return total
    }
  }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    guard isTrained else { return }
    let count = tile.count
    scaledGradient.clear(at: 0, count: count * extended)
    for i in 0..<count {
      guard coefficients[i] != 0 else {
        // An example that is left out may hold infinities, and 0 · ∞ is not 0.
        input.clear(at: i * inputs, count: inputs)
        product.clear(at: i * extended, count: extended)
        continue
      }
      scaledGradient.addScaled(
        coefficients[i], gradient, at: i * extended, to: i * extended, count: extended)
    }
    let x = MatrixView(input, rows: count, columns: inputs)
    let g = MatrixView(scaledGradient, rows: count, columns: outputs, stride: extended)
    switch parameters.mode {
    case .frozen, .adapted: return
    case .full:
      multiply(
        g, x, transposeA: true, beta: 1,
        into: MatrixView(sumWeights, rows: outputs, columns: inputs))
      for i in 0..<count {
        sumBias.addScaled(1, scaledGradient, at: i * extended, to: 0, count: outputs)
      }
    case .lowRank:
      if parameters.slotB != nil {
        multiply(
          g,
          MatrixView(
            product, at: outputs, rows: count, columns: parameters.rankStride, stride: extended),
          transposeA: true, alpha: parameters.scale, beta: 1,
          into: MatrixView(sumB, rows: outputs, columns: parameters.rankStride))
      }
      if parameters.slotA != nil {
        multiply(
          MatrixView(
            scaledGradient, at: outputs, rows: count, columns: parameters.rankStride,
            stride: extended),
          x, transposeA: true, beta: 1,
          into: MatrixView(sumWeights, rows: parameters.rankStride, columns: inputs))
      }
    }
  }

  func drainSum(into total: inout [Float]) {
    switch parameters.mode {
    case .frozen, .adapted: return
    case .full:
      if let weight = parameters.weight { sumWeights.add(to: &total, at: weight.offset) }
      if let bias = parameters.bias { sumBias.add(to: &total, at: bias.offset) }
    case .lowRank:
      if let slotA = parameters.slotA {
        sumWeights.addRows(
          slotA.rows, columns: slotA.columns, stride: inputs, to: &total, at: slotA.offset)
      }
      if let slotB = parameters.slotB {
        sumB.addRows(
          slotB.rows, columns: slotB.columns, stride: parameters.rankStride, to: &total,
          at: slotB.offset)
      }
    }
    sumWeights.clear()
    sumBias.clear()
    sumB.clear()
  }
}
