// s·B A beside a frozen weight on rows of tokens. An example's gradients are gB = s·Eᵀ P and gA =
// Qᵀ X with P = X Aᵀ and Q = s·E B. Of a text longer than the rank they are formed, r·(m + n)
// numbers, and E may go; of a shorter one E stays and the norm comes from products of rows.

import Kernels

final class LowRankTerm: AdapterTerm {
  private let rank: Int
  private let scale: Float
  private let outputs: Int
  private let inputs: Int
  private let slotA: ParameterSlot
  private let slotB: ParameterSlot
  private let trainsA: Bool
  private let trainsB: Bool
  private let context: LayerContext

  /// A as x·Aᵀ and as q·A, s·B as p·(sB)ᵀ and as e·(sB).
  private let downPanels: Panels
  private let downBack: Panels
  private let upPanels: Panels
  private let upBack: Panels
  private let scaledB: FloatBuffer
  /// P and Q.
  private let projections: FloatBuffer
  private let slopes: FloatBuffer
  /// The inputs and output gradients of short examples; the inputs are the host's own.
  private var input: MatrixView?
  private let shortGradients: FloatBuffer
  /// gBᵀ (r × m), then gA (r × n), of the formed examples of a tile.
  private let formed: FloatBuffer
  /// Where an example's formed gradients begin, or −1 where they are not formed.
  private var places: [Int]
  private var squares: [Double]
  private let sumB: FloatBuffer
  private let sumA: FloatBuffer
  private let norms: GramNorm

  private var formedCount: Int { rank * ((trainsB ? outputs : 0) + (trainsA ? inputs : 0)) }

  init(
    _ host: HostSpec, rank: Int, scale: Float, trained: TrainedFactors, rows: Int,
    in context: LayerContext
  ) {
    self.rank = rank
    self.scale = scale
    self.context = context
    outputs = host.rows
    inputs = host.columns
    trainsA = trained != .b
    trainsB = trained != .a
    guard let a = context.plan.adapterSlot("\(host.name).lora_A"),
      let b = context.plan.adapterSlot("\(host.name).lora_B")
    else { preconditionFailure("\(host.name) has no low-rank factors") }
    slotA = a.slot
    slotB = b.slot
    downPanels = Panels(depth: inputs, columns: rank)
    downBack = Panels(depth: rank, columns: inputs)
    upPanels = Panels(depth: rank, columns: outputs)
    upBack = Panels(depth: outputs, columns: rank)
    scaledB = FloatBuffer(count: outputs * rank)
    projections = FloatBuffer(count: rows * rank)
    slopes = FloatBuffer(count: rows * rank)
    let longest = context.longest
    shortGradients = FloatBuffer(count: rows * outputs)
    let most = longest > rank ? rows / (rank + 1) + 1 : 0
    formed = FloatBuffer(
      count: most * rank * ((trained != .a ? outputs : 0) + (trained != .b ? inputs : 0)))
    places = [Int](repeating: -1, count: context.examples)
    squares = [Double](repeating: 0, count: context.examples)
    sumB = context.workspace.sum(count: trained != .a ? rank * outputs : 0)
    sumA = context.workspace.sum(count: trained != .b ? rank * inputs : 0)
    norms = context.workspace.gramNorm(
      longest: min(rank, longest), widest: max(inputs, outputs))
  }

  func load(frozen: FrozenParameters) {
    if !trainsA { load(a: frozen.factors) }
    if !trainsB { load(b: frozen.factors) }
  }

  func load(trainable: [Float]) {
    if trainsA { load(a: trainable) }
    if trainsB { load(b: trainable) }
  }

  private func load(a values: [Float]) {
    downPanels.pack(
      values, at: slotA.offset, rows: rank, columns: inputs, transposed: true)
    downBack.pack(values, at: slotA.offset, rows: rank, columns: inputs, transposed: false)
  }

  private func load(b values: [Float]) {
    scaledB.write(values, in: slotB.range)
    scaledB.scale(by: scale, count: scaledB.count)
    let b = MatrixView(scaledB, rows: outputs, columns: rank)
    upPanels.pack(transposeOf: b)
    upBack.pack(b)
  }

  private func projections(_ rows: Range<Int>) -> MatrixView {
    MatrixView(projections, at: rows.lowerBound * rank, rows: rows.count, columns: rank)
  }

  private func slopes(_ rows: Range<Int>) -> MatrixView {
    MatrixView(slopes, at: rows.lowerBound * rank, rows: rows.count, columns: rank)
  }

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    let p = projections(0..<tile.rows)
    chainMultiply(x, by: downPanels, into: p)
    chainMultiply(p, by: upPanels, start: .target, into: y)
  }

  func backward(
    _ x: MatrixView, outputGradient: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {
    input = trainsA ? x : nil
    let q = slopes(0..<tile.rows)
    if trainsA || inputGradient != nil { chainMultiply(outputGradient, by: upBack, into: q) }
    if let inputGradient { chainMultiply(q, by: downBack, start: .target, into: inputGradient) }
    var next = 0
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      let e = outputGradient.rows(rows)
      if rows.count > rank {
        places[i] = next
        squares[i] = form(x.rows(rows), e, rows, at: next)
        next += formedCount
      } else {
        places[i] = -1
        squares[i] = keep(x.rows(rows), e, rows)
      }
    }
  }

  /// Forms the gradients of an example.
  ///
  /// - Returns: their squared norm.
  private func form(_ x: MatrixView, _ e: MatrixView, _ rows: Range<Int>, at place: Int) -> Double {
    var square = 0.0
    var place = place
    if trainsB {
      chainMultiply(
        projections(rows), transposeA: true, by: e,
        into: MatrixView(formed, at: place, rows: rank, columns: outputs))
      square +=
        Double(scale) * Double(scale)
        * formed.squaredNorm(at: place, count: rank * outputs)
      place += rank * outputs
    }
    if trainsA {
      chainMultiply(
        slopes(rows), transposeA: true, by: x,
        into: MatrixView(formed, at: place, rows: rank, columns: inputs))
      square += formed.squaredNorm(at: place, count: rank * inputs)
    }
    return square
  }

  /// Keeps what the sum will need of an example.
  private func keep(_ x: MatrixView, _ e: MatrixView, _ rows: Range<Int>) -> Double {
    var square = 0.0
    if trainsB {
      for row in 0..<rows.count {
        shortGradients.copy(
          outputs, from: e.buffer, at: e.offset + row * e.stride,
          to: (rows.lowerBound + row) * outputs)
      }
      square +=
        Double(scale) * Double(scale)
        * norms.squaredNorm(projections(rows), e, withBias: false)
    }
    if trainsA { square += norms.squaredNorm(slopes(rows), x, withBias: false) }
    return square
  }

  func squaredNorm(of example: Int) -> Double { squares[example] }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for i in 0..<tile.count where coefficients[i] != 0 {
      let coefficient = coefficients[i]
      guard places[i] < 0 else {
        var place = places[i]
        if trainsB {
          sumB.addScaled(coefficient * scale, formed, at: place, to: 0, count: rank * outputs)
          place += rank * outputs
        }
        if trainsA { sumA.addScaled(coefficient, formed, at: place, to: 0, count: rank * inputs) }
        continue
      }
      for row in tile.rows(of: i) {
        for k in 0..<rank {
          if trainsB {
            sumB.addScaled(
              coefficient * scale * projections[row * rank + k], shortGradients, at: row * outputs,
              to: k * outputs, count: outputs)
          }
          if trainsA, let input {
            sumA.addScaled(
              coefficient * slopes[row * rank + k], input.buffer,
              at: input.offset + row * input.stride, to: k * inputs, count: inputs)
          }
        }
      }
    }
  }

  func drainSum(into total: inout [Float]) {
    if trainsB {
      sumB.addTransposed(rows: rank, columns: outputs, to: &total, at: slotB.offset)
      sumB.clear()
    }
    if trainsA {
      sumA.add(to: &total, at: slotA.offset)
      sumA.clear()
    }
  }
}
