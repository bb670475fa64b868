// Softmax attention within each example of packed rows, one head at a time, forward and backward.

/// softmax(q kᵀ/√width)·v for each example and head by itself.
///
/// Rows of q, k and v lie behind one another in rows of `3 · heads · width` floats. What the
/// gradient needs, the probabilities, lies in `heads · length` rows of `pitch(length)` floats an
/// example.
public final class Attention {
  public let heads: Int
  /// Of a head.
  public let width: Int
  /// Whether a row sees itself and the rows before it alone.
  public let isCausal: Bool
  private let keys: Panels
  private let scores: FloatBuffer

  private var model: Int { heads * width }
  private var scale: Float { 1 / Float(width).squareRoot() }

  /// - Parameter longest: the most rows of an example.
  public init(heads: Int, width: Int, isCausal: Bool, longest: Int) {
    self.heads = heads
    self.width = width
    self.isCausal = isCausal
    keys = Panels(depth: width, columns: longest)
    scores = FloatBuffer(count: longest * Attention.pitch(longest))
  }

  /// From a row of probabilities to the next.
  public static func pitch(_ length: Int) -> Int { (length + 7) / 8 * 8 }

  /// Floats of an example's probabilities.
  public func probabilityCount(length: Int) -> Int {
    heads * length * Attention.pitch(length)
  }

  /// Attends within one example.
  ///
  /// - Parameters:
  ///   - rows: of the example in `projections` (stride 3·model) and in `output` (stride model).
  ///   - probabilities: takes them at `offset`; nil where no gradient is wanted.
  public func forward(
    _ projections: FloatBuffer, rows: Range<Int>, probabilities: FloatBuffer?, at offset: Int,
    output: FloatBuffer
  ) {
    let length = rows.count
    guard length > 0 else { return }
    let pitch = Attention.pitch(length)
    let matrix = length * pitch
    for head in 0..<heads {
      let (p, start) = probabilities.map { ($0, offset + head * matrix) } ?? (scores, 0)
      let weights = MatrixView(p, at: start, rows: length, columns: length, stride: pitch)
      keys.pack(transposeOf: part(1, of: projections, rows, head))
      chainMultiply(part(0, of: projections, rows, head), by: keys, into: weights)
      for row in 0..<length {
        softmax(p.base + start + row &* pitch, length, seen: isCausal ? row &+ 1 : length)
      }
      chainMultiply(
        weights, by: part(2, of: projections, rows, head), into: view(output, rows, head))
    }
  }

  /// ∂loss/∂(q, k, v) of one example, from ∂loss/∂output.
  public func backward(
    _ projections: FloatBuffer, rows: Range<Int>, probabilities: FloatBuffer, at offset: Int,
    outputGradient: FloatBuffer, projectionGradient: FloatBuffer
  ) {
    let length = rows.count
    guard length > 0 else { return }
    let pitch = Attention.pitch(length)
    let matrix = length * pitch
    let slopes = MatrixView(scores, rows: length, columns: length, stride: pitch)
    for head in 0..<heads {
      let start = offset + head * matrix
      let weights = MatrixView(
        probabilities, at: start, rows: length, columns: length, stride: pitch)
      let e = view(outputGradient, rows, head)
      chainMultiply(
        weights, transposeA: true, by: e, into: part(2, of: projectionGradient, rows, head))
      keys.pack(transposeOf: part(2, of: projections, rows, head))
      chainMultiply(e, by: keys, into: slopes)
      for row in 0..<length {
        softmaxSlope(
          scores.base + row &* pitch, probabilities.base + start + row &* pitch, length)
      }
      chainMultiply(
        slopes, by: part(1, of: projections, rows, head),
        into: part(0, of: projectionGradient, rows, head))
      chainMultiply(
        slopes, transposeA: true, by: part(0, of: projections, rows, head),
        into: part(1, of: projectionGradient, rows, head))
    }
  }

  /// q (0), k (1) or v (2) of a head.
  private func part(
    _ index: Int, of buffer: FloatBuffer, _ rows: Range<Int>, _ head: Int
  ) -> MatrixView {
    MatrixView(
      buffer, at: rows.lowerBound * 3 * model + index * model + head * width, rows: rows.count,
      columns: width, stride: 3 * model)
  }

  private func view(_ buffer: FloatBuffer, _ rows: Range<Int>, _ head: Int) -> MatrixView {
    MatrixView(
      buffer, at: rows.lowerBound * model + head * width, rows: rows.count, columns: width,
      stride: model)
  }

  /// The softmax of scores times the scale over the first `seen`; the others and the padding become
  /// 0.
  @inline(__always)
  private func softmax(_ x: UnsafeMutablePointer<Float>, _ length: Int, seen: Int) {
    let lanes = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7)
    let low = SIMD8<Float>(repeating: -.infinity)
    let limit = Int32(truncatingIfNeeded: seen)
    var tops = low
    var i = 0
    while i < seen {
      var v = load8(x + i)
      if i &+ 8 > seen {
        v.replace(with: low, where: lanes &+ Int32(truncatingIfNeeded: i) .>= limit)
        store8(v, x + i)
      }
      tops.replace(with: v, where: v .> tops)
      i &+= 8
    }
    let top = SIMD8<Float>(repeating: tops.max() * scale)
    let factor = SIMD8<Float>(repeating: scale)
    var sums = SIMD8<Float>()
    i = 0
    while i < seen {
      let e = exp8((-top).fused(load8(x + i), factor))
      store8(e, x + i)
      sums += e
      i &+= 8
    }
    let inverse = 1 / sums.sum()
    let zero = SIMD8<Float>()
    i = 0
    while i < length {
      store8(i < seen ? load8(x + i) * inverse : zero, x + i)
      i &+= 8
    }
  }

  /// Replaces ∂loss/∂p by ∂loss/∂score: scale · p·(e − Σ e·p).
  @inline(__always)
  private func softmaxSlope(
    _ e: UnsafeMutablePointer<Float>, _ p: UnsafeMutablePointer<Float>, _ length: Int
  ) {
    // The padding of p is zero, that of e may hold anything.
    let lanes = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7)
    let limit = Int32(truncatingIfNeeded: length)
    var sums = SIMD8<Float>()
    var i = 0
    while i < length {
      var v = load8(e + i)
      if i &+ 8 > length {
        v.replace(with: SIMD8(), where: lanes &+ Int32(truncatingIfNeeded: i) .>= limit)
        store8(v, e + i)
      }
      sums = sums.fused(v, load8(p + i))
      i &+= 8
    }
    let total = SIMD8<Float>(repeating: sums.sum())
    i = 0
    while i < length {
      store8((load8(e + i) - total) * load8(p + i) * scale, e + i)
      i &+= 8
    }
  }
}
