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
  /// Terms that are added to the output, and one that computes with it.
  private let terms: [any AdapterTerm]
  private let onOutput: (any AdapterTerm)?
  /// Weights that an adapter makes of the frozen ones.
  private let mapped: MappedWeights?
  private let outputSlope: FloatBuffer
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
    var mapped: MappedWeights?
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
      guard let adapter = plan.adapter, let target = plan.target(of: host.name) else { break }
      let context = AdapterContext(
        plan: plan, host: host, target: target, examples: context.examples, rows: rows,
        workspace: context.workspace)
      if let adapter = adapter as? any WeightAdapter {
        let term = MappedWeights(adapter, context)
        mapped = term
        terms.append(term)
        keepsInput = true
      } else if let term = adapter.makeTerm(context) {
        terms.append(term)
        keepsInput = keepsInput || !term.isOnOutput
      }
    case .frozen, .full: break
    }
    onOutput = terms.first(where: \.isOnOutput)
    self.terms = terms.filter { !$0.isOnOutput }
    self.mapped = mapped
    outputSlope =
      onOutput == nil
      ? FloatBuffer(count: 0) : context.workspace.scratch("host slope", count: rows * host.rows)
    self.keepsInput = keepsInput
    isTrained = !self.terms.isEmpty || onOutput != nil
    biasValues = FloatBuffer(count: host.rows)
    let isOwn = trainedWeight != nil || mapped != nil
    forwardPanels = isOwn ? Panels(depth: inputs, columns: outputs) : Panels(count: 0)
    backwardPanels = isOwn ? Panels(depth: outputs, columns: inputs) : nil
  }

  func load(frozen: FrozenParameters) {
    self.frozen = frozen
    if trainedWeight == nil, mapped == nil {
      forwardPanels = frozen.packed.panels(of: weight, in: frozen.base, transposed: true)
      backwardPanels = nil
    }
    if let bias { biasValues.write(frozen.base, in: bias.range) }
    for term in allTerms { term.load(frozen: frozen) }
  }

  func load(trainable: [Float]) {
    if let slot = trainedWeight {
      forwardPanels.pack(
        trainable, at: slot.offset, rows: outputs, columns: inputs, transposed: true)
      backwardPanels?.pack(
        trainable, at: slot.offset, rows: outputs, columns: inputs, transposed: false)
    }
    if let slot = trainedBias { biasValues.write(trainable, in: slot.range) }
    for term in allTerms { term.load(trainable: trainable) }
    guard let weights = mapped?.weights else { return }
    forwardPanels.pack(weights.weight, at: 0, rows: outputs, columns: inputs, transposed: true)
    backwardPanels?.pack(weights.weight, at: 0, rows: outputs, columns: inputs, transposed: false)
    biasValues.write(weights.bias)
  }

  /// As `Layer.hasSharedSum`.
  var hasSharedSum: Bool { allTerms.allSatisfy(\.hasSharedSum) }

  private var allTerms: [any AdapterTerm] { terms + (onOutput.map { [$0] } ?? []) }

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    chainMultiply(x, by: forwardPanels, start: .row(biasValues, at: 0), into: y)
    for term in terms { term.forward(x, y, tile: tile) }
    onOutput?.forward(x, y, tile: tile)
  }

  /// Takes ∂loss/∂y.
  ///
  /// - Parameters:
  ///   - inputGradient: takes ∂loss/∂x, or has it added; nil where nobody wants it.
  func backward(
    _ x: MatrixView, gradient: MatrixView, inputGradient: MatrixView?, adding: Bool, tile: Tile
  ) {
    var gradient = gradient
    if let onOutput {
      // What lies behind the host still needs its gradient: residual streams pass it on.
      let own = MatrixView(outputSlope, rows: gradient.rows, columns: outputs)
      for row in 0..<gradient.rows {
        outputSlope.copy(
          outputs, from: gradient.buffer, at: gradient.offset + row * gradient.stride,
          to: row * outputs)
      }
      onOutput.backward(x, outputGradient: own, inputGradient: nil, tile: tile)
      gradient = own
    }
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
    terms.reduce(onOutput?.squaredNorm(of: example) ?? 0) { $0 + $1.squaredNorm(of: example) }
  }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for term in allTerms { term.accumulate(tile, coefficients: coefficients) }
  }

  func drainSum(into total: inout [Float]) {
    for term in allTerms { term.drainSum(into: &total) }
  }
}
