// A weight or a bias that is trained itself. The norm of an example's gradient EᵀX comes from
// products of rows where that is less work than forming it: T·(m + n) < m·n.

import Kernels

final class WholeTerm: AdapterTerm {
  private let outputs: Int
  private let inputs: Int
  private let weight: ParameterSlot?
  private let bias: ParameterSlot?
  private let gradients: FloatBuffer
  private var input: MatrixView?
  private var squares: [Double]
  private let sumWeights: FloatBuffer
  private let sumBias: FloatBuffer
  /// A gradient that is formed, and the sum of its rows.
  private let formed: FloatBuffer
  private let row: FloatBuffer
  private let panels: Panels
  private let norms: GramNorm

  /// - Parameters:
  ///   - weight, bias: where they lie in θ; nil for what is not trained.
  init(
    _ host: HostSpec, weight: ParameterSlot?, bias: ParameterSlot?, rows: Int,
    in context: LayerContext
  ) {
    outputs = host.rows
    inputs = host.columns
    self.weight = weight
    self.bias = bias
    let size = weight == nil ? 0 : outputs * inputs
    gradients = FloatBuffer(count: rows * outputs)
    squares = [Double](repeating: 0, count: context.examples)
    sumWeights = context.workspace.sum(count: size)
    sumBias = context.workspace.sum(count: outputs)
    formed = context.workspace.scratch("formed gradient", count: size)
    row = context.workspace.scratch("formed bias", count: outputs)
    panels = context.panels(depth: rows, columns: weight == nil ? 0 : inputs)
    norms = context.workspace.gramNorm(
      longest: min(context.longest, max(1, outputs * inputs / (outputs + inputs))),
      widest: max(outputs, inputs))
  }

  /// What is trained is what the host itself multiplies by.
  func load(frozen: FrozenParameters) {}
  func load(trainable: [Float]) {}
  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {}

  func backward(
    _ x: MatrixView, outputGradient: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {
    input = x
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      let e = outputGradient.rows(rows)
      for row in 0..<rows.count {
        gradients.copy(
          outputs, from: e.buffer, at: e.offset + row * e.stride,
          to: (rows.lowerBound + row) * outputs)
      }
      squares[i] = square(x.rows(rows), e, rows)
    }
  }

  private func square(_ x: MatrixView, _ e: MatrixView, _ rows: Range<Int>) -> Double {
    if weight != nil, rows.count * (inputs + outputs) < inputs * outputs {
      return norms.squaredNorm(x, e, withBias: bias != nil)
    }
    var total = 0.0
    if weight != nil {
      panels.pack(x)
      chainMultiply(
        transposeOf: e, by: panels, into: MatrixView(formed, rows: outputs, columns: inputs))
      total += formed.squaredNorm(at: 0, count: outputs * inputs)
    }
    if bias != nil {
      TokenRows.sum(gradients, rows: rows, stride: outputs, width: outputs, into: row, at: 0)
      total += row.squaredNorm(at: 0, count: outputs)
    }
    return total
  }

  func squaredNorm(of example: Int) -> Double { squares[example] }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    guard let input else { return }
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      let (first, count) = (rows.lowerBound * outputs, rows.count * outputs)
      guard coefficients[i] != 0 else {
        // An example that is left out may hold infinities, and 0 · ∞ is not 0.
        gradients.clear(at: first, count: count)
        if weight != nil {
          for row in rows {
            input.buffer.clear(at: input.offset + row * input.stride, count: inputs)
          }
        }
        continue
      }
      gradients.scale(by: coefficients[i], at: first, count: count)
    }
    if weight != nil {
      panels.pack(input.rows(0..<tile.rows))
      chainMultiply(
        transposeOf: MatrixView(gradients, rows: tile.rows, columns: outputs), by: panels,
        start: .target, into: MatrixView(sumWeights, rows: outputs, columns: inputs))
    }
    if bias != nil {
      for row in 0..<tile.rows {
        sumBias.addScaled(1, gradients, at: row * outputs, to: 0, count: outputs)
      }
    }
  }

  func drainSum(into total: inout [Float]) {
    if let weight { sumWeights.add(to: &total, at: weight.offset) }
    if let bias { sumBias.add(to: &total, at: bias.offset) }
    sumWeights.clear()
    sumBias.clear()
  }
}
