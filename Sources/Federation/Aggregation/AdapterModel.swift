// The adapters of one model as matrices, and how they lie in the flat vectors of state and clients.

public import Kernels
import Learning

/// A and B of one adapted layer; its weights are W + scale · B A.
public struct LayerFactors: Sendable, Hashable {
  /// rank × inputs.
  public var a: Matrix
  /// outputs × rank.
  public var b: Matrix
  public let scale: Double

  public init(a: Matrix, b: Matrix, scale: Double) {
    self.a = a
    self.b = b
    self.scale = scale
  }

  /// scale · B A.
  public var product: Matrix { b.multiplied(by: a).scaled(by: scale) }

  /// The first components alone.
  func limited(to rank: Int) -> LayerFactors {
    rank >= a.rows
      ? self : LayerFactors(a: a.firstRows(rank), b: b.firstColumns(rank), scale: scale)
  }
}

/// The adapters of one model.
public struct AdapterModel: Sendable, Hashable {
  public var layers: [LayerFactors]
  /// What was folded into the frozen weights, layer by layer; empty for rules that leave them alone.
  public var residual: [Matrix]

  public init(layers: [LayerFactors], residual: [Matrix] = []) {
    self.layers = layers
    self.residual = residual
  }

  /// What the model adds to each adapted weight.
  public var weightChanges: [Matrix] {
    let products = layers.map(\.product)
    return residual.isEmpty ? products : zip(products, residual).map { $0.adding($1) }
  }
}

/// Reads and writes the flat vectors: first θ with both factors as the plan lays it out, then, where a rule
/// folds into the frozen weights, what was folded, layer by layer.
package struct AdapterLayout: Sendable {
  /// Both factors trained.
  let plan: TrainingPlan
  let keepsResidual: Bool
  private let layers: [AdaptedLayer]

  init(plan: TrainingPlan, keepsResidual: Bool) {
    self.plan = plan
    self.keepsResidual = keepsResidual
    layers = plan.adaptedLayers
  }

  /// Floats of all adapted weights.
  var residualCount: Int { layers.reduce(0) { $0 + $1.rows * $1.columns } }

  var count: Int { plan.trainableCount + (keepsResidual ? residualCount : 0) }

  func model(_ vector: [Float]) -> AdapterModel {
    var model = AdapterModel(layers: Self.factors(of: plan, trainable: vector, frozen: []))
    guard keepsResidual else { return model }
    var offset = plan.trainableCount
    model.residual = layers.map { layer in
      let size = layer.rows * layer.columns
      defer { offset += size }
      return Matrix(
        rows: layer.rows, columns: layer.columns,
        elements: vector[offset..<offset + size].map(Double.init))
    }
    return model
  }

  func vector(_ model: AdapterModel) -> [Float] {
    var vector = [Float](repeating: 0, count: plan.trainableCount)
    for (layer, factors) in zip(layers, model.layers) {
      vector.replaceSubrange(layer.a.range, with: factors.a.elements.map { Float($0) })
      vector.replaceSubrange(layer.b.range, with: factors.b.elements.map { Float($0) })
    }
    for matrix in model.residual { vector += matrix.elements.map { Float($0) } }
    return vector
  }

  /// The factors of any plan with adapters, wherever they lie.
  static func factors(
    of plan: TrainingPlan, trainable: [Float], frozen: [Float]
  ) -> [LayerFactors] {
    let trained = plan.trainedFactors ?? .both
    func matrix(_ slot: ParameterSlot, _ values: [Float]) -> Matrix {
      Matrix(
        rows: slot.rows, columns: slot.columns, elements: values[slot.range].map(Double.init))
    }
    return plan.adaptedLayers.map { layer in
      LayerFactors(
        a: matrix(layer.a, trained == .b ? frozen : trainable),
        b: matrix(layer.b, trained == .a ? frozen : trainable), scale: layer.scale)
    }
  }

  /// θ and the frozen factors of a plan that hold these factors.
  static func vectors(
    of plan: TrainingPlan, holding factors: [LayerFactors]
  ) -> (trainable: [Float], frozen: [Float]) {
    var values: [String: [Double]] = [:]
    for (layer, factors) in zip(plan.adaptedLayers, factors) {
      values[layer.a.name] = factors.a.elements
      values[layer.b.name] = factors.b.elements
    }
    func flat(_ slots: [ParameterSlot]) -> [Float] {
      slots.flatMap { (values[$0.name] ?? []).map { Float($0) } }
    }
    return (flat(plan.slots), flat(plan.frozenFactorSlots))
  }

  /// The base parameters with what a model folded into them.
  func base(_ base: [Float], with residual: [Matrix]) -> [Float] {
    guard !residual.isEmpty else { return base }
    var parameters = base
    for (layer, matrix) in zip(layers, residual) {
      for (i, place) in layer.weight.range.enumerated() {
        parameters[place] = Float(Double(parameters[place]) + matrix.elements[i])
      }
    }
    return parameters
  }
}
