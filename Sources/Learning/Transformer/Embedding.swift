// Tokens to vectors: rows of word, position and type tables added up, and layer normalisation where
// a model has it (BERT; GPT-2 has neither types nor a norm here).

import Kernels

public struct EmbeddingSpec: LayerSpec, Hashable {
  public let name: String
  public let vocabulary: Int
  public let positions: Int
  public let width: Int
  /// Names of the tables; types and norm are nil where there are none.
  public let words: String
  public let places: String
  public let types: String?
  public let typeCount: Int
  public let norm: String?
  public let epsilon: Float

  /// BERT's.
  public static func bert(
    vocabulary: Int, positions: Int, types: Int, width: Int, epsilon: Float
  ) -> EmbeddingSpec {
    EmbeddingSpec(
      name: "embeddings", vocabulary: vocabulary, positions: positions, width: width,
      words: "embeddings.word_embeddings.weight", places: "embeddings.position_embeddings.weight",
      types: "embeddings.token_type_embeddings.weight", typeCount: types,
      norm: "embeddings.LayerNorm", epsilon: epsilon)
  }

  /// GPT-2's.
  public static func gpt(vocabulary: Int, positions: Int, width: Int) -> EmbeddingSpec {
    EmbeddingSpec(
      name: "wte", vocabulary: vocabulary, positions: positions, width: width,
      words: "wte.weight", places: "wpe.weight", types: nil, typeCount: 0, norm: nil, epsilon: 0)
  }

  public var rows: RowKind { .token }

  public var tensors: [TensorSpec] {
    let start = TensorSpec.Start.gaussian(deviation: 0.02)
    return [
      TensorSpec(words, rows: vocabulary, columns: width, start: start),
      TensorSpec(places, rows: positions, columns: width, start: start),
    ] + (types.map { [TensorSpec($0, rows: typeCount, columns: width, start: start)] } ?? [])
      + (norm.map { NormPart.tensors($0, width: width) } ?? [])
  }

  public func work(length: Int) -> LayerWork {
    LayerWork(operations: 8 * length * width, outputs: length * width)
  }

  /// Never asked for: below it there is nothing.
  public func featureShape(_ mode: HostMode) -> FeatureShape { FeatureShape(.input, stride: 1) }

  public func makeLayer(in context: LayerContext) -> any Layer {
    EmbeddingLayer(self, in: context)
  }
}

final class EmbeddingLayer: Layer {
  let input = FloatBuffer(count: 0)
  let inputGradient = FloatBuffer(count: 0)
  let inputStride = 1

  private let width: Int
  private let tokens: IndexBuffer
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  private let norm: NormPart?
  private let table: EmbeddingTable
  /// Before the norm, and ∂loss/∂ of it.
  private let sums: FloatBuffer
  private let gradient: FloatBuffer
  private let head: LanguageHeadLayer?
  private let soft: SoftRowsPart?

  init(_ spec: EmbeddingSpec, in context: LayerContext) {
    width = spec.width
    output = context.output
    outputGradient = context.outputGradient
    tokens = IndexBuffer(count: context.rows)
    norm = spec.norm.map {
      NormPart(
        $0, width: spec.width, epsilon: spec.epsilon, keeps: context.hasGradient, in: context)
    }
    table = EmbeddingTable(spec, in: context)
    let count = context.rows * spec.width
    sums = spec.norm == nil ? output : context.workspace.scratch("branch", count: count)
    soft = SoftRowsPart(spec, in: context)
    gradient = FloatBuffer(count: table.isTrained || soft != nil ? count : 0)
    head = context.workspace.tied[spec.words]
  }

  func load(frozen: FrozenParameters) {
    table.load(frozen: frozen)
    soft?.load(frozen: frozen)
    norm?.load(frozen: frozen)
  }

  func load(trainable: [Float]) {
    table.load(trainable: trainable)
    soft?.load(trainable: trainable)
    norm?.load(trainable: trainable)
  }

  func stage<Source: ExampleSource>(
    _ source: Source, at position: Int, as index: Int, of tile: Tile
  ) {
    let rows = tile.rows(of: index)
    let own = soft?.ownCount(rows) ?? rows.count
    tokens.withMutableSpan(at: rows.lowerBound, count: own) {
      source.write(position, into: &$0)
    }
    soft?.spread(tokens, rows)
  }

  func forward(_ tile: Tile) {
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      table.embed(tokens, rows, firstPosition: tile.firstPosition, into: sums)
      soft?.write(rows, into: sums)
    }
    norm?.forward(tile, sums, residual: nil, output: output)
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    guard table.isTrained || soft != nil else {
      norm?.backward(tile, gradient: outputGradient, inputGradient: nil)
      return
    }
    if let norm {
      norm.backward(tile, gradient: outputGradient, inputGradient: gradient)
    } else {
      gradient.copy(tile.rows * width, from: outputGradient, at: 0, to: 0)
    }
    if table.isTrained { table.measure(tokens, gradient, tile, head: head) }
    soft?.measure(gradient, tile, head: head)
  }

  func squaredNorm(of example: Int) -> Double {
    table.squaredNorm(of: example) + (norm?.squaredNorm(of: example) ?? 0)
      + (soft?.squaredNorm(of: example) ?? 0)
  }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    norm?.accumulate(tile, coefficients: coefficients)
    table.accumulate(tokens, gradient, tile, coefficients: coefficients, head: head)
    soft?.accumulate(tile, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) {
    norm?.drainSum(into: &total)
    table.drainSum(into: &total)
    soft?.drainSum(into: &total)
  }
}
