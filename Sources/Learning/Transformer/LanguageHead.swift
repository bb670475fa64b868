// The output layer of a decoder: logits of the next token by the word table itself (tied weights).

import Kernels

public struct LanguageHeadSpec: LayerSpec, Hashable {
  public let name: String
  public let vocabulary: Int
  public let width: Int
  /// The word table that it shares.
  public let words: String

  public init(vocabulary: Int, width: Int, words: String = "wte.weight") {
    name = "lm_head"
    self.vocabulary = vocabulary
    self.width = width
    self.words = words
  }

  public var rows: RowKind { .token }
  /// Its weights belong to the embedding.
  public var tensors: [TensorSpec] { [] }

  public func work(length: Int) -> LayerWork {
    LayerWork(operations: 2 * length * width * vocabulary, outputs: length * vocabulary)
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: width)
  }

  public func makeLayer(in context: LayerContext) -> any Layer {
    LanguageHeadLayer(self, in: context)
  }
}

final class LanguageHeadLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int

  private let vocabulary: Int
  private let width: Int
  /// Words that an adapter adds, their vectors, and floats of a row of logits.
  private let added: Int
  private let addedSlot: ParameterSlot?
  private let stride: Int
  private let base: ParameterSlot
  private let slot: ParameterSlot?
  private let logits: FloatBuffer
  private let gradient: FloatBuffer
  private var frozen = FrozenParameters(base: [], factors: [])
  private var forwardPanels: Panels
  private var backwardPanels: Panels?
  private let addedPanels: Panels
  private let addedBackward: Panels
  private let tiedPanels: Panels
  private let cross: FloatBuffer
  private let norms: GramNorm?

  init(_ spec: LanguageHeadSpec, in context: LayerContext) {
    vocabulary = spec.vocabulary
    width = spec.width
    let rows = context.plan.softRows
    added = rows?.words ?? 0
    addedSlot = rows.flatMap { rows in
      context.plan.slots.first { rows.words > 0 && $0.name.hasSuffix(".\(rows.tensor)") }
    }
    stride = spec.vocabulary + added
    addedPanels = Panels(depth: added > 0 ? width : 0, columns: added)
    addedBackward = Panels(depth: added, columns: added > 0 ? width : 0)
    inputStride = spec.width
    guard let base = context.plan.architecture.slot(spec.words) else {
      preconditionFailure("\(spec.words) is no tensor of the architecture")
    }
    self.base = base
    slot = context.plan.trainedSlot(spec.words)
    input = FloatBuffer(count: context.rows * spec.width)
    inputGradient = FloatBuffer(count: context.handsDown ? context.rows * spec.width : 0)
    logits = context.output
    gradient = context.outputGradient
    let isTrained = slot != nil
    forwardPanels = isTrained ? Panels(depth: width, columns: vocabulary) : Panels(count: 0)
    backwardPanels = isTrained ? Panels(depth: vocabulary, columns: width) : nil
    tiedPanels = Panels(
      depth: isTrained ? max(context.rows, width) : 0, columns: max(width, context.longest))
    cross = FloatBuffer(count: isTrained ? context.longest * context.longest : 0)
    norms =
      isTrained
      ? context.workspace.gramNorm(longest: context.longest, widest: max(vocabulary, width)) : nil
    context.workspace.tied[spec.words] = self
  }

  func load(frozen: FrozenParameters) {
    self.frozen = frozen
    guard slot == nil else { return }
    forwardPanels = frozen.packed.panels(of: base, in: frozen.base, transposed: true)
    backwardPanels = nil
  }

  func load(trainable: [Float]) {
    if let added = addedSlot {
      addedPanels.pack(
        trainable, at: added.offset, rows: added.rows, columns: width, transposed: true)
      addedBackward.pack(
        trainable, at: added.offset, rows: added.rows, columns: width, transposed: false)
    }
    guard let slot else { return }
    forwardPanels.pack(
      trainable, at: slot.offset, rows: vocabulary, columns: width, transposed: true)
    backwardPanels?.pack(
      trainable, at: slot.offset, rows: vocabulary, columns: width, transposed: false)
  }

  private func view(_ buffer: FloatBuffer, _ rows: Range<Int>, _ columns: Int) -> MatrixView {
    MatrixView(buffer, at: rows.lowerBound * columns, rows: rows.count, columns: columns)
  }

  /// Logits (or their gradient) of the model's own words, and of those that an adapter adds.
  private func ownView(_ buffer: FloatBuffer, _ rows: Range<Int>) -> MatrixView {
    MatrixView(
      buffer, at: rows.lowerBound * stride, rows: rows.count, columns: vocabulary, stride: stride)
  }

  private func addedView(_ buffer: FloatBuffer, _ rows: Range<Int>) -> MatrixView {
    MatrixView(
      buffer, at: rows.lowerBound * stride + vocabulary, rows: rows.count, columns: added,
      stride: stride)
  }

  func forward(_ tile: Tile) {
    let rows = 0..<tile.rows
    chainMultiply(view(input, rows, width), by: forwardPanels, into: ownView(logits, rows))
    guard added > 0 else { return }
    chainMultiply(view(input, rows, width), by: addedPanels, into: addedView(logits, rows))
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    guard needsInputGradient else { return }
    let panels =
      backwardPanels ?? frozen.packed.panels(of: base, in: frozen.base, transposed: false)
    backwardPanels = panels
    let rows = 0..<tile.rows
    let target = view(inputGradient, rows, width)
    chainMultiply(ownView(gradient, rows), by: panels, into: target)
    guard added > 0 else { return }
    chainMultiply(addedView(gradient, rows), by: addedBackward, start: .target, into: target)
  }

  /// Adds an example's gradient of the added words' vectors on this side: Σ_t p_t h_tᵀ, row by row.
  func addWordGradient(_ rows: Range<Int>, to gradients: FloatBuffer, at offset: Int) {
    for word in 0..<added {
      for row in rows {
        gradients.addScaled(
          gradient[row * stride + vocabulary + word], input, at: row * width,
          to: offset + word * width, count: width)
      }
    }
  }

  /// What the output side adds to ‖∂loss/∂words‖² of an example: ‖Σ p_t h_tᵀ‖² and twice the
  /// product with the input side Σ onehot(id_t) e_tᵀ.
  func tiedSquare(_ rows: Range<Int>, tokens: IndexBuffer, inputSide: FloatBuffer) -> Double {
    guard let norms, !rows.isEmpty else { return 0 }
    let h = view(input, rows, width)
    let p = view(gradient, rows, vocabulary)
    let own = norms.squaredNorm(h, p, withBias: false)
    tiedPanels.pack(transposeOf: view(inputSide, rows, width))
    chainMultiply(h, by: tiedPanels, into: MatrixView(cross, rows: rows.count, columns: rows.count))
    var (mixed, size) = (0.0, 0.0)
    for (u, row) in rows.enumerated() {
      for (t, other) in rows.enumerated() {
        let part =
          Double(gradient[row * vocabulary + Int(tokens[other])])
          * Double(cross[u * rows.count + t])
        mixed += part
        size += abs(part)
      }
    }
    // As for the norms themselves: never shorter than the gradient by the rounding of what cancels.
    return own + 2 * mixed + size * 0x1p-21
  }

  /// Adds Σ c_i p_t h_tᵀ to a sum of the table's shape.
  func addTied(_ tile: Tile, coefficients: [Float], to sum: FloatBuffer) {
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      let (first, count) = (rows.lowerBound, rows.count)
      if coefficients[i] == 0 {
        gradient.clear(at: first * vocabulary, count: count * vocabulary)
        input.clear(at: first * width, count: count * width)
      } else {
        gradient.scale(by: coefficients[i], at: first * vocabulary, count: count * vocabulary)
      }
    }
    let rows = 0..<tile.rows
    tiedPanels.pack(view(input, rows, width))
    chainMultiply(
      transposeOf: view(gradient, rows, vocabulary), by: tiedPanels, start: .target,
      into: MatrixView(sum, rows: vocabulary, columns: width))
  }

  /// Measured and summed by the embedding, whose table it is.
  func squaredNorm(of example: Int) -> Double { 0 }
  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {}
  func drainSum(into total: inout [Float]) {}
}
