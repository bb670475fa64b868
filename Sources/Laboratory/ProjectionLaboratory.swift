// E9, `dpflsim lab projection`: at equal ε, noise on the whole gradient, on that of B beside a frozen A (DP-LoRA-FA),
// and on the whole gradient before a fresh projection (M2), which needs less of it and keeps less of the gradient.
//
// The model is a linear classifier: a record's gradient has rank 1, and all of it is projected.

import Federation
import Kernels
package import Learning
import Privacy
import Scenarios

package struct ProjectionLaboratory: Sendable {
  package struct Settings: Sendable {
    /// Of batches, noise and projections.
    package var seeds: [UInt64]
    package var ranks: [Int]
    package var epsilons: [Double]
    package var steps: Int
    /// The probability with which an example enters a batch.
    package var sampleRate: Double

    package init(
      seeds: [UInt64] = [0, 1, 2], ranks: [Int] = [4, 16, 64],
      epsilons: [Double] = [0.1, 0.4, 1.6, 6.4], steps: Int = 100, sampleRate: Double = 0.05
    ) {
      self.seeds = seeds
      self.ranks = ranks
      self.epsilons = epsilons
      self.steps = steps
      self.sampleRate = sampleRate
    }
  }

  /// What noise is added to.
  private enum Mechanism: Sendable, Hashable {
    case whole
    case frozenA(rank: Int)
    case projected(rank: Int)

    var name: String {
      switch self {
      case .whole: "DP-SGD"
      case .frozenA: "DP-LoRA-FA"
      case .projected: "M2"
      }
    }

    var rank: Int? {
      switch self {
      case .whole: nil
      case .frozenA(let rank), .projected(let rank): rank
      }
    }
  }

  private static let delta = 1e-5
  /// Steps of which each mechanism takes the best on a seed that is not reported.
  private static let learningRates: [Float] = [0.125, 0.5, 2, 8, 32, 128]

  private let settings: Settings
  private let inputs: Int
  private let classes: Int
  private let train: ExamplePool
  private let test: ExamplePool

  /// - Parameters:
  ///   - inputs: numbers of an example.
  ///   - train: at least 2 examples.
  package init<Source: ExampleSource>(
    settings: Settings, inputs: Int, classes: Int, train: Source, test: Source
  ) {
    self.settings = settings
    self.inputs = inputs
    self.classes = classes
    self.train = ExamplePool(train, inputCount: inputs, count: train.count)
    self.test = ExamplePool(test, inputCount: inputs, count: test.count)
  }

  /// Columns of the gradient, that of the biases among them.
  private var dimension: Int { inputs + 1 }

  package func run(progress: (String) -> Void) throws -> LabReport {
    var table = LabTable(
      "projection", "Accuracy at equal epsilon, learning rates tuned on another seed",
      ["epsilon", "mechanism", "rank", "noise multiplier", "learning rate", "accuracy", "± 95 %"])
    let mechanisms =
      [Mechanism.whole] + settings.ranks.map { .frozenA(rank: $0) }
      + settings.ranks.map { .projected(rank: $0) }
    var best: [Double: [String: Double]] = [:]
    var needsLess = true
    let tuning = (settings.seeds.max() ?? 0) &+ 100
    for epsilon in settings.epsilons {
      let plain = try noiseMultiplier(of: .whole, epsilon: epsilon)
      for mechanism in mechanisms {
        progress(
          "\(mechanism.name)\(mechanism.rank.map { ", rank \($0)" } ?? ""), epsilon \(short(epsilon))"
        )
        let noise = try noiseMultiplier(of: mechanism, epsilon: epsilon)
        if case .projected = mechanism, noise >= plain { needsLess = false }
        var (rate, most) = (Self.learningRates[0], -1.0)
        let pools = pools(for: mechanism, seed: tuning)
        for candidate in Self.learningRates {
          let found = try accuracy(
            mechanism, on: pools, noise: noise, rate: candidate, seed: tuning)
          if found > most { (rate, most) = (candidate, found) }
        }
        let spread = Spread(
          try settings.seeds.map { seed in
            try accuracy(
              mechanism, on: self.pools(for: mechanism, seed: seed), noise: noise, rate: rate,
              seed: seed)
          })
        best[epsilon, default: [:]][mechanism.name] = max(
          best[epsilon]?[mechanism.name] ?? 0, spread.mean)
        table.add([
          .number(epsilon), .string(mechanism.name), mechanism.rank.map { .integer($0) } ?? .null,
          .figure(noise), .number(Double(rate)), .figure(spread.mean),
          spread.margin.map { .figure($0) } ?? .null,
        ])
      }
    }
    var report = LabReport("projection", "Noise before a projection, at equal epsilon")
    report.tables.append(table)
    report.charts.append(
      LabChart(
        "Best rank of each mechanism", x: "epsilon", y: "accuracy",
        ["DP-SGD", "DP-LoRA-FA", "M2"].map { name in
          LabChart.Line(
            name,
            settings.epsilons.map { LabChart.Point($0, best[$0]?[name] ?? 0) })
        }))
    report.findings.append(
      LabFinding(
        "E9", "a fresh projection after the noise needs less noise than none",
        measured: needsLess ? "at every rank and epsilon" : "not everywhere", holds: needsLess))
    if let least = settings.epsilons.min(), let found = best[least], let m2 = found["M2"] {
      let gain = m2 - max(found["DP-SGD"] ?? 0, found["DP-LoRA-FA"] ?? 0)
      report.findings.append(
        LabFinding(
          "E9", "M2 beats DP-SGD and DP-LoRA-FA at the smallest epsilon, as published of ResNet-50",
          measured: "\(short(100 * gain)) points at epsilon \(short(least))", holds: gain > 0))
    }
    return report
  }

  /// The noise with which the budget is kept by the tightest accountant.
  private func noiseMultiplier(of mechanism: Mechanism, epsilon: Double) throws -> Double {
    var projection: RandomProjection?
    if case .projected(let rank) = mechanism {
      projection = RandomProjection(rank: rank, dimension: dimension)
    }
    return try Calibration.calibrate(
      targetEpsilon: epsilon, delta: Self.delta, accountant: BestAccountant()
    ) {
      .trainingSteps(
        sampleRate: settings.sampleRate, noiseMultiplier: $0, projection: projection,
        count: settings.steps)
    }.noiseMultiplier
  }

  /// What is trained and tested on, and how many numbers an example has.
  private typealias Pools = (train: ExamplePool, test: ExamplePool, inputs: Int)

  /// B beside a frozen A is the same classifier on A x.
  private func pools(for mechanism: Mechanism, seed: UInt64) -> Pools {
    guard case .frozenA(let rank) = mechanism else { return (train, test, inputs) }
    var stream = Self.stream(seed: seed, step: 0)
    let a = MatrixAttack.gaussian(
      rank, inputs, deviation: 1 / Double(rank).squareRoot(), using: &stream)
    return (train.projected(by: a), test.projected(by: a), rank)
  }

  /// What random matrices come from, which depend on no data; steps from 1 on are those of training.
  private static func stream(seed: UInt64, step: Int) -> RandomStream {
    RandomStream(seed: seed, purpose: .initialization, client: 1, step: step)
  }

  /// The share of right answers on the test examples after training from zero; 0 where training ran away.
  private func accuracy(
    _ mechanism: Mechanism, on pools: Pools, noise: Double, rate: Float, seed: UInt64
  ) throws -> Double {
    let network = Network(
      plan: try TrainingPlan(architecture: .logistic(inputs: pools.inputs, classes: classes)))
    var theta = [Float](repeating: 0, count: network.plan.trainableCount)
    let work = LocalWork(
      seed: seed, round: 0, client: 0, start: theta,
      batches: .poisson(rate: settings.sampleRate, steps: settings.steps), learningRate: rate,
      privacy: (1, noise))
    _ = try PrivateSteps(work, on: pools.train, network: network).run(count: theta.count) { _ in
      network.load(trainable: theta)
    } move: { release in
      var direction = release.sum.value
      if case .projected(let rank) = mechanism {
        direction = projected(direction, rank: rank, seed: seed, step: release.step)
      }
      let scale = release.learningRate / release.expectedBatch
      for place in theta.indices { theta[place] -= scale * direction[place] }
    }
    guard theta.allSatisfy(\.isFinite) else { return 0 }
    network.load(trainable: theta)
    let found = network.evaluate(pools.test)
    return found.correct / Double(max(found.examples, 1))
  }

  /// The rows of the gradient, biases as a last column, projected on the row space of a fresh A.
  private func projected(_ gradient: [Float], rank: Int, seed: UInt64, step: Int) -> [Float] {
    let weights = classes * inputs
    let whole = Matrix(
      rows: (0..<classes).map { row in
        gradient[row * inputs..<(row + 1) * inputs].map(Double.init)
          + [Double(gradient[weights + row])]
      })
    var stream = Self.stream(seed: seed, step: step + 1)
    let a = MatrixAttack.gaussian(rank, inputs + 1, using: &stream)
    let basis = a.orthonormalRows().q
    let kept = whole.multiplied(by: basis.transposed).multiplied(by: basis)
    var result = gradient
    for row in 0..<classes {
      for column in 0..<inputs { result[row * inputs + column] = Float(kept[row, column]) }
      result[weights + row] = Float(kept[row, inputs])
    }
    return result
  }
}
