// A tiny BERT against golden values: states, logits, gradients of each tensor, norms, clipped sums.

import Kernels
import Learning
import TestSupport
import Testing

@Suite("BERT")
struct BERTTests {
  let golden: TransformerGolden
  let texts: Texts

  init() throws {
    golden = try TransformerGolden.load()
    texts = Texts(tokens: golden.examples.map(\.ids), labels: golden.examples.map(\.label))
  }

  static func lora(
    _ trained: TrainedFactors, targets: [String] = ["query", "value"], rank: Int = 2,
    head: Bool = true
  ) -> LoRAConfiguration {
    LoRAConfiguration(
      rank: rank, loraAlpha: 2 * Double(rank), targetModules: targets, trained: trained,
      modulesToSave: head ? ["classifier"] : [])
  }

  /// A network with golden weights.
  private func network(
    _ adapter: LoRAConfiguration?, objective: (any Objective)? = nil, rows: Int = 64
  ) throws -> (network: Network, theta: [Float]) {
    let model = try TransformerGolden.bert(objective: objective)
    let plan = try TrainingPlan(architecture: model, adapter: adapter)
    let network = Network(plan: plan, tile: 4, rows: rows)
    var base = TransformerGolden.fill(model.slots, from: golden.tensors)
    if adapter == nil {
      // The golden gradients of base tensors are taken beside the adapters: merged they are the
      // same.
      let adapted = try TrainingPlan(architecture: model, adapter: Self.lora(.both))
      base = adapted.merged(
        frozen: FrozenParameters(base: base, factors: []),
        trainable: TransformerGolden.fill(adapted.slots, from: golden.tensors))
    }
    network.load(
      frozen: FrozenParameters(
        base: base,
        factors: TransformerGolden.fill(plan.frozenFactorSlots, from: golden.tensors)))
    let theta =
      adapter == nil ? base : TransformerGolden.fill(plan.slots, from: golden.tensors)
    network.load(trainable: theta)
    return (network, theta)
  }

  @Test("states, pooled vectors and logits")
  func forward() throws {
    let recorder = OutputRecorder()
    let (network, _) = try network(Self.lora(.both), objective: Recording(recorder: recorder))
    for (i, example) in golden.examples.enumerated() {
      _ = network.evaluate(Texts(tokens: [example.ids], labels: [0]))
      #expect(distance(recorder.outputs[0] ?? [], example.logits) < 1e-5, "example \(i)")
      #expect(
        distance(network.layers[4].input.array(count: 16), example.meanPooled) < 1e-5)
      for state in example.states {
        let values = network.layers[state.after + 1].input.array(count: example.ids.count * 16)
        #expect(isClose(norm(values), state.norm, relative: 1e-5))
        #expect(
          isClose(values.reduce(0) { $0 + Double($1) }, state.sum, absolute: 1e-5 * state.norm))
      }
    }
  }

  @Test("losses")
  func losses() throws {
    let (network, _) = try network(Self.lora(.both))
    var losses: [Double] = []
    _ = network.evaluate(texts, lossObserver: { _, loss in losses.append(loss) })
    for (loss, example) in zip(losses, golden.examples) {
      #expect(isClose(loss, example.loss, relative: 1e-5))
    }
  }

  /// Golden keys are `layer0.query.A`; ours `encoder.layer.0.attention.self.query.lora_A`.
  private func factor(_ key: String, of plan: TrainingPlan) -> ParameterSlot? {
    let parts = key.split(separator: ".")
    return plan.trainedSlot(
      "encoder.layer.\(parts[0].dropFirst(5)).attention.self.\(parts[1]).lora_\(parts[2])")
  }

  @Test("gradients of low-rank factors and head, example by example")
  func lowRank() throws {
    let (network, theta) = try network(Self.lora(.both))
    for (i, example) in golden.examples.enumerated() {
      var gradient = [Float](repeating: 0, count: theta.count)
      var measured = 0.0
      _ = network.addClippedSum(
        of: texts, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &gradient
      ) { _, norm in measured = norm }
      #expect(example.loraGrads.count == 8)
      for (key, rows) in example.loraGrads {
        let slot = try #require(factor(key, of: network.plan))
        #expect(
          distance(Array(gradient[slot.range]), rows.flatMap { $0 }) < 2e-5, "\(key) of \(i)")
      }
      #expect(isClose(measured, example.trainableNorm, relative: 2e-5))
      #expect(isClose(norm(gradient), example.trainableNorm, relative: 2e-5))
    }
  }

  @Test("with A frozen the norm is that of B and head; the head alone")
  func frozenFactor() throws {
    for (i, example) in golden.examples.enumerated() {
      let bSquare = pow2(example.bAndHeadNorm) - pow2(example.headGradNorm)
      let aSquare = pow2(example.trainableNorm) - bSquare
      for (trained, square) in [
        (TrainedFactors.b, pow2(example.bAndHeadNorm)), (.a, aSquare),
      ] {
        let (network, theta) = try network(Self.lora(trained))
        var gradient = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(
          of: texts, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &gradient
        ) { _, norm in #expect(isClose(norm, square.squareRoot(), relative: 2e-5)) }
        #expect(isClose(norm(gradient), square.squareRoot(), relative: 2e-5))
      }
    }
  }

  @Test("gradients of every tensor of the model trained whole")
  func whole() throws {
    let (network, theta) = try network(nil)
    for (i, example) in golden.examples.enumerated() {
      var gradient = [Float](repeating: 0, count: theta.count)
      var measured = 0.0
      _ = network.addClippedSum(
        of: texts, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &gradient
      ) { _, norm in measured = norm }
      #expect(example.baseGradNorms.count == 37)
      for (name, expected) in example.baseGradNorms {
        let slot = try #require(network.plan.trainedSlot(name))
        #expect(
          isClose(
            norm(Array(gradient[slot.range])), expected, relative: 2e-5,
            absolute: 2e-7 * example.fullNorm), "\(name) of \(i)")
      }
      let lora = example.loraGradNorms.values.reduce(0) { $0 + $1 * $1 }
      let expected = (pow2(example.fullNorm) - lora).squareRoot()
      #expect(isClose(norm(gradient), expected, relative: 2e-5))
      #expect(isClose(measured, expected, relative: 2e-5))
    }
  }

  @Test("the clipped sum over the four examples")
  func clippedSum() throws {
    let (network, theta) = try network(Self.lora(.both))
    var sum = [Float](repeating: 0, count: theta.count)
    let statistics = network.addClippedSum(
      of: texts, at: Array(0..<texts.count),
      clipping: .flat(maxGradNorm: golden.clippedSum.clip), to: &sum)
    #expect(statistics.examples == texts.count && statistics.notFinite == 0)
    for (key, rows) in golden.clippedSum.lora {
      let slot = try #require(factor(key, of: network.plan))
      // Clipping leaves a margin of 2e-5.
      #expect(distance(Array(sum[slot.range]), rows.flatMap { $0 }) < 5e-5, "\(key)")
    }
    let head = try #require(network.plan.trainedSlot("classifier.weight"))
    #expect(
      distance(Array(sum[head.range]), golden.clippedSum.classifierWeight.flatMap { $0 }) < 5e-5)
    let bias = try #require(network.plan.trainedSlot("classifier.bias"))
    #expect(distance(Array(sum[bias.range]), golden.clippedSum.classifierBias) < 5e-5)
    #expect(isClose(norm(sum), golden.clippedSum.norm, relative: 5e-5))
  }
}

func pow2(_ x: Double) -> Double { x * x }
