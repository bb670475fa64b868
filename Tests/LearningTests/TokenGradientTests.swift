// Gradients of transformers on packed texts: against central differences and loops over single
// examples, and the same bits whatever stands beside an example.

import Foundation
import Kernels
import Learning
import Tensors
import TestSupport
import Testing

/// A small language model with a choice of what is trained.
struct TokenCase: CustomTestStringConvertible, Sendable {
  let name: String
  let plan: TrainingPlan
  var testDescription: String { name }

  static let everyBERTHost = [
    "query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense",
  ]

  static func all() throws -> [TokenCase] {
    func bert(_ pooling: PoolingKind) throws -> Architecture {
      try .bert(
        BERTConfiguration(
          vocabularySize: 40, width: 16, blocks: 2, heads: 2, innerWidth: 28, positions: 14,
          layerNormEpsilon: 1e-5),
        maximumTokens: 12, pooling: pooling, classes: 3)
    }
    let gpt = try Architecture.gpt(
      GPT2Configuration(
        vocabularySize: 20, width: 12, blocks: 2, heads: 3, innerWidth: 20, positions: 12),
      maximumTokens: 12)
    func lora(_ trained: TrainedFactors, _ targets: [String], rank: Int, head: Bool = true)
      -> LoRAConfiguration
    {
      LoRAConfiguration(
        rank: rank, loraAlpha: 3, targetModules: targets, trained: trained,
        modulesToSave: head ? ["classifier"] : [])
    }
    func test(
      _ name: String, _ model: Architecture, _ adapter: LoRAConfiguration? = nil
    ) throws -> TokenCase {
      TokenCase(name: name, plan: try TrainingPlan(architecture: model, adapter: adapter))
    }
    return [
      try test("BERT, whole, mean", bert(.mean)),
      try test("BERT, whole, pooler", bert(.pooler)),
      try test("BERT, whole, cls", bert(.cls)),
      try test("BERT, A and B everywhere", bert(.mean), lora(.both, everyBERTHost, rank: 5)),
      try test("BERT, B on query and value", bert(.mean), lora(.b, ["query", "value"], rank: 2)),
      try test("BERT, A on query and value", bert(.cls), lora(.a, ["query", "value"], rank: 9)),
      try test(
        "BERT, last block, pooler too", bert(.pooler),
        lora(.both, ["layer.1.attention.self.value", "pooler.dense"], rank: 3)),
      try test(
        "BERT, a feed-forward part", bert(.mean),
        lora(.both, ["layer.0.output.dense"], rank: 3, head: false)),
      try test("BERT, head", bert(.mean), lora(.both, ["classifier"], rank: 2, head: false)),
      try test("GPT, whole", gpt),
      try test(
        "GPT, everywhere", gpt,
        lora(.both, ["c_attn", "c_proj", "c_fc"], rank: 4, head: false)),
      try test("GPT, last block, B", gpt, lora(.b, ["h.1.attn.c_attn"], rank: 2, head: false)),
    ] + (try adapters(bert(.mean), gpt))
  }

  var isGPT: Bool { plan.architecture.name == "gpt" }

  /// Random parameters of a size at which every path carries a gradient.
  func prepared(rows: Int = 40) -> (network: Network, theta: [Float]) {
    let (base, factors, theta) = values()
    let network = Network(plan: plan, tile: 4, rows: rows)
    network.load(frozen: FrozenParameters(base: base, factors: factors))
    network.load(trainable: theta)
    return (network, theta)
  }

  func values() -> (base: [Float], factors: [Float], theta: [Float]) {
    var stream = RandomStream(seed: 9, purpose: .test)
    func draw(_ slots: [ParameterSlot]) -> [Float] {
      slots.flatMap { slot in
        let isNorm =
          slot.name.contains("LayerNorm.w")
          || slot.name.contains("ln_") && slot.name.hasSuffix("weight")
        return (0..<slot.count).map { _ in
          Float((isNorm ? 1 : 0) + 0.3 * stream.nextGaussian())
        }
      }
    }
    let base = draw(plan.architecture.slots)
    return (base, draw(plan.frozenFactorSlots), plan.adapter == nil ? base : draw(plan.slots))
  }

  /// Texts of all lengths, mixed; one of equal tokens.
  func texts() -> Texts {
    var texts = Texts(
      lengths: [3, 12, 1, 7, 2, 9, 5, 12, 1, 4, 11, 6, 8, 10], vocabulary: isGPT ? 20 : 40,
      classes: 3, seed: 4)
    texts.tokens[6] = [5, 5, 5, 5, 5]
    return texts
  }
}

@Suite("Gradients on texts")
struct TokenGradientTests {
  private func single(_ network: Network, _ texts: Texts, _ i: Int, count: Int) -> [Float] {
    var gradient = [Float](repeating: 0, count: count)
    _ = network.addClippedSum(of: texts, at: [i], clipping: .none, to: &gradient)
    return gradient
  }

  @Test("gradients are those of central differences", arguments: try TokenCase.all())
  func differences(_ test: TokenCase) throws {
    let (network, theta) = test.prepared()
    let texts = test.texts()
    for i in [2, 6, 12] where !(test.isGPT && texts.length(at: i) == 1) {
      let gradient = single(network, texts, i, count: theta.count)
      func loss(_ theta: [Float]) -> Double {
        network.load(trainable: theta)
        var loss = 0.0
        _ = network.evaluate(
          Texts(tokens: [texts.tokens[i]], labels: [texts.labels[i]]),
          lossObserver: { loss = $1 })
        return loss
      }
      // Along random directions: many coordinates at once, far above the rounding of a loss.
      var stream = RandomStream(seed: 2, purpose: .test, step: i)
      for slot in test.plan.slots {
        var direction = [Float](repeating: 0, count: theta.count)
        for j in slot.range { direction[j] = Float(stream.nextGaussian()) }
        let length = Float(norm(direction))
        let slope = zip(gradient, direction).reduce(0.0) {
          $0 + Double($1.0) * Double($1.1 / length)
        }
        func difference(_ h: Float) -> Double {
          let up = zip(theta, direction).map { $0 + h * $1 / length }
          let down = zip(theta, direction).map { $0 - h * $1 / length }
          return (loss(up) - loss(down)) / Double(2 * h)
        }
        // Richardson: the error of second order falls out.
        let expected = (4 * difference(0.01) - difference(0.02)) / 3
        #expect(
          isClose(slope, expected, relative: 2e-3, absolute: 3e-4 * max(1, norm(gradient))),
          "\(slot.name), example \(i)")
      }
      network.load(trainable: theta)
    }
  }

  @Test("a clipped sum is the sum of single gradients, clipped", arguments: try TokenCase.all())
  func naive(_ test: TokenCase) throws {
    let (network, theta) = test.prepared()
    let texts = test.texts()
    let singles = (0..<texts.count).map { single(network, texts, $0, count: theta.count) }
    let norms = singles.map { norm($0) }
    let bound = norms.sorted()[texts.count / 2] * 1.01
    var measured = [Double](repeating: 0, count: texts.count)
    var sum = [Float](repeating: 0, count: theta.count)
    let statistics = network.addClippedSum(
      of: texts, at: Array(0..<texts.count), clipping: .flat(maxGradNorm: Float(bound)), to: &sum
    ) { measured[$0] = $1 }
    var expected = [Double](repeating: 0, count: theta.count)
    for (gradient, length) in zip(singles, norms) {
      let factor = min(1, bound / max(length, 1e-30))
      for j in expected.indices { expected[j] += factor * Double(gradient[j]) }
    }
    let error = zip(sum, expected).reduce(0.0) { $0 + pow2(Double($1.0) - $1.1) }.squareRoot()
    #expect(error < 5e-5 * norm(sum))
    #expect(statistics.unclipped == norms.filter { $0 <= bound }.count)
    // Ghost or formed, a norm is that of the gradient itself, and never a smaller one.
    for (a, b) in zip(measured, norms) {
      #expect(isClose(a, b, relative: 1e-5, absolute: 1e-7))
      #expect(a >= b * (1 - 1e-6))
    }
  }

  @Test(
    "losses and norms have the same bits alone, in a tile, in another order",
    arguments: try TokenCase.all())
  func neighbours(_ test: TokenCase) throws {
    let texts = test.texts()
    func pass(rows: Int, _ positions: [Int]) -> (norms: [Int: Double], sum: [Float]) {
      let (network, theta) = test.prepared(rows: rows)
      var norms: [Int: Double] = [:]
      var sum = [Float](repeating: 0, count: theta.count)
      _ = network.addClippedSum(
        of: texts, at: positions, clipping: .flat(maxGradNorm: 0.5), to: &sum
      ) { norms[$0] = $1 }
      return (norms, sum)
    }
    let all = Array(0..<texts.count)
    let whole = pass(rows: 200, all)
    #expect(pass(rows: 40, all.reversed()).norms == whole.norms)
    for i in all { #expect(pass(rows: 12, [i]).norms[i] == whole.norms[i]) }
    // The sum of a tied table takes its two sides tile by tile.
    if test.name != "GPT, whole" {
      for rows in [12, 17, 64] { #expect(pass(rows: rows, all).sum == whole.sum) }
    }
  }

  @Test("a cache of what is frozen changes no bit", arguments: try TokenCase.all())
  func cache(_ test: TokenCase) throws {
    let (network, theta) = test.prepared()
    let texts = test.texts()
    guard let features = network.frozenFeatures(of: texts) else {
      #expect(test.plan.featureBytesPerRow == 0)
      return
    }
    let positions = [3, 0, 13, 7, 7, 2, 5]
    var sums: [[Float]] = []
    for features in [nil, features] {
      var sum = [Float](repeating: 0, count: theta.count)
      _ = network.addClippedSum(
        of: texts, at: positions, features: features, clipping: .flat(maxGradNorm: 0.5), to: &sum)
      sums.append(sum)
    }
    #expect(sums[0] == sums[1])
    #expect(network.evaluate(texts, features: features) == network.evaluate(texts))
  }

  @Test(
    "an example that is not finite counts as zero and spoils nothing",
    arguments: try TokenCase.all())
  func notFinite(_ test: TokenCase) throws {
    var (base, factors, theta) = test.values()
    let words = try #require(
      test.plan.architecture.slot(test.isGPT ? "wte.weight" : "embeddings.word_embeddings.weight"))
    // With tied outputs the word's logit is not finite for anybody: the position table instead.
    let places = try #require(
      test.plan.architecture.slot(
        test.isGPT ? "wpe.weight" : "embeddings.position_embeddings.weight"))
    let slot = test.isGPT ? places : words
    let row = test.isGPT ? 11 : 39
    base[slot.offset + row * slot.columns + 2] = .infinity
    if test.plan.adapter == nil { theta = base }
    let network = Network(plan: test.plan, tile: 4, rows: 40)
    network.load(frozen: FrozenParameters(base: base, factors: factors))
    network.load(trainable: theta)
    var texts = Texts(lengths: [3, 12, 4], vocabulary: 19, classes: 3, seed: 8)
    texts.tokens[1][4] = test.isGPT ? 4 : 39
    var sum = [Float](repeating: 0, count: theta.count)
    var without = sum
    let statistics = network.addClippedSum(
      of: texts, at: [0, 1, 2], clipping: .flat(maxGradNorm: 0.5), to: &sum)
    _ = network.addClippedSum(
      of: texts, at: [0, 2], clipping: .flat(maxGradNorm: 0.5), to: &without)
    #expect(statistics.notFinite == 1)
    #expect(sum == without)
    #expect(sum.contains { $0 != 0 })
  }

  @Test("a text without tokens touches no other", arguments: try TokenCase.all())
  func empty(_ test: TokenCase) {
    let (network, theta) = test.prepared()
    let full = Texts(lengths: [3, 5], vocabulary: 20, classes: 3, seed: 8)
    let texts = Texts(tokens: [full.tokens[0], [], full.tokens[1], []], labels: [0, 1, 2, 0])
    func norms(_ positions: [Int]) -> [Int: Double] {
      var norms: [Int: Double] = [:]
      var sum = [Float](repeating: 0, count: theta.count)
      let statistics = network.addClippedSum(
        of: texts, at: positions, clipping: .flat(maxGradNorm: 0.5), to: &sum
      ) { norms[$0] = $1 }
      #expect(statistics.notFinite == 0 && sum.allSatisfy(\.isFinite))
      return norms
    }
    let all = norms([0, 1, 2, 3])
    #expect(norms([0])[0] == all[0] && norms([2])[2] == all[2] && norms([1])[1] == all[1])
  }

  @Test("sizes that do not fit are refused")
  func refusals() {
    let odd = BERTConfiguration(
      vocabularySize: 40, width: 15, blocks: 1, heads: 2, innerWidth: 8, positions: 8)
    #expect(throws: ArchitectureError.self) {
      try Architecture.bert(odd, maximumTokens: 8, classes: 2)
    }
    let short = GPT2Configuration(
      vocabularySize: 40, width: 16, blocks: 1, heads: 2, innerWidth: 8, positions: 8)
    #expect(throws: ArchitectureError.self) { try Architecture.gpt(short, maximumTokens: 9) }
  }
}
