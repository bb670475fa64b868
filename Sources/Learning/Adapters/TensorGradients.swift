// The gradients of an adapter's own tensors on one host, example by example, and their clipped sum.

import Kernels

/// Rows of gradients of the trained tensors of one host. Those that hosts share are kept by `SharedGradients`.
final class TensorGradients {
  private let own: GradientRows
  private let sharedSlots: [String: ParameterSlot]
  private let shared: SharedGradients?

  init(_ context: AdapterContext) {
    let trained = context.plan.trainedTensors(on: context.host)
    own = GradientRows(
      trained.filter { !$0.isShared }.map { ($0.name, $0.slot) }, examples: context.examples,
      workspace: context.workspace)
    sharedSlots = Dictionary(
      uniqueKeysWithValues: trained.filter(\.isShared).map { ($0.name, $0.slot) })
    shared = context.workspace.shared
  }

  /// Before the gradients of a tile are added.
  func clear(_ tile: Tile) { own.clear(examples: tile.count) }

  /// Where an example's gradient of a tensor is added; nil for one that is not trained.
  func place(_ name: String, example: Int) -> GradientPlace? {
    own.place(name, example: example)
      ?? sharedSlots[name].flatMap { shared?.place(of: $0, example: example) }
  }

  func squaredNorm(of example: Int) -> Double { own.squaredNorm(of: example) }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    own.accumulate(tile, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) { own.drainSum(into: &total) }
}

/// A term whose examples' gradients are formed and kept until the sum is taken.
protocol TensorTerm: AdapterTerm {
  var gradients: TensorGradients { get }
}

extension TensorTerm {
  func squaredNorm(of example: Int) -> Double { gradients.squaredNorm(of: example) }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    gradients.accumulate(tile, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) { gradients.drainSum(into: &total) }
}
