// Rows of tokens: looking them up in tables, taking means, and norms of gradients that are products
// of rows.

public enum TokenRows {
  /// output[t] = words[id[t]] + positions[t − start of the example] + types[0].
  ///
  /// - Parameters:
  ///   - tokens: one id a row; one outside the table is a mistake of the caller.
  ///   - words: where the table begins in `parameters`, `width` floats a row.
  ///   - positions: likewise.
  ///   - types: likewise; nil where a model has none.
  public static func embed(
    _ tokens: IndexBuffer, rows: Range<Int>, width: Int, parameters: [Float], words: Range<Int>,
    positions: Range<Int>, types: Range<Int>?, output: FloatBuffer
  ) {
    output.check(rows.lowerBound * width, rows.count * width)
    for range in [words, positions] + (types.map { [$0] } ?? []) {
      checkRange(range.lowerBound, range.count, in: parameters.count)
    }
    checkRange(0, rows.count * width, in: positions.count)
    if let types { checkRange(0, width, in: types.count) }
    tokens.check(rows.lowerBound, rows.count)
    parameters.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return }
      for (place, row) in rows.enumerated() {
        let id = Int(tokens.base[row])
        checkRange(id &* width, width, in: words.count)
        let word = base + words.lowerBound + id &* width
        let position = base + positions.lowerBound + place &* width
        let y = output.base + row &* width
        for i in 0..<width { y[i] = word[i] + position[i] }
        if let types {
          let type = base + types.lowerBound
          for i in 0..<width { y[i] += type[i] }
        }
      }
    }
  }

  /// target = factor · Σ rows.
  public static func sum(
    _ source: FloatBuffer, rows: Range<Int>, stride: Int, width: Int, factor: Float = 1,
    into target: FloatBuffer, at offset: Int
  ) {
    precondition(rows.lowerBound >= 0, "rows begin at 0")
    if let last = rows.last { source.check(last * stride, width) }
    target.clear(at: offset, count: width)
    let y = target.base + offset
    for row in rows {
      let x = source.base + row &* stride
      forEach8(width) { i in
        store8(load8(y + i) + load8(x + i), y + i)
      } rest: { i in
        y[i] += x[i]
      }
    }
    guard factor != 1 else { return }
    for i in 0..<width { y[i] *= factor }
  }

  /// Every row = factor · source.
  public static func spread(
    _ source: FloatBuffer, at offset: Int, factor: Float, width: Int, into target: FloatBuffer,
    rows: Range<Int>
  ) {
    source.check(offset, width)
    target.check(rows.lowerBound * width, rows.count * width)
    for row in rows {
      let y = target.base + row &* width
      for i in 0..<width { y[i] = source.base[offset + i] * factor }
    }
  }

  /// Σ over t, u of gram(t, u)·other(t, u) for two symmetric matrices, and the same of absolute
  /// values; `one` is added to every element of the first.
  static func contract(
    _ first: FloatBuffer, _ second: FloatBuffer, length: Int, plus one: Float
  ) -> (value: Double, size: Double) {
    var (value, size) = (0.0, 0.0)
    for t in 0..<length {
      var row = 0.0
      var absolute = 0.0
      for u in 0..<length {
        let product =
          Double(first.base[t &* length &+ u] + one) * Double(second.base[t &* length &+ u])
        row += product
        absolute += abs(product)
      }
      value += row
      size += absolute
    }
    return (value, size)
  }
}

/// Memory for norms of gradients Σ_t e_t x_tᵀ that are never formed ("ghost norms": Li, Tramèr,
/// Liang, Hashimoto 2022).
public final class GramNorm {
  private let panels: Panels
  private let first: FloatBuffer
  private let second: FloatBuffer

  /// - Parameters:
  ///   - longest: the most rows of an example.
  ///   - widest: the longest row.
  public init(longest: Int, widest: Int) {
    panels = Panels(depth: widest, columns: longest)
    first = FloatBuffer(count: longest * longest)
    second = FloatBuffer(count: longest * longest)
  }

  /// An upper estimate of ‖Σ_t e_t x_tᵀ‖² (with a bias also ‖Σ_t e_t‖²): terms that cancel leave a
  /// rounding error behind, so 2⁻²² of the sum of their sizes is added.
  public func squaredNorm(_ x: MatrixView, _ e: MatrixView, withBias: Bool) -> Double {
    precondition(x.rows == e.rows, "inputs and gradients have the same rows")
    guard x.rows > 0 else { return 0 }
    gram(x, into: first)
    gram(e, into: second)
    let (value, size) = TokenRows.contract(
      first, second, length: x.rows, plus: withBias ? 1 : 0)
    return max(0, value) + size * 0x1p-22
  }

  private func gram(_ x: MatrixView, into target: FloatBuffer) {
    panels.pack(transposeOf: x)
    chainMultiply(x, by: panels, into: MatrixView(target, rows: x.rows, columns: x.rows))
  }
}

extension IndexBuffer {
  public subscript(index: Int) -> Int32 {
    check(index, 1)
    return base[index]
  }
}
