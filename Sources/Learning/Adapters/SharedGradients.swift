// Gradients of adapter tensors that several hosts share: an example's are added up over all uses before their
// norm is taken. Norms of single uses, added, would be another number.

public import Kernels

/// The shared tensors' gradients of a tile's examples, and their clipped sum.
final class SharedGradients {
  private let slots: [ParameterSlot]
  /// Where each tensor begins in an example's row.
  private let starts: [String: Int]
  private let stride: Int
  private let gradients: FloatBuffer
  private let sum: FloatBuffer

  /// Nil where the plan shares nothing that is trained.
  init?(_ plan: TrainingPlan, examples: Int, workspace: Workspace) {
    guard !plan.sharedSlots.isEmpty else { return nil }
    slots = plan.sharedSlots
    var starts: [String: Int] = [:]
    var next = 0
    for slot in slots {
      starts[slot.name] = next
      next += slot.count
    }
    self.starts = starts
    stride = next
    gradients = FloatBuffer(count: examples * next)
    sum = workspace.sum(count: next)
  }

  /// Where hosts add an example's gradient of a tensor.
  func place(of slot: ParameterSlot, example: Int) -> GradientPlace? {
    starts[slot.name].map { GradientPlace(buffer: gradients, offset: example * stride + $0) }
  }

  /// Before the backward pass of a tile.
  func clear() { gradients.clear() }

  func squaredNorm(of example: Int) -> Double {
    gradients.squaredNorm(at: example * stride, count: stride)
  }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for i in 0..<tile.count where coefficients[i] != 0 {
      sum.addScaled(coefficients[i], gradients, at: i * stride, to: 0, count: stride)
    }
  }

  func drainSum(into total: inout [Float]) {
    for slot in slots {
      guard let start = starts[slot.name] else { continue }
      sum.addRows(
        1, columns: slot.count, stride: slot.count, from: start, to: &total, at: slot.offset)
    }
    sum.clear()
  }
}

/// Where an example's gradient of one tensor is added.
public struct GradientPlace {
  public let buffer: FloatBuffer
  public let offset: Int
}
