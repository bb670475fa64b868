// The real encoder against a reference forward pass in double precision. Without the model, which
// `tools/data minilm` fetches, it is skipped.

import Foundation
import Kernels
import Learning
import Tensors
import TestSupport
import Testing

private let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("data/minilm")
private let hasModel = FileManager.default.fileExists(
  atPath: folder.appendingPathComponent("model.safetensors").path)

private struct Sentence: ExampleSource {
  let ids: [Int32]
  var count: Int { 1 }
  func label(at position: Int) -> Int { 0 }
  func length(at position: Int) -> Int { ids.count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    for (i, id) in ids.enumerated() { destination[i] = id }
  }
}

private func norm(_ values: [Float]) -> Double {
  values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

@Suite("MiniLM")
struct MiniLMTests {
  private struct Golden: Decodable {
    struct State: Decodable {
      let after: Int
      let clsFirst4: [Double]
      let norm: Double
    }
    struct Embedding: Decodable {
      let ids: [Int32]
      let embedding: [Double]
      let pooledNorm: Double
      let states: [State]
    }
    let embeddings: [Embedding]
    /// Of each two of them, rounded to 1e-5.
    let cosines: [[Double]]
    let tolerance: Double
  }

  @Test(
    "embeddings of real sentences, and the state after every block",
    .enabled(if: hasModel, "run tools/data minilm"))
  func embeddings() throws {
    let reader = JSONDecoder()
    reader.keyDecodingStrategy = .convertFromSnakeCase
    let golden = try reader.decode(
      Golden.self, from: Data(contentsOf: goldenFile("minilm.json")))
    #expect(golden.embeddings.count == 7)
    let model = try Architecture.bert(
      BERTConfiguration(
        vocabularySize: 30_522, width: 384, blocks: 6, heads: 12, innerWidth: 1536, positions: 512),
      maximumTokens: 64, classes: 2)
    let weights = try PretrainedModel(folder: folder).parameters
    let plan = try TrainingPlan(
      architecture: model,
      adapter: LoRAConfiguration(rank: 2, loraAlpha: 2, targetModules: ["classifier"]))
    let network = Network(plan: plan)
    let base = try model.parameters(seed: 1) { weights[$0] }
    network.load(
      frozen: FrozenParameters(base: base, factors: plan.frozenFactors(seed: 1)))
    network.load(trainable: plan.initialTrainable(base: base, seed: 1))
    var directions: [[Double]] = []
    for (i, expected) in golden.embeddings.enumerated() {
      _ = network.evaluate(Sentence(ids: expected.ids))
      for state in expected.states {
        let values = network.layers[state.after + 1].input.array(count: expected.ids.count * 384)
        #expect(isClose(norm(values), state.norm, relative: 2e-5), "\(i) after \(state.after)")
        for (a, b) in zip(values, state.clsFirst4) {
          #expect(isClose(Double(a), b, absolute: 2e-5), "\(i) after \(state.after)")
        }
      }
      let pooled = network.layers[8].input.array(count: 384)
      #expect(isClose(norm(pooled), expected.pooledNorm, relative: golden.tolerance))
      for (a, b) in zip(pooled, expected.embedding) {
        #expect(isClose(Double(a) / norm(pooled), b, absolute: golden.tolerance), "\(i)")
      }
      directions.append(pooled.map { Double($0) / norm(pooled) })
    }
    for (first, row) in zip(directions, golden.cosines) {
      for (second, cosine) in zip(directions, row) {
        let found = zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(isClose(found, cosine, absolute: 2e-5))
      }
    }
  }
}
