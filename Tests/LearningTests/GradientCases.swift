// Networks with every layer and adapter, for tests of gradients.

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

  /// Whether a convolution below is adapted, whose frozen product is kept in half precision.
  var keepsHalfPrecision: Bool {
    plan.architecture.layers.flatMap(\.hosts).contains {
      $0.name.contains("conv") && plan.mode(of: $0.name) != .full
        && plan.mode(of: $0.name) != .frozen
    }
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
