// Where noise goes, for every kind of adapter: on all trained numbers, on the sum of clipped gradients, and nowhere else.
// Noise that is moved, left out of a tensor or added to another space changes these steps.

import Datasets
import Federation
import Kernels
import Learning
import Privacy
import Scenarios
import Tensors
import Testing

/// Texts of the toy arithmetic.
private struct OperatorTexts: ExampleSource {
  private let tokens: [[Int32]]
  var count: Int { tokens.count }

  init(count: Int) {
    var stream = RandomStream(seed: 6, purpose: .test)
    tokens = (0..<count).map {
      ToyOperators.text(of: $0 % 2 == 0 ? .larger : .smaller, stream: &stream)
    }
  }

  func label(at position: Int) -> Int { 0 }
  func length(at position: Int) -> Int { tokens[position].count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    for (i, id) in tokens[position].enumerated() { destination[i] = id }
  }
}

@Suite("Noise on every trained number")
struct NoisePlaceTests {
  private static let saved = ["fc3"]
  /// On a perceptron with two hidden layers of 8.
  private static let kinds: [any Adapter] = [
    LoRAConfiguration(
      rank: 2, loraAlpha: 4, targetModules: ["fc1", "fc2"], trained: .both, modulesToSave: saved),
    LoRAConfiguration(rank: 2, loraAlpha: 4, targetModules: ["fc1", "fc2"], trained: .b),
    IA3Adapter(targetModules: ["fc2", "fc3"], feedforwardModules: ["fc3"]),
    ModelTensorAdapter(.biases), ModelTensorAdapter(.nothing, modulesToSave: saved),
    SparseAdapter(rank: 1, targetModules: ["fc1", "fc2"], mask: .random(seed: 3)),
    FineGatesAdapter(targetModules: ["fc2"]),
    VeRAAdapter(rank: 3, targetModules: ["fc1", "fc2"], modulesToSave: saved),
    LoRTAAdapter(rank: 2, loraAlpha: 4, heads: 2, trainsAll: true, targetModules: ["fc2"]),
    LoRTAAdapter(rank: 2, loraAlpha: 4, heads: 2, targetModules: ["fc2"]),
    BottleneckAdapter(width: 3, targetModules: ["fc2"], modulesToSave: saved),
    CompacterAdapter(width: 4, factors: 2, trainsRule: true, targetModules: ["fc1", "fc2"]),
    ExpertMixtureAdapter(experts: 3, rank: 2, loraAlpha: 4, targetModules: ["fc2"]),
    ExpertMixtureAdapter(
      experts: 3, rank: 2, loraAlpha: 4, level: .example, targetModules: ["fc2"]),
  ]

  private static func step<Source: ExampleSource>(
    of plan: TrainingPlan, on source: Source
  ) throws {
    let base = plan.architecture.initialParameters(seed: 1)
    let network = Network(plan: plan, tile: 8)
    network.load(
      frozen: FrozenParameters(base: base, factors: plan.frozenFactors(seed: 1)))
    // Away from zero, where a factor would have no gradient.
    var stream = RandomStream(seed: 2, purpose: .test)
    let start = plan.initialTrainable(base: base, seed: 1).map {
      $0 + Float(0.2 * stream.nextGaussian())
    }
    func work(bound: Float) -> LocalWork {
      LocalWork(
        seed: 7, round: 2, client: 3, start: start, batches: .poisson(rate: 0.25, steps: 1),
        learningRate: 0.3, privacy: (bound, 1.3))
    }
    // What is drawn does not depend on the bound: half of the batch is longer than it.
    let batch = LocalTraining.sample(source.count, rate: 0.25, work: work(bound: 1), step: 0)
    network.load(trainable: start)
    let singles = batch.map { position in
      var single = [Float](repeating: 0, count: start.count)
      _ = network.addClippedSum(of: source, at: [position], clipping: .none, to: &single)
      return single
    }
    let norms = singles.map { $0.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
    let bound = Float(norms.sorted()[norms.count / 2])
    #expect(bound > 0)
    var noisy = [Float](repeating: 0, count: start.count)
    for (single, norm) in zip(singles, norms) {
      for i in noisy.indices {
        noisy[i] += Float(min(1, Double(bound) / max(norm, 1e-30))) * single[i]
      }
    }
    let outcome = try LocalTraining.run(
      work(bound: bound), on: source, features: nil, network: network)
    GaussianNoise.add(
      to: &noisy, standardDeviation: 1.3 * bound, seed: 7, purpose: .gradientNoise, round: 2,
      client: 3, step: 0)
    let rate = 0.3 / (0.25 * Float(source.count))
    for i in start.indices {
      #expect(
        abs(outcome.delta[i] + rate * noisy[i]) < 1e-4 * rate * bound + 1e-6,
        "\(plan.slots.first { $0.range.contains(i) }?.name ?? "?")")
    }
    #expect(outcome.entries.map(\.count) == [1] && outcome.entries[0].noiseMultiplier == 1.3)
  }

  @Test("a step is the sum of clipped gradients with noise on all of it", arguments: kinds.indices)
  func numbers(_ kind: Int) throws {
    let model = Architecture.mlp(inputs: 5, hidden: [8, 8], classes: 2)
    try Self.step(
      of: TrainingPlan(architecture: model, adapter: Self.kinds[kind]),
      on: TwoClouds(count: 60))
  }

  @Test("kernels of convolutions, too")
  func kernels() throws {
    try Self.step(
      of: TrainingPlan(
        architecture: .cnn(height: 8, width: 8, channels: 1, classes: 2),
        adapter: ConvLoRAAdapter(
          rank: 1, loraAlpha: 2, targetModules: ["conv1", "conv2"], modulesToSave: ["fc"])),
      on: TwoClouds(count: 40, dimension: 64))
  }

  @Test(
    "rows among the words of a text are clipped and noised like all else, and so are normalisations"
  )
  func rows() throws {
    let decoder = try Architecture.gpt(
      GPT2Configuration(
        vocabularySize: ToyOperators.vocabulary, width: 8, blocks: 1, heads: 2, innerWidth: 16,
        positions: ToyOperators.length + 3), maximumTokens: ToyOperators.length)
    let adapters: [any Adapter] = [
      SoftRowsAdapter(SoftRows(count: 3, after: 0, role: .prompt)),
      SoftRowsAdapter(SoftRows(count: 3, after: 1, role: .tokens(predicted: true))),
      ModelTensorAdapter(.norms),
    ]
    for adapter in adapters {
      try Self.step(
        of: TrainingPlan(architecture: decoder, adapter: adapter), on: OperatorTexts(count: 40))
    }
  }
}
