// The learned mixture against what it must be: one expert is LoRA, equal weights are LoRA of all ranks together, and of
// the logits only the order decides who is kept.

import Kernels
import Learning
import TestSupport
import Testing

@Suite("Mixture of experts")
struct ExpertMixtureTests {
  private let model: Architecture
  private let base: [Float]
  private let texts = Texts(lengths: [4, 1, 9, 3], vocabulary: 50, classes: 3, seed: 6)
  private let targets = ["query", "output.dense"]

  init() throws {
    model = try TransformerGolden.bert()
    base = model.initialParameters(seed: 2)
  }

  private func mixture(
    _ experts: Int, rank: Int, level: ExpertMixtureAdapter.Level = .token, topK: Int? = nil,
    temperature: Double = 1
  ) throws -> TrainingPlan {
    try TrainingPlan(
      architecture: model,
      adapter: ExpertMixtureAdapter(
        experts: experts, rank: rank, loraAlpha: 3 * Double(rank), level: level, topK: topK,
        temperature: temperature, targetModules: targets))
  }

  /// Mean loss and the sum of gradients at θ.
  private func look(_ plan: TrainingPlan, _ theta: [Float]) -> (loss: Double, gradient: [Float]) {
    let network = Network(plan: plan, tile: 4, rows: 20)
    network.load(frozen: FrozenParameters(base: base, factors: plan.frozenFactors(seed: 1)))
    network.load(trainable: theta)
    var gradient = [Float](repeating: 0, count: plan.trainableCount)
    let figures = network.addClippedSum(
      of: texts, at: Array(0..<texts.count), clipping: .none, to: &gradient)
    return (figures.loss, gradient)
  }

  private func theta(_ plan: TrainingPlan, seed: UInt64, router: Float = 1) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .test)
    var theta = (0..<plan.trainableCount).map { _ in Float(stream.nextGaussian()) * 0.2 }
    for slot in plan.slots where slot.name.hasSuffix(".router") {
      for i in slot.range { theta[i] *= router }
    }
    return theta
  }

  /// The same experts as one LoRA.
  private func asLoRA(
    _ plan: TrainingPlan, _ theta: [Float], rank: Int, scale: Double
  ) throws -> (plan: TrainingPlan, theta: [Float]) {
    let lora = try TrainingPlan(
      architecture: model,
      adapter: LoRAConfiguration(
        rank: rank, loraAlpha: scale * Double(rank), targetModules: targets, trained: .both))
    var values = [Float](repeating: 0, count: lora.trainableCount)
    for slot in lora.slots {
      let name = slot.name.replacing("lora_A", with: "experts_A")
        .replacing("lora_B", with: "experts_B")
      let own = try #require(plan.slots.first { $0.name == name })
      #expect(own.count == slot.count)
      values.replaceSubrange(slot.range, with: theta[own.range])
    }
    return (lora, values)
  }

  private func compare(
    _ plan: TrainingPlan, _ gradient: [Float], with lora: TrainingPlan, _ expected: [Float]
  ) throws {
    for slot in lora.slots {
      let name = slot.name.replacing("lora_A", with: "experts_A")
        .replacing("lora_B", with: "experts_B")
      let own = try #require(plan.slots.first { $0.name == name })
      for (a, b) in zip(gradient[own.range], expected[slot.range]) {
        #expect(isClose(Double(a), Double(b), relative: 1e-4, absolute: 2e-6), "\(name)")
      }
    }
  }

  @Test(
    "one expert is LoRA, and its router learns nothing",
    arguments: ExpertMixtureAdapter.Level.allCases)
  func one(_ level: ExpertMixtureAdapter.Level) throws {
    let plan = try mixture(1, rank: 3, level: level)
    let theta = theta(plan, seed: 1)
    let own = look(plan, theta)
    let lora = try asLoRA(plan, theta, rank: 3, scale: 3)
    let expected = look(lora.plan, lora.theta)
    #expect(isClose(own.loss, expected.loss, relative: 1e-6))
    try compare(plan, own.gradient, with: lora.plan, expected.gradient)
    for slot in plan.slots where slot.name.hasSuffix(".router") {
      #expect(own.gradient[slot.range].allSatisfy { $0 == 0 })
    }
  }

  @Test("a router of zeros shares alike", arguments: ExpertMixtureAdapter.Level.allCases)
  func uniform(_ level: ExpertMixtureAdapter.Level) throws {
    let plan = try mixture(4, rank: 2, level: level)
    let theta = theta(plan, seed: 2, router: 0)
    let own = look(plan, theta)
    let lora = try asLoRA(plan, theta, rank: 8, scale: 3.0 / 4)
    let expected = look(lora.plan, lora.theta)
    #expect(isClose(own.loss, expected.loss, relative: 1e-6))
    try compare(plan, own.gradient, with: lora.plan, expected.gradient)
    // There the router has something to learn.
    for slot in plan.slots where slot.name.hasSuffix(".router") {
      #expect(own.gradient[slot.range].contains { $0 != 0 })
    }
  }

  @Test(
    "keeping all is keeping as many as there are, and keeping one is the expert of the largest logit"
  )
  func kept() throws {
    let dense = try mixture(3, rank: 2)
    let theta = theta(dense, seed: 3, router: 5)
    let all = look(dense, theta)
    let kept = look(try mixture(3, rank: 2, topK: 3), theta)
    #expect(all.loss == kept.loss && all.gradient == kept.gradient)
    // A cold softmax over all is the largest alone.
    let cold = look(try mixture(3, rank: 2, temperature: 1e-5), theta)
    let largest = look(try mixture(3, rank: 2, topK: 1), theta)
    #expect(isClose(cold.loss, largest.loss, relative: 1e-6))
    #expect(!isClose(all.loss, largest.loss, relative: 1e-6))
  }

  @Test(
    "the gradient of some of the experts is that of central differences, as long as nobody changes places"
  )
  func slopes() throws {
    let plan = try mixture(4, rank: 2, topK: 2)
    // Logits so far apart that a small step reorders none.
    let theta = theta(plan, seed: 5, router: 40)
    let gradient = look(plan, theta).gradient
    for seed in 6..<12 as Range<UInt64> {
      let direction = self.theta(plan, seed: seed)
      let step: Float = 1e-3
      func moved(_ factor: Float) -> Double {
        look(plan, zip(theta, direction).map { $0 + factor * step * $1 }).loss
      }
      let slope = (moved(1) - moved(-1)) / (2 * Double(step))
      let expected = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      #expect(isClose(slope, expected, relative: 2e-2, absolute: 2e-3))
    }
  }

  @Test("an example of one row has the same weights at both levels")
  func levels() throws {
    let plan = try mixture(3, rank: 2)
    let other = try mixture(3, rank: 2, level: .example)
    let theta = theta(plan, seed: 4, router: 3)
    let single = Texts(lengths: [1, 1], vocabulary: 50, classes: 3, seed: 6)
    let longer = Texts(lengths: [7, 5], vocabulary: 50, classes: 3, seed: 6)
    func losses(_ plan: TrainingPlan, _ texts: Texts) -> Double {
      let network = Network(plan: plan, tile: 4, rows: 20)
      network.load(frozen: FrozenParameters(base: base, factors: []))
      network.load(trainable: theta)
      return network.evaluate(texts).loss
    }
    #expect(losses(plan, single) == losses(other, single))
    #expect(losses(plan, longer) != losses(other, longer))
  }
}
