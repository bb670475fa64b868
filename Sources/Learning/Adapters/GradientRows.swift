// Gradients of single examples as rows, and their clipped sum.

public import Kernels

/// For each example of a tile one row: the gradients of some tensors, one behind the other.
final class GradientRows {
  private let tensors: [(name: String, slot: ParameterSlot)]
  /// Where each tensor begins in a row.
  private let starts: [String: Int]
  private let stride: Int
  private let gradients: FloatBuffer
  private let sum: FloatBuffer

  /// - Parameter tensors: each with the name by which `place(_:example:)` is asked for it.
  init(
    _ tensors: [(name: String, slot: ParameterSlot)], examples: Int, workspace: Workspace
  ) {
    self.tensors = tensors
    var starts: [String: Int] = [:]
    var next = 0
    for (name, slot) in tensors {
      starts[name] = next
      next += slot.count
    }
    self.starts = starts
    stride = next
    gradients = FloatBuffer(count: examples * next)
    sum = workspace.sum(count: next)
  }

  /// Zeroes the rows of the first `examples`.
  func clear(examples: Int) { gradients.clear(at: 0, count: examples * stride) }

  /// Where an example's gradient of a tensor is added; nil for one that is not here.
  func place(_ name: String, example: Int) -> GradientPlace? {
    starts[name].map { GradientPlace(buffer: gradients, offset: example * stride + $0) }
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
    for (name, slot) in tensors {
      guard let start = starts[name] else { continue }
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
