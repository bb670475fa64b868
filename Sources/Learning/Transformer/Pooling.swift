// From the tokens of a text to one vector.

import Kernels

/// How a text's vectors become one.
public enum PoolingKind: String, Sendable, Hashable, CaseIterable {
  /// The mean over the text's own tokens.
  case mean
  /// The first token's vector.
  case cls
  /// tanh(W x + b) of the first token's vector: BERT's pooler.
  case pooler
}

public struct PoolingSpec: LayerSpec, Hashable {
  public let name = "pooler"
  public let kind: PoolingKind
  public let width: Int

  public init(_ kind: PoolingKind, width: Int) {
    self.kind = kind
    self.width = width
  }

  public var rows: RowKind { .token }

  public var hosts: [HostSpec] {
    kind == .pooler ? [HostSpec("pooler.dense", rows: width, columns: width)] : []
  }

  public var tensors: [TensorSpec] { hosts.flatMap(linearTensors) }

  public func work(length: Int) -> LayerWork {
    LayerWork(
      operations: kind == .pooler ? 2 * width * width : length * width, outputs: width)
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: width)
  }

  public func makeLayer(in context: LayerContext) -> any Layer { PoolingLayer(self, in: context) }
}

final class PoolingLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int

  private let kind: PoolingKind
  private let width: Int
  /// Rows of a soft prompt in front of every text: they are no part of what is pooled.
  private let prompt: Int
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  private let dense: LinearHost?
  /// The first tokens' vectors, and ∂loss/∂ of what the pooler makes of them.
  private let first: FloatBuffer
  private let slope: FloatBuffer
  private let firstSlope: FloatBuffer
  private var singles: Tile

  init(_ spec: PoolingSpec, in context: LayerContext) {
    kind = spec.kind
    width = spec.width
    prompt = context.plan.softRows?.count ?? 0
    inputStride = spec.width
    input = FloatBuffer(count: context.rows * width)
    inputGradient = FloatBuffer(count: context.handsDown ? context.rows * width : 0)
    output = context.output
    outputGradient = context.outputGradient
    dense = spec.hosts.first.map { LinearHost($0, rows: context.examples, in: context) }
    let count = dense == nil ? 0 : context.examples * width
    first = FloatBuffer(count: count)
    slope = FloatBuffer(count: count)
    firstSlope = FloatBuffer(count: count)
    singles = Tile(examples: context.examples)
  }

  func load(frozen: FrozenParameters) { dense?.load(frozen: frozen) }
  func load(trainable: [Float]) { dense?.load(trainable: trainable) }

  private func view(_ buffer: FloatBuffer, _ tile: Tile) -> MatrixView {
    MatrixView(buffer, rows: tile.count, columns: width)
  }

  func forward(_ tile: Tile) {
    for i in 0..<tile.count {
      let rows = tile.rows(of: i).dropFirst(prompt)
      guard !rows.isEmpty else {
        // Without tokens there is nothing to pool.
        (dense == nil ? output : first).clear(at: i * width, count: width)
        continue
      }
      switch kind {
      case .mean:
        TokenRows.sum(
          input, rows: rows, stride: width, width: width, factor: 1 / Float(rows.count),
          into: output, at: i * width)
      case .cls: output.copy(width, from: input, at: rows.lowerBound * width, to: i * width)
      case .pooler: first.copy(width, from: input, at: rows.lowerBound * width, to: i * width)
      }
    }
    guard let dense else { return }
    singles.becomeSingles(of: tile)
    dense.forward(view(first, tile), view(output, tile), tile: singles)
    output.hyperbolicTangent(count: tile.count * width)
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    var upper = outputGradient
    if let dense {
      slope.copy(tile.count * width, from: outputGradient, at: 0, to: 0)
      slope.multiplyByTanhSlope(of: output, count: tile.count * width)
      dense.backward(
        view(first, tile), gradient: view(slope, tile),
        inputGradient: needsInputGradient ? view(firstSlope, tile) : nil, adding: false,
        tile: singles)
      upper = firstSlope
    }
    guard needsInputGradient else { return }
    for i in 0..<tile.count {
      let rows = tile.rows(of: i).dropFirst(prompt)
      inputGradient.clear(at: (rows.lowerBound - prompt) * width, count: prompt * width)
      guard !rows.isEmpty else { continue }
      if kind == .mean {
        TokenRows.spread(
          upper, at: i * width, factor: 1 / Float(rows.count), width: width, into: inputGradient,
          rows: rows)
      } else {
        inputGradient.clear(at: rows.lowerBound * width, count: rows.count * width)
        inputGradient.copy(width, from: upper, at: i * width, to: rows.lowerBound * width)
      }
    }
  }

  func squaredNorm(of example: Int) -> Double { dense?.squaredNorm(of: example) ?? 0 }

  var hasSharedSum: Bool { dense?.hasSharedSum ?? true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    dense?.accumulate(singles, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) { dense?.drainSum(into: &total) }
}
