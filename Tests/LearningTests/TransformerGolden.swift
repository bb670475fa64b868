// The reference values of tests of transformers: weights by a formula, and what an independent
// implementation in double precision makes of them.

import Foundation
import Kernels
import Learning
import Tensors
import TestSupport
import Testing

/// Texts as token ids.
struct Texts: ExampleSource {
  var tokens: [[Int32]]
  var labels: [Int]
  var count: Int { tokens.count }

  func label(at position: Int) -> Int { labels[position] }
  func length(at position: Int) -> Int { tokens[position].count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    for (i, id) in tokens[position].enumerated() { destination[i] = id }
  }

  /// Random texts of the given lengths.
  init(lengths: [Int], vocabulary: Int, classes: Int, seed: UInt64) {
    var stream = RandomStream(seed: seed, purpose: .test)
    tokens = lengths.map { length in
      (0..<length).map { _ in Int32(stream.next() % UInt64(vocabulary)) }
    }
    labels = lengths.map { _ in Int(stream.next() % UInt64(classes)) }
  }

  init(tokens: [[Int32]], labels: [Int]) {
    self.tokens = tokens
    self.labels = labels
  }
}

/// `transformer.json`, as far as these tests read it.
struct TransformerGolden: Decodable {
  struct Tensor: Decodable {
    let name: String
    let shape: [Int]
    let k: Int
    let scale: Double
    let onePlus: Bool
    let quadratic: Bool

    /// scale · sin(0.37 i + c i² + 1.7 k + 0.5), plus 1 where so said.
    var values: [Float] {
      let c = quadratic ? 0.11 : 0
      return (0..<shape.reduce(1, *)).map { i in
        let i = Double(i)
        return Float(
          scale * sin(0.37 * i + c * i * i + 1.7 * Double(k) + 0.5) + (onePlus ? 1 : 0))
      }
    }
  }

  struct State: Decodable {
    let after: Int
    let sum: Double
    let norm: Double
  }

  struct Example: Decodable {
    let ids: [Int32]
    let label: Int
    let meanPooled: [Double]
    let logits: [Double]
    let loss: Double
    let loraGradNorms: [String: Double]
    let loraGrads: [String: [[Double]]]
    let headGradNorm: Double
    let trainableNorm: Double
    let bAndHeadNorm: Double
    let fullNorm: Double
    let baseGradNorms: [String: Double]
    let states: [State]
  }

  struct ClippedSum: Decodable {
    let clip: Float
    let lora: [String: [[Double]]]
    let classifierWeight: [[Double]]
    let classifierBias: [Double]
    let norm: Double
  }

  struct DecoderExample: Decodable {
    let ids: [Int32]
    let loss: Double
    let perplexity: Double
    let lastLogits: [Double]
    let loraNorm: Double
    let loraGradNorms: [String: Double]
    let baseGradNorms: [String: Double]
    let fullNorm: Double
  }

  struct Decoder: Decodable {
    let tensors: [Tensor]
    let examples: [DecoderExample]
  }

  let tensors: [Tensor]
  let examples: [Example]
  let clippedSum: ClippedSum
  let decoder: Decoder

  static func load() throws -> TransformerGolden {
    let reader = JSONDecoder()
    reader.keyDecodingStrategy = .custom { path in
      // Names of tensors are keys too; only words joined by lines are turned.
      let key = path[path.count - 1].stringValue
      guard !key.contains("."), key.contains("_") else { return path[path.count - 1] }
      let parts = key.split(separator: "_")
      let turned = parts[0].description + parts.dropFirst().map(\.localizedCapitalized).joined()
      return TurnedKey(stringValue: turned)
    }
    return try reader.decode(
      TransformerGolden.self, from: Data(contentsOf: goldenFile("transformer.json")))
  }

  private struct TurnedKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// The tiny BERT.
  static func bert(objective: (any Objective)? = nil) throws -> Architecture {
    let model = try Architecture.bert(
      BERTConfiguration(
        vocabularySize: 50, width: 16, blocks: 2, heads: 4, innerWidth: 24, positions: 12),
      maximumTokens: 12, classes: 3)
    guard let objective else { return model }
    return Architecture(
      name: model.name, input: model.input, classes: model.classes, layers: model.layers,
      objective: objective)
  }

  /// The tiny GPT-2.
  static func gpt(objective: any Objective = NextTokenLoss()) throws -> Architecture {
    try Architecture.gpt(
      GPT2Configuration(
        vocabularySize: 30, width: 16, blocks: 2, heads: 4, innerWidth: 24, positions: 12),
      maximumTokens: 12, objective: objective)
  }

  /// Values for slots by name; 0 for those that the file does not have.
  static func fill(_ slots: [ParameterSlot], from tensors: [Tensor]) -> [Float] {
    let known = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
    return slots.flatMap { slot -> [Float] in
      guard let tensor = known[slot.name] else { return [Float](repeating: 0, count: slot.count) }
      return tensor.values
    }
  }
}

/// Keeps the outputs that it is shown, and makes no gradient.
final class OutputRecorder: @unchecked Sendable {
  var outputs: [Int: [Float]] = [:]
}

struct Recording: Objective {
  let recorder: OutputRecorder
  func score<Source: ExampleSource>(
    _ outputs: FloatBuffer, rows: Range<Int>, width: Int, source: Source, position: Int
  ) -> ExampleScore {
    recorder.outputs[position] = outputs.array(
      at: rows.lowerBound * width, count: rows.count * width)
    return ExampleScore(loss: 0, correct: 1)
  }
}

/// The largest difference between two vectors, relative to the second's norm.
func distance(_ a: [Float], _ b: [Double]) -> Double {
  let square = b.reduce(0) { $0 + $1 * $1 }
  let error = zip(a, b).map { abs(Double($0) - $1) }.max() ?? 0
  return error / max(square.squareRoot(), 1e-30)
}
