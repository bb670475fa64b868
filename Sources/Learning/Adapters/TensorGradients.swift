// The gradients of an adapter's own tensors on one host, example by example, and their clipped sum.

import Kernels

/// Rows of gradients of the trained tensors of one host. Those that hosts share are kept by `SharedGradients`.
final class TensorGradients {
  private let own: [(name: String, slot: ParameterSlot)]
  /// Where each tensor begins in an example's row.
  private let starts: [String: Int]
  private let stride: Int
  private let sharedSlots: [String: ParameterSlot]
  private let shared: SharedGradients?
  private let gradients: FloatBuffer
  private let sum: FloatBuffer

  init(_ context: AdapterContext) {
    let trained = context.plan.trainedTensors(on: context.host)
    own = trained.filter { !$0.isShared }.map { ($0.name, $0.slot) }
    sharedSlots = Dictionary(
      uniqueKeysWithValues: trained.filter(\.isShared).map { ($0.name, $0.slot) })
    shared = context.workspace.shared
    var starts: [String: Int] = [:]
    var next = 0
    for (name, slot) in own {
      starts[name] = next
      next += slot.count
    }
    self.starts = starts
    stride = next
    gradients = FloatBuffer(count: context.examples * next)
    sum = context.workspace.sum(count: next)
  }

  /// Before the gradients of a tile are added.
  func clear(_ tile: Tile) { gradients.clear(at: 0, count: tile.count * stride) }

  /// Where an example's gradient of a tensor is added; nil for one that is not trained.
  func place(_ name: String, example: Int) -> GradientPlace? {
    if let start = starts[name] {
      return GradientPlace(buffer: gradients, offset: example * stride + start)
    }
    return sharedSlots[name].flatMap { shared?.place(of: $0, example: example) }
  }

  func squaredNorm(of example: Int) -> Double {
    gradients.squaredNorm(at: example * stride, count: stride)
  }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for i in 0..<tile.count where coefficients[i] != 0 {
      sum.addScaled(coefficients[i], gradients, at: i * stride, to: 0, count: stride)
    }
  }

  func drainSum(into total: inout [Float]) {
    for (name, slot) in own {
      guard let start = starts[name] else { continue }
      sum.addRows(
        1, columns: slot.count, stride: slot.count, from: start, to: &total, at: slot.offset)
    }
    sum.clear()
  }
}
