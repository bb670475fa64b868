// The tables of an embedding, frozen or trained. Rows of equal tokens are added up within an
// example before its gradient is measured, and a tied output layer's part is added to the word
// table's.

import Kernels

final class EmbeddingTable {
  private let width: Int
  private let vocabulary: Int
  private let baseWords: ParameterSlot
  private let basePlaces: ParameterSlot
  private let baseTypes: ParameterSlot?
  private let slotWords: ParameterSlot?
  private let slotPlaces: ParameterSlot?
  private let slotTypes: ParameterSlot?
  private var frozen: [Float] = []
  private var trainable: [Float] = []
  private var squares: [Double]
  /// Of one example.
  private let row: FloatBuffer
  private let sumWords: FloatBuffer
  private let sumPlaces: FloatBuffer
  private let sumTypes: FloatBuffer

  var isTrained: Bool { slotWords != nil || slotPlaces != nil || slotTypes != nil }

  init(_ spec: EmbeddingSpec, in context: LayerContext) {
    width = spec.width
    vocabulary = spec.vocabulary
    let plan = context.plan
    guard let words = plan.architecture.slot(spec.words),
      let places = plan.architecture.slot(spec.places)
    else { preconditionFailure("\(spec.name) is no layer of the architecture") }
    (baseWords, basePlaces) = (words, places)
    baseTypes = spec.types.flatMap { plan.architecture.slot($0) }
    slotWords = plan.trainedSlot(spec.words)
    slotPlaces = plan.trainedSlot(spec.places)
    slotTypes = spec.types.flatMap { plan.trainedSlot($0) }
    squares = [Double](repeating: 0, count: context.examples)
    row = FloatBuffer(count: width)
    sumWords = context.workspace.sum(count: slotWords?.count ?? 0)
    sumPlaces = context.workspace.sum(count: slotPlaces?.count ?? 0)
    sumTypes = context.workspace.sum(count: slotTypes == nil ? 0 : width)
  }

  /// Holds on to the array, which all workers share.
  func load(frozen: FrozenParameters) { self.frozen = frozen.base }

  func load(trainable: [Float]) { if isTrained { self.trainable = trainable } }

  func embed(
    _ tokens: IndexBuffer, _ rows: Range<Int>, firstPosition: Int, into output: FloatBuffer
  ) {
    let places = (slotPlaces ?? basePlaces).range
    // All tables are trained, or none: they belong to one layer.
    TokenRows.embed(
      tokens, rows: rows, width: width, parameters: isTrained ? trainable : frozen,
      words: (slotWords ?? baseWords).range, positions: places.dropFirst(firstPosition * width),
      types: (slotTypes ?? baseTypes)?.range, output: output)
  }

  /// ‖gradient‖² of every example of a tile.
  func measure(
    _ tokens: IndexBuffer, _ gradient: FloatBuffer, _ tile: Tile, head: LanguageHeadLayer?
  ) {
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      let positions = gradient.squaredNorm(at: rows.lowerBound * width, count: rows.count * width)
      var total = slotPlaces == nil ? 0 : positions
      if slotTypes != nil {
        TokenRows.sum(gradient, rows: rows, stride: width, width: width, into: row, at: 0)
        total += row.squaredNorm(at: 0, count: width)
      }
      if slotWords != nil {
        total += wordSquare(tokens, gradient, rows)
        total += head?.tiedSquare(rows, tokens: tokens, inputSide: gradient) ?? 0
      }
      squares[i] = total
    }
  }

  private func wordSquare(
    _ tokens: IndexBuffer, _ gradient: FloatBuffer, _ rows: Range<Int>
  ) -> Double {
    var total = 0.0
    for t in rows where !(rows.lowerBound..<t).contains(where: { tokens[$0] == tokens[t] }) {
      row.clear()
      for u in t..<rows.upperBound where tokens[u] == tokens[t] {
        row.addScaled(1, gradient, at: u * width, to: 0, count: width)
      }
      total += row.squaredNorm(at: 0, count: width)
    }
    return total
  }

  func squaredNorm(of example: Int) -> Double { isTrained ? squares[example] : 0 }

  func accumulate(
    _ tokens: IndexBuffer, _ gradient: FloatBuffer, _ tile: Tile, coefficients: [Float],
    head: LanguageHeadLayer?
  ) {
    guard isTrained else { return }
    for i in 0..<tile.count where coefficients[i] != 0 {
      let rows = tile.rows(of: i)
      for (place, t) in rows.enumerated() {
        if slotWords != nil {
          sumWords.addScaled(
            coefficients[i], gradient, at: t * width, to: Int(tokens[t]) * width, count: width)
        }
        if slotPlaces != nil {
          sumPlaces.addScaled(
            coefficients[i], gradient, at: t * width, to: (tile.firstPosition + place) * width,
            count: width)
        }
        if slotTypes != nil {
          sumTypes.addScaled(coefficients[i], gradient, at: t * width, to: 0, count: width)
        }
      }
    }
    if slotWords != nil {
      head?.addTied(tile, coefficients: coefficients, to: sumWords)
    }
  }

  func drainSum(into total: inout [Float]) {
    for (slot, sum) in [(slotWords, sumWords), (slotPlaces, sumPlaces), (slotTypes, sumTypes)] {
      guard let slot else { continue }
      sum.add(to: &total, at: slot.offset)
      sum.clear()
    }
  }
}
