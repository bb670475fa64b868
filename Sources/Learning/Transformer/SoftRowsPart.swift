// The rows of a soft prompt or of planning tokens inside the embedding of one worker.

import Kernels

/// Puts the rows among those of the text, and takes an example's gradient of them.
final class SoftRowsPart {
  private let rows: SoftRows
  private let width: Int
  private let slot: ParameterSlot
  /// The trained vectors.
  private let vectors: FloatBuffer
  /// Position vectors (and the one type's), as many as an example has rows.
  private let places: FloatBuffer
  private let basePlaces: ParameterSlot
  private let baseTypes: ParameterSlot?
  /// An example's, one behind another.
  private let gradients: FloatBuffer
  private let sum: FloatBuffer
  private let longest: Int

  /// Nil where the plan has no such rows.
  init?(_ spec: EmbeddingSpec, in context: LayerContext) {
    let plan = context.plan
    guard let rows = plan.softRows, let slot = plan.trainedSlot("\(spec.name).\(rows.tensor)"),
      let places = plan.architecture.slot(spec.places)
    else { return nil }
    self.rows = rows
    self.slot = slot
    width = spec.width
    longest = context.longest
    basePlaces = places
    baseTypes = spec.types.flatMap { plan.architecture.slot($0) }
    vectors = FloatBuffer(count: slot.count)
    self.places = FloatBuffer(count: longest * spec.width)
    gradients = FloatBuffer(count: context.examples * slot.count)
    sum = context.workspace.sum(count: slot.count)
  }

  func load(frozen: FrozenParameters) {
    places.write(
      frozen.base, in: basePlaces.offset..<basePlaces.offset + longest * width)
    guard let types = baseTypes else { return }
    let type = FloatBuffer(count: width)
    type.write(frozen.base, in: types.offset..<types.offset + width)
    for place in 0..<longest { places.addScaled(1, type, at: 0, to: place * width, count: width) }
  }

  func load(trainable: [Float]) { vectors.write(trainable, in: slot.range) }

  /// Makes room among the tokens of an example, which were written from its first row on.
  func spread(_ tokens: IndexBuffer, _ example: Range<Int>) {
    let place = rows.place(in: example)
    tokens.withMutableSpan(at: example.lowerBound, count: example.count) { span in
      let (first, count) = (place.lowerBound - example.lowerBound, place.count)
      for t in (first + count..<span.count).reversed() { span[t] = span[t - count] }
      // Any word of the table: its vector is replaced.
      for t in first..<first + count { span[t] = 0 }
    }
  }

  /// Tokens that an example has of its own.
  func ownCount(_ example: Range<Int>) -> Int { example.count - rows.count }

  /// Writes the rows of an example, with the vectors of their positions.
  func write(_ example: Range<Int>, into sums: FloatBuffer) {
    for (j, row) in rows.place(in: example).enumerated() {
      sums.copy(width, from: vectors, at: j * width, to: row * width)
      sums.addScaled(
        1, places, at: (row - example.lowerBound) * width, to: row * width, count: width)
    }
  }

  /// Takes every example's gradient from ∂loss/∂(sums) and from a tied output layer.
  func measure(_ gradient: FloatBuffer, _ tile: Tile, head: LanguageHeadLayer?) {
    for i in 0..<tile.count {
      let example = tile.rows(of: i)
      let start = i * slot.count
      gradients.copy(
        slot.count, from: gradient, at: rows.place(in: example).lowerBound * width, to: start)
      head?.addWordGradient(example, to: gradients, at: start)
    }
  }

  func squaredNorm(of example: Int) -> Double {
    gradients.squaredNorm(at: example * slot.count, count: slot.count)
  }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for i in 0..<tile.count where coefficients[i] != 0 {
      sum.addScaled(coefficients[i], gradients, at: i * slot.count, to: 0, count: slot.count)
    }
  }

  func drainSum(into total: inout [Float]) {
    sum.add(to: &total, at: slot.offset)
    sum.clear()
  }
}
