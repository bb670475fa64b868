// Gradients of every layer and adapter against central differences, and clipped sums against a naive
// loop over single examples.

import Kernels
import Learning
import Testing

@Suite("Gradients")
struct GradientTests {
  @Test("analytic gradients agree with central differences", arguments: try Case.all())
  func finiteDifferences(_ test: Case) {
    let source = test.examples(6, seed: 5)
    let (network, theta) = test.prepared(seed: 3)
    var gradient = [Float](repeating: 0, count: theta.count)
    _ = network.addClippedSum(
      of: source, at: Array(0..<6), clipping: .none, to: &gradient)
    #expect(norm(gradient) > 0.01)
    // Along random directions, and for single places, where a part that is wrongly zero shows; a step must
    // not cross many kinks of ReLU and max-pooling.
    var stream = RandomStream(seed: 8, purpose: .test)
    for slot in test.plan.slots {
      var agreed = 0
      let trials = 5
      for _ in 0..<trials {
        // The gradient's own direction within the slot, plus noise: the derivative is then large.
        var direction = [Float](repeating: 0, count: theta.count)
        let size = max(norm(Array(gradient[slot.range])), 1e-12)
        for i in slot.range {
          direction[i] =
            gradient[i] / Float(size)
            + Float(0.3 * stream.nextGaussian() / Double(slot.count).squareRoot())
        }
        let h = test.step
        func loss(_ sign: Float) -> Double {
          network.load(trainable: zip(theta, direction).map { $0 + sign * h * $1 })
          return network.evaluate(source).loss
        }
        let numeric = (loss(1) - loss(-1)) / (2 * Double(h))
        let analytic = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        if abs(numeric - analytic) < 0.02 * abs(analytic) + 2e-3 { agreed += 1 }
      }
      network.load(trainable: theta)
      #expect(agreed >= trials - 1, "\(slot.name): \(agreed) of \(trials) directions agree")
      let places =
        Array(slot.range.suffix(4))
        + (0..<20).map { _ in Int.random(in: slot.range, using: &stream) }
      let slopes = places.map { place in
        func loss(_ h: Float) -> Double {
          var moved = theta
          moved[place] += h
          network.load(trainable: moved)
          return network.evaluate(source).loss
        }
        let h = test.step
        return (
          numeric: (loss(h) - loss(-h)) / (2 * Double(h)), analytic: Double(gradient[place])
        )
      }
      network.load(trainable: theta)
      // A place of a convolution's B moves every pixel, some of them across a kink.
      let missed = slopes.count { abs($0.numeric - $0.analytic) > 0.25 * abs($0.analytic) + 5e-3 }
      #expect(missed <= 6, "\(slot.name): \(slopes)")
      let forgotten = slopes.count { $0.analytic == 0 && abs($0.numeric) > 1e-2 }
      #expect(forgotten == 0, "\(slot.name): \(slopes)")
    }
  }

  @Test("the clipped sum is the sum of single clipped gradients", arguments: try Case.all())
  func clippedSum(_ test: Case) {
    let source = test.examples(11, seed: 6)
    let (network, theta) = test.prepared(seed: 4, tile: 4)
    var norms: [Double] = []
    var expected = [Double](repeating: 0, count: theta.count)
    var singles: [[Float]] = []
    for i in 0..<11 {
      var single = [Float](repeating: 0, count: theta.count)
      _ = network.addClippedSum(of: source, at: [i], clipping: .none, to: &single)
      singles.append(single)
      norms.append(norm(single))
    }
    let bound = norms.sorted()[5]
    for single in singles {
      let scale = min(1, bound / norm(single))
      for k in theta.indices { expected[k] += scale * Double(single[k]) }
    }
    var sum = [Float](repeating: 0, count: theta.count)
    var seen: [Int: Double] = [:]
    let statistics = network.addClippedSum(
      of: source, at: Array(0..<11), clipping: .flat(maxGradNorm: Float(bound)), to: &sum,
      normObserver: { seen[$0] = $1 })
    let error = zip(sum, expected).reduce(0.0) { total, pair in
      total + (pair.1 - Double(pair.0)) * (pair.1 - Double(pair.0))
    }
    #expect(error.squareRoot() < 1e-4 * norm(sum) + 1e-6)
    #expect(statistics.examples == 11)
    for i in 0..<11 { #expect(abs((seen[i] ?? -1) - norms[i]) < 1e-4 * norms[i] + 1e-6) }
  }

  @Test("one example never adds more than max_grad_norm", arguments: try Case.all())
  func sensitivity(_ test: Case) {
    let source = test.examples(8, seed: 7)
    let (network, theta) = test.prepared(seed: 2)
    for bound: Float in [1e-3, 0.1, 1] {
      for i in 0..<8 {
        var sum = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(
          of: source, at: [i], clipping: .flat(maxGradNorm: bound), to: &sum)
        #expect(norm(sum) <= Double(bound))
      }
    }
  }

  @Test("cached frozen features change no bit", arguments: try Case.all())
  func cache(_ test: Case) {
    let source = test.examples(13, seed: 9)
    let (network, theta) = test.prepared(seed: 5, tile: 4)
    guard let features = network.frozenFeatures(of: source) else {
      #expect(test.plan.featureBytesPerRow == 0)
      return
    }
    #expect(features.bytes == 13 * test.plan.featureBytesPerRow)
    for positions in [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [12, 3, 3, 0, 7], [5]] {
      var plain = [Float](repeating: 0, count: theta.count)
      var cached = plain
      let a = network.addClippedSum(
        of: source, at: positions, clipping: .flat(maxGradNorm: 0.5), to: &plain)
      let b = network.addClippedSum(
        of: source, at: positions, features: features, clipping: .flat(maxGradNorm: 0.5),
        to: &cached)
      #expect(plain == cached)
      #expect(a == b)
    }
  }

  @Test("a gradient that is not finite counts as zero and is reported")
  func notFinite() throws {
    let plan = try TrainingPlan(architecture: .logistic(inputs: 3, classes: 2))
    let network = Network(plan: plan)
    network.load(trainable: [Float](repeating: .nan, count: plan.trainableCount))
    let source = RandomExamples(count: 2, inputs: 3, classes: 2, seed: 1)
    var sum = [Float](repeating: 0, count: plan.trainableCount)
    let statistics = network.addClippedSum(
      of: source, at: [0, 1], clipping: .flat(maxGradNorm: 1), to: &sum)
    #expect(statistics.notFinite == 2)
    // 0 · NaN is NaN, so the layers must skip, not scale, such gradients.
    #expect(sum.allSatisfy { $0 == 0 })
  }
}

@Suite("Architectures")
struct ArchitectureTests {
  @Test("the paper's network has 28,938 parameters")
  func paperNetwork() throws {
    let cnn = try Architecture.cnn(height: 28, width: 28, channels: 1, classes: 10)
    #expect(cnn.parameterCount == 28_938)
    let adapter = LoRAConfiguration(rank: 4, loraAlpha: 8, targetModules: ["conv2", "fc"])
    #expect(try TrainingPlan(architecture: cnn, adapter: adapter).trainableCount == 4 * (32 + 10))
  }

  @Test("an adapter starts as the base model: B is zero")
  func startsAtBase() throws {
    let cnn = try Architecture.cnn(height: 8, width: 8, channels: 1, classes: 3)
    let base = cnn.initialParameters(seed: 1)
    let source = RandomExamples(count: 5, inputs: 64, classes: 3, seed: 2)
    let whole = Network(plan: try TrainingPlan(architecture: cnn))
    whole.load(trainable: base)
    for freezeA in [true, false] {
      let plan = try TrainingPlan(
        architecture: cnn, adapter: Case.lora(["conv1", "fc"], freezeA: freezeA))
      let adapted = Network(plan: plan)
      adapted.load(
        frozen: FrozenParameters(base: base, factors: plan.frozenFactors(seed: 1)))
      adapted.load(trainable: plan.initialTrainable(base: base, seed: 1))
      #expect(abs(adapted.evaluate(source).loss - whole.evaluate(source).loss) < 1e-5)
    }
  }

  @Test("merging the factors into the weights gives the adapted model", arguments: try Case.all())
  func merge(_ test: Case) throws {
    guard test.plan.adapter?.isMergeable ?? true else { return }
    let source = test.examples(9, seed: 3)
    let (network, theta) = test.prepared(seed: 6)
    let base = test.plan.architecture.initialParameters(seed: 6)
    let frozen = FrozenParameters(base: base, factors: test.factors(seed: 6))
    let whole = Network(plan: try TrainingPlan(architecture: test.plan.architecture))
    whole.load(trainable: test.plan.merged(frozen: frozen, trainable: theta))
    // Adapted convolutions hold their frozen product in half precision: relative 2⁻¹¹ a feature.
    let tolerance = test.keepsHalfPrecision ? 2e-3 : 1e-5
    let (adapted, merged) = (network.evaluate(source).loss, whole.evaluate(source).loss)
    #expect(abs(adapted - merged) < tolerance * (1 + abs(merged)))
  }

  @Test(
    "merged and adapted language models have the same loss for every text",
    arguments: try TokenCase.all())
  func mergedTexts(_ test: TokenCase) throws {
    guard let adapter = test.plan.adapter, adapter.isMergeable else { return }
    let (base, factors, theta) = test.values()
    let (network, _) = test.prepared()
    let whole = Network(
      plan: try TrainingPlan(architecture: test.plan.architecture), tile: 4, rows: 40)
    let weights = test.plan.merged(
      frozen: FrozenParameters(base: base, factors: factors), trainable: theta)
    whole.load(trainable: weights)
    func losses(_ network: Network) -> [Double] {
      var losses = [Double](repeating: .nan, count: test.texts().count)
      _ = network.evaluate(test.texts(), lossObserver: { losses[$0] = $1 })
      return losses
    }
    let (adapted, merged) = (losses(network), losses(whole))
    for (a, b) in zip(adapted, merged) { #expect(abs(a - b) < 1e-5 * (1 + abs(b)), "\(a) \(b)") }
    // The adapter has something to say.
    whole.load(trainable: base)
    #expect(zip(losses(whole), merged).contains { abs($0 - $1) > 1e-3 })
  }

  @Test("impossible models and adapters are refused with the place and the fix")
  func refusals() throws {
    #expect(throws: ArchitectureError.self) {
      _ = try Architecture.cnn(height: 10, width: 8, channels: 1, classes: 3)
    }
    let mlp = Architecture.mlp(inputs: 4, hidden: [3], classes: 2)
    for (targets, rank) in [(["conv1"], 1), (["fc1"], 4), (["fc2"], 0), ([], 1)] {
      #expect(throws: ArchitectureError.self) {
        _ = try TrainingPlan(
          architecture: mlp,
          adapter: LoRAConfiguration(rank: rank, loraAlpha: 1, targetModules: targets))
      }
    }
  }
}
