// Fine-tunes one of many models on a random half of a pool, by the steps that clients take (full batches, with or
// without the clip and the noise of DP-SGD), and keeps what attackers see.

import Federation
import Kernels
import Learning
import RealModule

/// Examples copied out of their source, so that tasks can share them.
struct ExamplePool: ExampleSource {
  private var values: [[Float]]
  private let labels: [Int]
  var count: Int { labels.count }

  /// The same labels with A x in place of x.
  func projected(by a: Matrix) -> ExamplePool {
    let x = Matrix(
      rows: count, columns: a.columns, elements: values.flatMap { $0.map(Double.init) })
    let product = x.multiplied(by: a.transposed)
    var result = self
    result.values = (0..<count).map { product.row($0).map { Float($0) } }
    return result
  }

  init<Source: ExampleSource>(_ source: Source, inputCount: Int, count: Int) {
    let count = min(count, source.count)
    labels = (0..<count).map { source.label(at: $0) }
    values = (0..<count).map { position in
      var values = [Float](repeating: 0, count: inputCount)
      var span = values.mutableSpan
      source.write(position, into: &span)
      return values
    }
  }

  func label(at position: Int) -> Int { labels[position] }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    for i in values[position].indices { destination[i] = values[position][i] }
  }
}

/// Some examples of a pool.
struct PoolMembers: ExampleSource {
  let pool: ExamplePool
  let positions: [Int]
  var count: Int { positions.count }

  func label(at position: Int) -> Int { pool.label(at: positions[position]) }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    pool.write(positions[position], into: &destination)
  }
}

struct FineTuner: Sendable {
  let architecture: Architecture
  let base: [Float]
  let pool: ExamplePool
  let steps: Int
  let seed: UInt64

  /// What is left of one model.
  struct Model: Sendable {
    /// Whether each example of the pool was trained on.
    var members: [Bool]
    var losses: [Double]
    var correct: [Bool]
    /// Membership and score of the watched examples.
    var strongScores: [(isMember: Bool, score: Double)] = []
    var trainLoss = 0.0
  }

  private func plan(_ row: FineTuning) throws(ArchitectureError) -> TrainingPlan {
    guard let rank = row.rank else { return try TrainingPlan(architecture: architecture) }
    let hosts = architecture.hosts
    let ranks = hosts.map { min(rank, $0.rows, $0.columns) }
    return try TrainingPlan(
      architecture: architecture,
      adapter: LoRAConfiguration(
        rank: rank, loraAlpha: Double(rank), targetModules: hosts.map(\.name),
        trained: row.trained, layerRanks: ranks))
  }

  /// The step size with the lowest training loss of a pilot model: each way to train gets its own.
  func tunedLearningRate(_ row: FineTuning) throws -> Float {
    var best: (rate: Float, loss: Double) = (0.01, .infinity)
    for rate: Float in [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3] {
      do {
        let loss = try model(row, index: -1, learningRate: rate, watched: 0).trainLoss
        if loss.isFinite, loss < best.loss { best = (rate, loss) }
      } catch FederationError.notFinite {
        // Too large a step.
      }
    }
    return best.rate
  }

  /// Trains model `index` and evaluates every example of the pool.
  ///
  /// - Parameter watched: examples that the strong attacker asks about.
  func model(
    _ row: FineTuning, index: Int, learningRate: Float, watched: Int
  ) throws -> Model {
    let plan = try plan(row)
    let frozen = FrozenParameters(base: base, factors: plan.frozenFactors(seed: seed))
    let start = plan.initialTrainable(base: base, seed: seed)
    let network = Network(plan: plan)
    network.load(frozen: frozen)
    var draw = RandomStream(seed: seed, purpose: .partition, client: index + 1)
    let members = (0..<pool.count).map { _ in draw.nextUnit() < 0.5 }
    let positions = members.indices.filter { members[$0] }
    let attack = StrongAttack(
      watched: Array((0..<pool.count).prefix(watched)), members: members, pool: pool,
      noiseMultiplier: row.noiseMultiplier)
    let work = LocalWork(
      seed: seed, round: 0, client: index + 1, start: start, batches: .full(steps: steps),
      learningRate: learningRate, privacy: row.noiseMultiplier.map { (1, $0) })
    let outcome = try LocalTraining.run(
      work, on: PoolMembers(pool: pool, positions: positions), features: nil, network: network,
      observer: attack)
    network.load(trainable: zip(start, outcome.delta).map { $0 + $1 })
    var losses = [Double](repeating: 0, count: pool.count)
    var correct = [Bool](repeating: false, count: pool.count)
    _ = network.evaluate(
      pool, observe: { correct[$0.position] = $0.label == $0.predicted },
      lossObserver: { losses[$0] = $1 })
    let trainLoss =
      positions.reduce(0) { $0 + losses[$1] } / Double(max(positions.count, 1))
    return Model(
      members: members, losses: losses, correct: correct, strongScores: attack.scores,
      trainLoss: trainLoss)
  }
}

/// The attacker who knows the start, all other records and every released step: what a step's release holds beyond
/// the sum of the others is the example's gradient, or noise, or nothing.
private final class StrongAttack: StepObserver {
  private let watched: [Int]
  private let members: [Bool]
  private let pool: ExamplePool
  private let noiseMultiplier: Double?
  private var inner: [Double]
  private var power: [Double]

  init(watched: [Int], members: [Bool], pool: ExamplePool, noiseMultiplier: Double?) {
    self.watched = watched
    self.members = members
    self.pool = pool
    self.noiseMultiplier = noiseMultiplier
    inner = [Double](repeating: 0, count: watched.count)
    power = inner
  }

  func see(_ release: borrowing StepRelease, network: Network) {
    let clipping: Clipping = noiseMultiplier == nil ? .none : .flat(maxGradNorm: 1)
    let sum = release.sum.value
    for (index, position) in watched.enumerated() {
      let others = members.indices.filter { members[$0] && $0 != position }
      var rest = [Float](repeating: 0, count: sum.count)
      _ = network.addClippedSum(of: pool, at: others, clipping: clipping, to: &rest)
      var own = [Float](repeating: 0, count: sum.count)
      _ = network.addClippedSum(of: pool, at: [position], clipping: clipping, to: &own)
      for i in own.indices {
        inner[index] += Double(sum[i] - rest[i]) * Double(own[i])
        power[index] += Double(own[i]) * Double(own[i])
      }
    }
  }

  /// The share of the gradient that is there (1 or 0 without noise), or the logarithm of the likelihood ratio.
  var scores: [(isMember: Bool, score: Double)] {
    watched.indices.map { index in
      let size = max(power[index], .leastNormalMagnitude)
      let score =
        noiseMultiplier.map { (inner[index] - power[index] / 2) / ($0 * $0) }
        ?? inner[index] / size
      return (members[watched[index]], score)
    }
  }
}
