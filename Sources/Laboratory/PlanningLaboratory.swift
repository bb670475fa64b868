// `dpflsim lab planning-tokens`: whether trained rows tell a frozen decoder what it cannot know from a text's
// beginning, with and without privacy.

import Datasets
import Federation
import Kernels
import Learning
import Privacy
import Scenarios
import Tensors

package struct PlanningLaboratory: Sendable {
  package struct Settings: Sendable {
    /// Of the clients' texts and training; the decoder is pretrained once, from the first.
    package var seeds: [UInt64]
    /// Batches of 64 texts on which the decoder is pretrained.
    package var pretrainingSteps: Int
    /// Texts of each kind that rows are trained on, and tested on.
    package var examples: Int

    package init(seeds: [UInt64] = [0, 1, 2], pretrainingSteps: Int = 3000, examples: Int = 500) {
      self.seeds = seeds
      self.pretrainingSteps = pretrainingSteps
      self.examples = examples
    }
  }

  /// One way to train rows.
  private struct Row {
    let name: String
    let rows: SoftRows?
    /// Whether one set of rows serves both kinds.
    var isCommon = false
    var epsilon: Double?
  }

  private static let width = 48
  /// Rows that the pretrained positions leave room for.
  private static let room = 8
  private static let batch = 64
  private static let delta = 1e-5

  private let settings: Settings

  package init(settings: Settings) { self.settings = settings }

  private static var ways: [Row] {
    func words(_ count: Int) -> SoftRows {
      SoftRows(count: count, after: 1, role: .tokens(predicted: false))
    }
    let prompt = SoftRows(count: 2, after: 0, role: .prompt)
    return [
      Row(name: "none", rows: nil),
      Row(name: "2 planning tokens a kind", rows: words(2)),
      Row(name: "1 planning token a kind", rows: words(1)),
      Row(name: "2 planning tokens for both", rows: words(2), isCommon: true),
      Row(name: "prompt of 2 a kind", rows: prompt),
      Row(name: "2 planning tokens a kind", rows: words(2), epsilon: 8),
      Row(name: "2 planning tokens a kind", rows: words(2), epsilon: 2),
      Row(name: "2 planning tokens for both", rows: words(2), isCommon: true, epsilon: 8),
      Row(name: "prompt of 2 a kind", rows: prompt, epsilon: 8),
    ]
  }

  private func architecture(_ objective: NextTokenLoss) throws(ArchitectureError) -> Architecture {
    try .gpt(
      GPT2Configuration(
        vocabularySize: ToyOperators.vocabulary, width: Self.width, blocks: 2, heads: 4,
        innerWidth: 4 * Self.width, positions: ToyOperators.length + Self.room),
      maximumTokens: ToyOperators.length, objective: objective)
  }

  package func run(progress: (String) -> Void) throws -> LabReport {
    progress("pretraining a decoder of width \(Self.width)")
    let base = try pretrained()
    var table = LabTable(
      "planning-tokens",
      "Right answers in four items, of which the first cannot be known without rows",
      ["rows", "epsilon", "kind", "item 1", "± 95 %", "items 2 to 4", "± 95 %"])
    var first: [[Double]] = []
    for way in Self.ways {
      progress("\(way.name), epsilon \(way.epsilon.map { short($0) } ?? "none")")
      var found: [ToyOperators.Kind: [[Double]]] = [:]
      for seed in settings.seeds {
        for (kind, items) in try measure(way, base: base, seed: seed) {
          found[kind, default: []].append(items)
        }
      }
      var means: [Double] = []
      for kind in ToyOperators.Kind.allCases {
        let seeds = found[kind] ?? []
        let start = Spread(seeds.map { $0[0] })
        let rest = Spread(
          seeds.map { $0.dropFirst().reduce(0, +) / Double(ToyOperators.items - 1) })
        means.append(start.mean)
        table.add([
          .string(way.name), way.epsilon.map { .number($0) } ?? .null, .string(kind.rawValue),
          .figure(start.mean), start.margin.map { .figure($0) } ?? .null, .figure(rest.mean),
          rest.margin.map { .figure($0) } ?? .null,
        ])
      }
      first.append(means)
    }
    var report = LabReport("planning-tokens", "Trained rows in the texts of a frozen decoder")
    report.tables.append(table)
    for (own, common, points, words) in [
      (1, 3, 0.3, "without privacy"), (5, 7, 0.2, "at epsilon 8"),
    ] {
      let gains = zip(first[own], first[common]).map { $0 - $1 }
      report.findings.append(
        LabFinding(
          "planning-tokens",
          "rows for each kind beat common ones in the first item by \(Int(100 * points)) points "
            + words,
          measured: gains.map { "\(short(100 * $0)) points" }.joined(separator: ", "),
          holds: gains.allSatisfy { $0 >= points }))
    }
    return report
  }

  /// Pretrains on both kinds, publicly, at all positions that trained rows can move a text to.
  private func pretrained() throws -> [Float] {
    let model = try architecture(ToyTexts.answers())
    let seed = settings.seeds.first ?? 0
    let network = Network(plan: try TrainingPlan(architecture: model), tile: Self.batch)
    var theta = model.initialParameters(seed: seed)
    network.load(frozen: FrozenParameters(base: theta, factors: []))
    var optimizer = LocalOptimizer(
      .adam(betas: .init(first: 0.9, second: 0.999), eps: 1e-8), count: theta.count)
    var stream = RandomStream(seed: seed, purpose: .pretraining)
    for step in 0..<settings.pretrainingSteps {
      let texts = ToyTexts(
        Self.batch, kinds: ToyOperators.Kind.allCases, stream: &stream)
      network.firstPosition = Int(stream.next(upperBound: UInt64(Self.room + 1)))
      network.load(trainable: theta)
      var sum = [Float](repeating: 0, count: theta.count)
      _ = network.addClippedSum(
        of: texts, at: Array(0..<Self.batch), clipping: .none, to: &sum)
      // The last third with a falling rate.
      let left = Float(settings.pretrainingSteps - step) / Float(settings.pretrainingSteps)
      optimizer.move(
        &theta, against: sum, expectedBatch: Float(Self.batch),
        learningRate: 2e-3 * min(1, 3 * left))
    }
    return theta
  }

  /// Shares of right answers, item by item, of each kind.
  private func measure(
    _ way: Row, base: [Float], seed: UInt64
  ) throws -> [ToyOperators.Kind: [Double]] {
    let kinds = ToyOperators.Kind.allCases
    var found: [ToyOperators.Kind: [Double]] = [:]
    let groups = way.isCommon ? [kinds] : kinds.map { [$0] }
    for (index, group) in groups.enumerated() {
      let theta = try trained(way, on: group, base: base, seed: seed, client: index)
      for kind in group {
        var stream = RandomStream(
          seed: seed, purpose: .partition, client: kind == .larger ? 10 : 11)
        let tests = ToyTexts(settings.examples, kinds: [kind], stream: &stream)
        found[kind] = try (0..<ToyOperators.items).map { item in
          let network = try network(way, ToyTexts.answers(item: item), base: base)
          network.load(trainable: theta)
          let statistics = network.evaluate(tests)
          return statistics.correct / Double(max(statistics.examples, 1))
        }
      }
    }
    return found
  }

  private func network(
    _ way: Row, _ objective: NextTokenLoss, base: [Float]
  ) throws -> Network {
    let plan = try TrainingPlan(
      architecture: try architecture(objective), adapter: way.rows.map { SoftRowsAdapter($0) })
    let network = Network(plan: plan, tile: Self.batch)
    network.load(frozen: FrozenParameters(base: base, factors: []))
    return network
  }

  /// θ of the rows; the base itself without any.
  private func trained(
    _ way: Row, on kinds: [ToyOperators.Kind], base: [Float], seed: UInt64, client: Int
  ) throws -> [Float] {
    guard way.rows != nil else { return base }
    var stream = RandomStream(seed: seed, purpose: .partition, client: client)
    let texts = ToyTexts(settings.examples * kinds.count, kinds: kinds, stream: &stream)
    let network = try network(way, ToyTexts.answers(), base: base)
    let start = network.plan.initialTrainable(base: base, seed: seed)
    let rate = min(1, Double(Self.batch) / Double(texts.count))
    let steps = way.epsilon == nil ? 250 : 100
    let noise = try way.epsilon.map { epsilon in
      try Calibration.calibrate(
        targetEpsilon: epsilon, delta: Self.delta, accountant: RDPAccountant()
      ) {
        .selfComposed(
          event: .poissonSampled(sampleRate: rate, event: .gaussian(noiseMultiplier: $0)),
          count: steps)
      }.noiseMultiplier
    }
    var work = LocalWork(
      seed: seed, round: 0, client: client, start: start,
      batches: .poisson(rate: rate, steps: steps), learningRate: noise == nil ? 0.01 : 0.02,
      privacy: noise.map { (0.5, $0) })
    work.optimizer = .adam(betas: .init(first: 0.9, second: 0.999), eps: 1e-8)
    let outcome = try LocalTraining.run(work, on: texts, features: nil, network: network)
    return zip(start, outcome.delta).map { $0 + $1 }
  }
}
