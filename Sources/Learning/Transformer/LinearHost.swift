// y = W x + b on rows of tokens: frozen, trained whole, or with an adapter. What is trained is a
// term of its own behind `AdapterTerm`, so that blocks do not know what they carry.

import Kernels

/// A linear map inside a layer.
final class LinearHost {
  let outputs: Int
  let inputs: Int
  /// Whether anything of it is trained.
  let isTrained: Bool
  /// Whether its input must stay as it is until the sum is taken.
  let keepsInput: Bool
  private let weight: ParameterSlot
  private let bias: ParameterSlot?
  private let trainedWeight: ParameterSlot?
  private let trainedBias: ParameterSlot?
  private let terms: [any AdapterTerm]
  private let biasValues: FloatBuffer
  private var frozen = FrozenParameters(base: [], factors: [])
  /// W for `x · Wᵀ` and, where it is asked for, for `e · W`.
  private var forwardPanels: Panels
  private var backwardPanels: Panels?

  /// - Parameter rows: that a tile can hold.
  init(_ host: HostSpec, rows: Int, in context: LayerContext) {
    let plan = context.plan
    outputs = host.rows
    inputs = host.columns
    guard let weight = plan.architecture.slot(host.weight) else {
      preconditionFailure("\(host.name) is no host of the architecture")
    }
    self.weight = weight
    bias = plan.architecture.slot("\(host.name).bias")
    trainedWeight = plan.trainedSlot(host.weight)
    trainedBias = plan.trainedSlot("\(host.name).bias")
    var terms: [any AdapterTerm] = []
    var keepsInput = false
    if trainedWeight != nil || trainedBias != nil {
      terms.append(
        WholeTerm(host, weight: trainedWeight, bias: trainedBias, rows: rows, in: context))
      keepsInput = trainedWeight != nil
    }
    switch plan.mode(of: host.name) {
    case .lowRank(let rank, let scale, let trained):
      terms.append(
        LowRankTerm(host, rank: rank, scale: scale, trained: trained, rows: rows, in: context))
      keepsInput = keepsInput || trained != .b
    case .adapted:
      if let adapter = plan.adapter, let target = plan.target(of: host.name),
        let term = adapter.makeTerm(
          AdapterContext(plan: plan, host: host, target: target, rows: rows))
      {
        terms.append(term)
        keepsInput = true
      }
    case .frozen, .full: break
    }
    self.terms = terms
    self.keepsInput = keepsInput
    isTrained = !terms.isEmpty
    biasValues = FloatBuffer(count: host.rows)
    let isOwn = trainedWeight != nil
    forwardPanels = isOwn ? Panels(depth: inputs, columns: outputs) : Panels(count: 0)
    backwardPanels = isOwn ? Panels(depth: outputs, columns: inputs) : nil
  }

  func load(frozen: FrozenParameters) {
    self.frozen = frozen
    if trainedWeight == nil {
      forwardPanels = frozen.packed.panels(of: weight, in: frozen.base, transposed: true)
      backwardPanels = nil
    }
    if let bias { biasValues.write(frozen.base, in: bias.range) }
    for term in terms { term.load(frozen: frozen) }
  }

  func load(trainable: [Float]) {
    if let slot = trainedWeight {
      forwardPanels.pack(
        trainable, at: slot.offset, rows: outputs, columns: inputs, transposed: true)
      backwardPanels?.pack(
        trainable, at: slot.offset, rows: outputs, columns: inputs, transposed: false)
    }
    if let slot = trainedBias { biasValues.write(trainable, in: slot.range) }
    for term in terms { term.load(trainable: trainable) }
  }

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    chainMultiply(x, by: forwardPanels, start: .row(biasValues, at: 0), into: y)
    for term in terms { term.forward(x, y, tile: tile) }
  }

  /// Takes ∂loss/∂y.
  ///
  /// - Parameters:
  ///   - inputGradient: takes ∂loss/∂x, or has it added; nil where nobody wants it.
  func backward(
    _ x: MatrixView, gradient: MatrixView, inputGradient: MatrixView?, adding: Bool, tile: Tile
  ) {
    if let inputGradient {
      let panels =
        backwardPanels ?? frozen.packed.panels(of: weight, in: frozen.base, transposed: false)
      backwardPanels = panels
      chainMultiply(gradient, by: panels, start: adding ? .target : .zero, into: inputGradient)
    }
    for term in terms {
      term.backward(x, outputGradient: gradient, inputGradient: inputGradient, tile: tile)
    }
  }

  func squaredNorm(of example: Int) -> Double {
    terms.reduce(0) { $0 + $1.squaredNorm(of: example) }
  }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for term in terms { term.accumulate(tile, coefficients: coefficients) }
  }

  func drainSum(into total: inout [Float]) {
    for term in terms { term.drainSum(into: &total) }
  }
}
