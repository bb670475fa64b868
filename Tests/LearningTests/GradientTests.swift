// Gradients of every layer and adapter against central differences, and clipped sums against a naive
// loop over single examples.

import Kernels
import Learning
import Testing

/// Random inputs and labels.
struct RandomExamples: ExampleSource {
  let values: [[Float]]
  let labels: [Int]
  var count: Int { labels.count }

  init(count: Int, inputs: Int, classes: Int, seed: UInt64) {
    var stream = RandomStream(seed: seed, purpose: .test)
    values = (0..<count).map { _ in (0..<inputs).map { _ in Float(stream.nextGaussian()) } }
    labels = (0..<count).map { _ in Int(stream.next() % UInt64(classes)) }
  }

  func label(at position: Int) -> Int { labels[position] }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    for i in values[position].indices { destination[i] = values[position][i] }
  }
}

/// A plan to test, with parameters away from zero so that every path carries a gradient.
struct Case: CustomTestStringConvertible, Sendable {
  let name: String
  let plan: TrainingPlan
  /// Of finite differences: small where normalisation makes the loss bend and many kinks lie close.
  var step: Float = 2e-3
  var testDescription: String { name }

  static func lora(_ targets: [String], freezeA: Bool, rank: Int = 3) -> LoRAConfiguration {
    LoRAConfiguration(rank: rank, loraAlpha: 5, targetModules: targets, freezeA: freezeA)
  }

  static func all() throws -> [Case] { try usual() + special() + residual() + adapters() }

  /// Convolutions of other kernels and strides, group normalisation, residual blocks and means.
  private static func residual() throws -> [Case] {
    let net = try Architecture.resnet(
      height: 8, width: 6, channels: 2, classes: 3, width: 8, blocks: 2)
    return [
      Case(name: "resnet, whole", plan: try TrainingPlan(architecture: net), step: 5e-4),
      Case(
        name: "resnet, LoRA on three convolutions, both factors",
        plan: try TrainingPlan(
          architecture: net,
          adapter: lora(["block2.conv1", "block2.shortcut", "conv1"], freezeA: false, rank: 2)),
        step: 2e-4),
      Case(
        name: "resnet, frozen A in the last block beside a whole fc",
        plan: try TrainingPlan(
          architecture: net,
          adapter: LoRAConfiguration(
            rank: 2, loraAlpha: 4, targetModules: ["block2.conv2"], trained: .b,
            modulesToSave: ["fc"]))),
      Case(
        name: "cnn, frozen A on conv2 beside a whole fc",
        plan: try TrainingPlan(
          architecture: try .cnn(height: 8, width: 12, channels: 1, classes: 4),
          adapter: LoRAConfiguration(
            rank: 2, loraAlpha: 4, targetModules: ["conv2"], trained: .b, modulesToSave: ["fc"]))),
    ]
  }

  private static func usual() throws -> [Case] {
    let logistic = Architecture.logistic(inputs: 7, classes: 4)
    let mlp = Architecture.mlp(inputs: 9, hidden: [8, 6], classes: 5)
    let cnn = try Architecture.cnn(height: 8, width: 12, channels: 1, classes: 4)
    let colour = try Architecture.cnn(height: 8, width: 8, channels: 3, classes: 3)
    return [
      Case(name: "logistic, whole", plan: try TrainingPlan(architecture: logistic)),
      Case(
        name: "logistic, LoRA",
        plan: try TrainingPlan(
          architecture: logistic, adapter: lora(["fc"], freezeA: false, rank: 2))),
      Case(name: "mlp, whole", plan: try TrainingPlan(architecture: mlp)),
      Case(
        name: "mlp, LoRA on all, A trained",
        plan: try TrainingPlan(
          architecture: mlp, adapter: lora(["fc1", "fc2", "fc3"], freezeA: false))),
      Case(
        name: "mlp, frozen A on the first and last",
        plan: try TrainingPlan(architecture: mlp, adapter: lora(["fc1", "fc3"], freezeA: true))),
      Case(name: "cnn, whole", plan: try TrainingPlan(architecture: cnn)),
      Case(name: "cnn in colour, whole", plan: try TrainingPlan(architecture: colour)),
      Case(
        name: "cnn, LoRA everywhere, A trained",
        plan: try TrainingPlan(
          architecture: cnn, adapter: lora(["conv1", "conv2", "fc"], freezeA: false))),
      Case(
        name: "cnn, frozen A on conv2 and fc",
        plan: try TrainingPlan(architecture: cnn, adapter: lora(["conv2", "fc"], freezeA: true))),
      Case(
        name: "cnn in colour, frozen A on conv1 and conv2",
        plan: try TrainingPlan(
          architecture: colour, adapter: lora(["conv1", "conv2"], freezeA: true, rank: 5))),
      Case(
        name: "cnn, frozen A on fc alone",
        plan: try TrainingPlan(architecture: cnn, adapter: lora(["fc"], freezeA: true))),
    ]
  }

  /// Plans in which A alone is trained beside a B away from zero, and with ranks of their own.
  static func special() throws -> [Case] {
    func adapter(_ trained: TrainedFactors, _ targets: [String], _ ranks: [Int]?, rs: Bool = false)
      -> LoRAConfiguration
    {
      LoRAConfiguration(
        rank: 3, loraAlpha: rs ? 1 : 5, targetModules: targets, trained: trained, useRSLoRA: rs,
        layerRanks: ranks)
    }
    let mlp = Architecture.mlp(inputs: 9, hidden: [8, 6], classes: 5)
    let wide = Architecture.mlp(inputs: 12, hidden: [64, 48], classes: 4)
    let cnn = try Architecture.cnn(height: 8, width: 12, channels: 1, classes: 4)
    return [
      Case(
        name: "mlp, frozen A above a frozen layer",
        plan: try TrainingPlan(
          architecture: wide, adapter: adapter(.b, ["fc2", "fc3"], nil))),
      Case(
        name: "mlp, both factors on the last layer",
        plan: try TrainingPlan(architecture: wide, adapter: adapter(.both, ["fc3"], nil))),
      Case(
        name: "mlp, A alone",
        plan: try TrainingPlan(architecture: mlp, adapter: adapter(.a, ["fc1", "fc2"], nil))),
      Case(
        name: "cnn, A alone, ranks 5 and 2",
        plan: try TrainingPlan(architecture: cnn, adapter: adapter(.a, ["conv2", "fc"], [5, 2]))),
      Case(
        name: "cnn, both, ranks 2, 5 and 1, rsLoRA",
        plan: try TrainingPlan(
          architecture: cnn,
          adapter: adapter(.both, ["fc", "conv1", "conv2"], [2, 5, 1], rs: true))
      ),
      Case(
        name: "cnn, B alone, ranks 1 and 4",
        plan: try TrainingPlan(architecture: cnn, adapter: adapter(.b, ["fc", "conv2"], [1, 4]))),
    ]
  }

  /// Frozen factors at their start, moved away from zero.
  func factors(seed: UInt64) -> [Float] {
    guard plan.trainedFactors == .a else { return plan.frozenFactors(seed: seed) }
    var stream = RandomStream(seed: seed, purpose: .test, step: 11)
    return plan.frozenFactors(seed: seed).map { $0 + Float(stream.nextGaussian() * 0.3) }
  }

  /// A network with random θ loaded, and that θ.
  func prepared(seed: UInt64, tile: Int = 4) -> (Network, [Float]) {
    let base = plan.architecture.initialParameters(seed: seed)
    var stream = RandomStream(seed: seed, purpose: .test, step: 9)
    let theta = plan.initialTrainable(base: base, seed: seed).map {
      $0 + Float(stream.nextGaussian() * 0.1)
    }
    let network = Network(plan: plan, tile: tile)
    network.load(frozen: FrozenParameters(base: base, factors: factors(seed: seed)))
    network.load(trainable: theta)
    return (network, theta)
  }

  func examples(_ count: Int, seed: UInt64) -> RandomExamples {
    RandomExamples(
      count: count, inputs: plan.architecture.input.floatCount, classes: plan.architecture.classes,
      seed: seed)
  }
}

func norm(_ vector: [Float]) -> Double {
  vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

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
    let (adapted, merged) = (network.evaluate(source).loss, whole.evaluate(source).loss)
    #expect(abs(adapted - merged) < 2e-3 * abs(merged) + 2e-3)
  }

  @Test("impossible models and adapters are refused with the place and the mend")
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
