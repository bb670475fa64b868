// A tiny GPT-2 against golden values.

import Foundation
import Kernels
import Learning
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
}
