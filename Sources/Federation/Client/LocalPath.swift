// Where a client's local training is: θ and whatever moves it. All of it comes after the noise.

import Learning

/// θ on its way from the start of a round.
struct LocalPath {
  private(set) var theta: [Float]
  private let start: [Float]
  private var optimizer: LocalOptimizer
  /// The networks that emit θ's factors, and their parameters; nil where θ itself takes the steps.
  private let generator: FactorGenerator?
  private var emitting: [Float]

  init(_ work: LocalWork, plan: TrainingPlan) {
    theta = work.start
    start = work.start
    generator = work.generatorWidth.map { FactorGenerator(plan, hidden: $0, seed: work.seed) }
    emitting = generator?.initial ?? []
    optimizer = LocalOptimizer(
      work.optimizer, count: generator == nil ? work.start.count : emitting.count)
  }

  /// One step against a sum of gradients with respect to θ, noisy or not.
  mutating func move(against sum: [Float], expectedBatch: Float, learningRate: Float) {
    guard let generator else {
      optimizer.move(
        &theta, against: sum, expectedBatch: expectedBatch, learningRate: learningRate)
      return
    }
    // Pulled back through the networks after the noise: post-processing, the factors' sensitivity stands.
    let pulled = generator.pullBack(sum, at: emitting)
    optimizer.move(
      &emitting, against: pulled, expectedBatch: expectedBatch, learningRate: learningRate)
    theta = generator.theta(emitting, from: start)
  }

  mutating func pull(to regularizer: LocalWork.Regularizer, learningRate: Float) {
    regularizer.pull(&theta, learningRate: learningRate)
  }

  /// What the adapter asks of θ itself, whatever the data are.
  mutating func penalize(_ plan: TrainingPlan, learningRate: Float) {
    guard let gradient = plan.adapter?.penaltyGradient(of: theta, in: plan) else { return }
    for i in theta.indices { theta[i] -= learningRate * gradient[i] }
  }
}
