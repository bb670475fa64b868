// A tiny GPT-2 against golden values.

import Foundation
import Kernels
import Learning
import Tensors
import TestSupport
import Testing

@Suite("GPT-2")
struct GPTTests {
  let golden: TransformerGolden.Decoder
  let texts: Texts

  init() throws {
    golden = try TransformerGolden.load().decoder
    texts = Texts(
      tokens: golden.examples.map(\.ids), labels: golden.examples.map { _ in 0 })
  }

  private func network(
    whole: Bool, objective: any Objective = NextTokenLoss()
  ) throws -> (network: Network, theta: [Float]) {
    let model = try TransformerGolden.gpt(objective: objective)
    let adapter = LoRAConfiguration(
      rank: 2, loraAlpha: 4, targetModules: ["c_attn"], trained: .both)
    let adapted = try TrainingPlan(architecture: model, adapter: adapter)
    let factors = TransformerGolden.fill(adapted.slots, from: golden.tensors)
    let known = Dictionary(uniqueKeysWithValues: golden.tensors.map { ($0.name, $0) })
    let base = try model.parameters(seed: 1) { known[$0]?.values[...] }
    let frozen = FrozenParameters(base: base, factors: [])
    let theta = whole ? adapted.merged(frozen: frozen, trainable: factors) : factors
    let plan = whole ? try TrainingPlan(architecture: model) : adapted
    let network = Network(plan: plan, tile: 4, rows: 32)
    network.load(frozen: frozen)
    network.load(trainable: theta)
    return (network, theta)
  }

  @Test("logits, losses and perplexities")
  func forward() throws {
    let recorder = OutputRecorder()
    let (recording, _) = try network(whole: false, objective: Recording(recorder: recorder))
    _ = recording.evaluate(texts)
    let (network, _) = try network(whole: false)
    var losses: [Double] = []
    _ = network.evaluate(texts, lossObserver: { _, loss in losses.append(loss) })
    for (i, example) in golden.examples.enumerated() {
      #expect(distance(Array((recorder.outputs[i] ?? []).suffix(30)), example.lastLogits) < 2e-5)
      #expect(isClose(losses[i], example.loss, relative: 1e-5))
      #expect(isClose(exp(losses[i]), example.perplexity, relative: 5e-5))
    }
  }

  @Test("norms of low-rank factors")
  func lowRank() throws {
    let (network, theta) = try network(whole: false)
    for (i, example) in golden.examples.enumerated() {
      var gradient = [Float](repeating: 0, count: theta.count)
      _ = network.addClippedSum(
        of: texts, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &gradient
      ) { _, norm in #expect(isClose(norm, example.loraNorm, relative: 1e-4)) }
      for (name, expected) in example.loraGradNorms {
        let slot = try #require(network.plan.trainedSlot(name))
        #expect(isClose(norm(Array(gradient[slot.range])), expected, relative: 1e-4), "\(name)")
      }
    }
  }

  @Test("norms of every tensor, the tied word table with both its uses")
  func whole() throws {
    let (network, theta) = try network(whole: true)
    for (i, example) in golden.examples.enumerated() {
      var gradient = [Float](repeating: 0, count: theta.count)
      var measured = 0.0
      _ = network.addClippedSum(
        of: texts, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &gradient
      ) { _, norm in measured = norm }
      #expect(example.baseGradNorms.count == 28)
      for (name, expected) in example.baseGradNorms {
        let slot = try #require(network.plan.trainedSlot(name))
        #expect(isClose(norm(Array(gradient[slot.range])), expected, relative: 1e-4), "\(name)")
      }
      let square = example.baseGradNorms.values.reduce(0) { $0 + $1 * $1 }
      #expect(isClose(norm(gradient), square.squareRoot(), relative: 1e-4))
      #expect(isClose(measured, square.squareRoot(), relative: 1e-4))
      #expect(isClose(square + pow2(example.loraNorm), pow2(example.fullNorm), relative: 1e-6))
    }
  }

  @Test("pretrained tensors take their places, fresh ones are drawn, wrong sizes are refused")
  func pretrained() throws {
    let bert = try TransformerGolden.bert()
    let fresh = bert.initialParameters(seed: 3)
    let filled = try bert.parameters(seed: 3) { name in
      name.hasPrefix("classifier")
        ? nil : ArraySlice([Float](repeating: 2, count: bert.slot(name)?.count ?? 0))
    }
    for slot in bert.slots {
      let isHead = slot.name.hasPrefix("classifier")
      #expect(
        filled[slot.range].elementsEqual(
          isHead ? fresh[slot.range] : [Float](repeating: 2, count: slot.count)[...]))
    }
    #expect(throws: ArchitectureError.self) { try bert.parameters(seed: 3) { _ in [1, 2] } }
  }

  @Test("a text without a prediction has no loss and no gradient")
  func single() throws {
    for whole in [false, true] {
      let (network, theta) = try network(whole: whole)
      var gradient = [Float](repeating: 0, count: theta.count)
      let statistics = network.addClippedSum(
        of: Texts(tokens: [[3]], labels: [0]), at: [0], clipping: .none, to: &gradient)
      #expect(statistics.loss == 0)
      #expect(gradient.allSatisfy { $0 == 0 })
    }
  }

  @Test("counted positions alone make loss and gradient")
  func countedPositions() throws {
    let tokens: [Int32] = [4, 9, 1, 17, 29, 2, 7, 8]
    let recorder = OutputRecorder()
    let (recording, _) = try network(whole: false, objective: Recording(recorder: recorder))
    _ = recording.evaluate(Texts(tokens: [tokens], labels: [0]))
    let logits = try #require(recorder.outputs[0])
    let expected = [2, 5].map { position in
      let row = logits[(position - 1) * 30..<position * 30].map(Double.init)
      return log(row.reduce(0) { $0 + exp($1) }) - row[Int(tokens[position])]
    }
    let (network, _) = try network(
      whole: false, objective: NextTokenLoss(from: 2, every: 3))
    var loss = 0.0
    _ = network.evaluate(Texts(tokens: [tokens], labels: [0]), lossObserver: { loss = $1 })
    #expect(isClose(loss, (expected[0] + expected[1]) / 2, relative: 1e-5))
  }

  @Test("a decoder trained from scratch learns to copy")
  func scratch() throws {
    // Two tokens in turn: which two, only the text itself tells.
    var stream = RandomStream(seed: 5, purpose: .test)
    let texts = Texts(
      tokens: (0..<160).map { _ in
        let (a, b) = (Int32(stream.next() % 8), Int32(stream.next() % 8))
        return [8, a, b, a, b, a, b, a]
      }, labels: [Int](repeating: 0, count: 160))
    let model = try Architecture.gpt(
      GPT2Configuration(
        vocabularySize: 9, width: 16, blocks: 2, heads: 2, innerWidth: 32, positions: 8),
      maximumTokens: 8, objective: NextTokenLoss(from: 3))
    let network = Network(plan: try TrainingPlan(architecture: model), tile: 16, rows: 128)
    var theta = model.initialParameters(seed: 2)
    network.load(frozen: FrozenParameters(base: theta, factors: []))
    network.load(trainable: theta)
    func perplexity() -> Double {
      let statistics = network.evaluate(texts)
      return exp(statistics.loss / Double(statistics.examples))
    }
    #expect(perplexity() > 7)
    var first = [Float](repeating: 0, count: theta.count)
    var second = first
    for step in 1...120 {
      var sum = [Float](repeating: 0, count: theta.count)
      let positions = (0..<32).map { _ in Int(stream.next() % 160) }
      _ = network.addClippedSum(of: texts, at: positions, clipping: .none, to: &sum)
      // Adam.
      let rate = 0.01 * (1 - pow(0.98, Float(step))).squareRoot() / (1 - pow(0.9, Float(step)))
      for i in theta.indices {
        let g = sum[i] / 32
        first[i] = 0.9 * first[i] + 0.1 * g
        second[i] = 0.98 * second[i] + 0.02 * g * g
        theta[i] -= rate * first[i] / (second[i].squareRoot() + 1e-8)
      }
      network.load(trainable: theta)
    }
    #expect(perplexity() < 1.5)
  }
}
