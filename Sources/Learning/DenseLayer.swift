// A dense layer: whole, frozen, or with low-rank factors. Its per-example gradients are outer products,
// so their norms come from the factors alone and no gradient of a single example is ever formed
// (Goodfellow 2015; "ghost norm" in Li et al. 2022).

import Kernels

final class DenseLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  let inputLayout: ImageLayout? = nil
  /// Where the activations go: the next layer's input, or the logits.
  let output: FloatBuffer
  /// ∂loss/∂output, written by the next layer (or the loss).
  let outputGradient: FloatBuffer

  private let inputs: Int
  private let outputs: Int
  private let rectified: Bool
  private let mode: LayerMode
  private let rank: Int
  private let rankStride: Int
  private let scale: Float
  private let tile: Int
  private let baseWeight: ParameterSlot
  private let baseBias: ParameterSlot
  private let slotA: ParameterSlot?
  private let slotB: ParameterSlot?
  private let frozenA: ParameterSlot?

  /// [W; A]: `(outputs + rankStride) × inputs`, surplus rows zero.
  private let weights: FloatBuffer
  private let bias: FloatBuffer
  /// B, `outputs × rankStride`.
  private let factorB: FloatBuffer
  /// [W x; A x] per example.
  private let product: FloatBuffer
  /// [∂loss/∂z; s Bᵀ ∂loss/∂z] per example, and the same times the clip coefficients.
  private let gradient: FloatBuffer
  private let scaledGradient: FloatBuffer
  private let sumWeights: FloatBuffer
  private let sumBias: FloatBuffer
  private let sumB: FloatBuffer

  private var extended: Int { outputs + rankStride }

  init(
    index: Int, plan: TrainingPlan, tile: Int, output: FloatBuffer, outputGradient: FloatBuffer,
    inputs: Int, outputs: Int, rectified: Bool
  ) {
    let name = plan.architecture.layers[index].name
    self.inputs = inputs
    self.outputs = outputs
    self.rectified = rectified
    self.tile = tile
    self.output = output
    self.outputGradient = outputGradient
    mode = plan.modes[index]
    if case .lowRank(let rank, let scale, _) = mode {
      self.rank = rank
      self.scale = scale
      rankStride = LayerMode.rankStride(rank)
    } else {
      rank = 0
      scale = 0
      rankStride = 0
    }
    baseWeight = plan.architecture.slots[2 * index]
    baseBias = plan.architecture.slots[2 * index + 1]
    slotA = plan.slots.first { $0.name == "\(name).lora_A" }
    slotB = plan.slots.first { $0.name == "\(name).lora_B" }
    frozenA = plan.frozenFactorSlots.first { $0.name == "\(name).lora_A" }
    inputStride = inputs
    input = FloatBuffer(count: tile * inputs)
    inputGradient = FloatBuffer(count: tile * inputs)
    weights = FloatBuffer(count: (outputs + rankStride) * inputs)
    bias = FloatBuffer(count: outputs)
    factorB = FloatBuffer(count: outputs * rankStride)
    product = FloatBuffer(count: tile * (outputs + rankStride))
    gradient = FloatBuffer(count: tile * (outputs + rankStride))
    scaledGradient = FloatBuffer(count: tile * (outputs + rankStride))
    let sumRows = mode == .full ? outputs : (slotA == nil ? 0 : rankStride)
    sumWeights = FloatBuffer(count: sumRows * inputs)
    sumBias = FloatBuffer(count: outputs)
    sumB = FloatBuffer(count: outputs * rankStride)
  }

  var isTrained: Bool { mode != .frozen }

  func load(frozen: FrozenParameters) {
    weights.write(Array(frozen.base[baseWeight.range]))
    bias.write(Array(frozen.base[baseBias.range]))
    if let frozenA {
      weights.write(Array(frozen.factors[frozenA.range]), at: outputs * inputs)
    }
  }

  func load(trainable: [Float]) {
    switch mode {
    case .frozen: return
    case .full:
      weights.write(Array(trainable[baseWeight.range]))
      bias.write(Array(trainable[baseBias.range]))
    case .lowRank:
      if let slotA { weights.write(Array(trainable[slotA.range]), at: outputs * inputs) }
      guard let slotB else { return }
      for row in 0..<outputs {
        let start = slotB.offset + row * rank
        factorB.write(Array(trainable[start..<start + rank]), at: row * rankStride)
      }
    }
  }

  func forward(count: Int) {
    let x = MatrixView(input, rows: count, columns: inputs)
    let w = MatrixView(weights, rows: extended, columns: inputs)
    multiply(x, w, transposeB: true, into: MatrixView(product, rows: count, columns: extended))
    if rank > 0 {
      multiply(
        MatrixView(product, at: outputs, rows: count, columns: rankStride, stride: extended),
        MatrixView(factorB, rows: outputs, columns: rankStride), transposeB: true, alpha: scale,
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

  func backward(count: Int, needsInputGradient: Bool) {
    for i in 0..<count {
      gradient.copy(outputs, from: outputGradient, at: i * outputs, to: i * extended)
    }
    if rectified {
      for i in 0..<count {
        gradient.maskDead(
          at: i * extended, where: output, at: i * outputs, count: outputs)
      }
    }
    if rank > 0 {
      multiply(
        MatrixView(gradient, rows: count, columns: outputs, stride: extended),
        MatrixView(factorB, rows: outputs, columns: rankStride), alpha: scale,
        into: MatrixView(
          gradient, at: outputs, rows: count, columns: rankStride, stride: extended))
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
    switch mode {
    case .frozen: return 0
    case .full: return g * (input.squaredNorm(at: example * inputs, count: inputs) + 1)
    case .lowRank:
      let u = product.squaredNorm(at: example * extended + outputs, count: rankStride)
      var total = Double(scale) * Double(scale) * g * u
      if slotA != nil {
        total +=
          gradient.squaredNorm(at: example * extended + outputs, count: rankStride)
          * input.squaredNorm(at: example * inputs, count: inputs)
      }
      return total
    }
  }

  func accumulate(count: Int, coefficients: [Float]) {
    guard isTrained else { return }
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
    switch mode {
    case .frozen: return
    case .full:
      multiply(
        g, x, transposeA: true, beta: 1,
        into: MatrixView(sumWeights, rows: outputs, columns: inputs))
      for i in 0..<count {
        sumBias.addScaled(1, scaledGradient, at: i * extended, to: 0, count: outputs)
      }
    case .lowRank:
      multiply(
        g, MatrixView(product, at: outputs, rows: count, columns: rankStride, stride: extended),
        transposeA: true, alpha: scale, beta: 1, into: MatrixView(sumB, rows: outputs, columns: rankStride))
      if slotA != nil {
        multiply(
          MatrixView(
            scaledGradient, at: outputs, rows: count, columns: rankStride, stride: extended),
          x, transposeA: true, beta: 1,
          into: MatrixView(sumWeights, rows: rankStride, columns: inputs))
      }
    }
  }

  func drainSum(into total: inout [Float]) {
    switch mode {
    case .frozen: return
    case .full:
      sumWeights.add(to: &total, at: baseWeight.offset)
      sumBias.add(to: &total, at: baseBias.offset)
    case .lowRank:
      if let slotA {
        sumWeights.addRows(
          slotA.rows, columns: slotA.columns, stride: inputs, to: &total, at: slotA.offset)
      }
      if let slotB {
        sumB.addRows(
          slotB.rows, columns: slotB.columns, stride: rankStride, to: &total, at: slotB.offset)
      }
    }
    sumWeights.clear()
    sumBias.clear()
    sumB.clear()
  }
}
