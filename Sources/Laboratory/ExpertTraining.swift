// How `dpflsim lab merging` trains the expert of a task.

import Federation
import Kernels
import Learning

struct ExpertTraining {
  let settings: MergingLaboratory.Settings
  let architecture: Architecture
  let base: [Float]
  /// The training examples of all tasks.
  let pool: ExamplePool

  private func plan(_ kind: MergingLaboratory.Kind, task: Int, seed: UInt64)
    throws(ArchitectureError) -> TrainingPlan
  {
    let hosts = architecture.hosts
    switch kind {
    case .full: return try TrainingPlan(architecture: architecture)
    case .lora:
      return try TrainingPlan(
        architecture: architecture,
        adapter: LoRAConfiguration(
          rank: settings.rank, loraAlpha: Double(settings.rank), targetModules: hosts.map(\.name),
          trained: .both, layerRanks: hosts.map { min(settings.rank, $0.rows, $0.columns) }))
    case .sparse:
      // A mask of its own for each task: the sum over masks that hold a place then differs from the mean.
      var places: [String: [Int]] = [:]
      for (index, host) in hosts.enumerated() {
        let size = host.rows * host.columns
        let count = min(settings.rank * (host.rows + host.columns), size)
        var stream = RandomStream(
          seed: seed, purpose: .initialization, client: task, step: index + 1)
        var order = Array(0..<size)
        for place in 0..<count {
          order.swapAt(place, place + Int(stream.next(upperBound: UInt64(size - place))))
        }
        places[host.name] = order.prefix(count).sorted()
      }
      return try TrainingPlan(
        architecture: architecture,
        adapter: SparseAdapter(
          rank: settings.rank, targetModules: hosts.map(\.name), mask: .places(places)))
    }
  }

  struct Trained {
    let plan: TrainingPlan
    let theta: [Float]
    let parameters: [Float]
    /// Mean loss on its own examples.
    let loss: Double
  }

  private func train(
    _ kind: MergingLaboratory.Kind, task: Int, on positions: [Int], learningRate: Float,
    seed: UInt64
  ) throws -> Trained {
    let plan = try plan(kind, task: task, seed: seed)
    let frozen = FrozenParameters(base: base, factors: plan.frozenFactors(seed: seed))
    let start = plan.initialTrainable(base: base, seed: seed)
    let network = Network(plan: plan)
    network.load(frozen: frozen)
    let own = PoolMembers(pool: pool, positions: positions)
    let outcome = try LocalTraining.run(
      LocalWork(
        seed: seed, round: 0, client: task, start: start, batches: .full(steps: settings.steps),
        learningRate: learningRate, privacy: settings.noiseMultiplier.map { (1, $0) }),
      on: own, features: nil, network: network)
    let theta = zip(start, outcome.delta).map { $0 + $1 }
    network.load(trainable: theta)
    let seen = network.evaluate(own)
    return Trained(
      plan: plan, theta: theta, parameters: plan.merged(frozen: frozen, trainable: theta),
      loss: seen.loss / Double(max(seen.examples, 1)))
  }

  /// The expert with the lowest training loss of several step sizes: each finds its own.
  func tuned(_ kind: MergingLaboratory.Kind, task: Int, on positions: [Int], seed: UInt64) throws
    -> Trained
  {
    var best: Trained?
    for rate: Float in [0.01, 0.03, 0.1, 0.3, 1] {
      do {
        let trained = try train(kind, task: task, on: positions, learningRate: rate, seed: seed)
        if trained.loss.isFinite, trained.loss < best?.loss ?? .infinity { best = trained }
      } catch FederationError.notFinite {
        // Too large a step.
      }
    }
    return try best
      ?? train(kind, task: task, on: positions, learningRate: 0.001, seed: seed)
  }

  /// Disjoint examples for each task, half of each label as far as they last.
  func parts(_ tasks: [[Int]], seed: UInt64) -> [[Int]] {
    var left: [Int: [Int]] = [:]
    var stream = RandomStream(seed: seed, purpose: .partition)
    var order = Array(0..<pool.count)
    for place in order.indices {
      order.swapAt(place, place + Int(stream.next(upperBound: UInt64(order.count - place))))
    }
    for position in order { left[pool.label(at: position), default: []].append(position) }
    return tasks.map { labels in
      labels.flatMap { label in
        let own = Array((left[label] ?? []).prefix(settings.examples / 2))
        left[label]?.removeFirst(own.count)
        return own
      }
    }
  }
}
