// Attention inside a block: the projections of a tile, and what their gradient needs.

import Kernels

final class AttentionPart {
  let projections: FloatBuffer
  /// ∂loss/∂(q, k, v).
  let gradient: FloatBuffer
  private let attention: Attention
  /// Nil where nothing asks for a gradient.
  private let probabilities: FloatBuffer?
  private var offsets: [Int]

  init(_ shape: BlockShape, keeps: Bool, in context: LayerContext) {
    attention = Attention(
      heads: shape.heads, width: shape.width / shape.heads, isCausal: shape.isCausal,
      longest: context.longest)
    let count = context.rows * 3 * shape.width
    projections = context.buffer("projections", count: count, keeps: keeps)
    gradient = context.workspace.scratch("projection gradient", count: keeps ? count : 0)
    // The sum over examples of T · pitch(T) is largest where all are as long as they can be.
    probabilities =
      keeps
      ? FloatBuffer(count: shape.heads * context.rows * Attention.pitch(context.longest)) : nil
    offsets = [Int](repeating: 0, count: context.examples)
  }

  func forward(_ tile: Tile, output: FloatBuffer) {
    var offset = 0
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      offsets[i] = offset
      attention.forward(
        projections, rows: rows, probabilities: probabilities, at: offset, output: output)
      offset += attention.probabilityCount(length: rows.count)
    }
  }

  func backward(_ tile: Tile, outputGradient: FloatBuffer) {
    guard let probabilities else { return }
    for i in 0..<tile.count {
      attention.backward(
        projections, rows: tile.rows(of: i), probabilities: probabilities, at: offsets[i],
        outputGradient: outputGradient, projectionGradient: gradient)
    }
  }
}
