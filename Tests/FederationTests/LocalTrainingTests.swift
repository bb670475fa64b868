// DP-SGD against a loop that follows its definition, and its invariants one by one.

import Federation
import Foundation
import Kernels
import Learning
import Privacy
import Testing

/// Points of two classes around ±1 in every coordinate.
struct TwoClouds: ExampleSource {
  let count: Int
  var dimension = 5

  func label(at position: Int) -> Int { position % 2 }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    var stream = RandomStream(seed: 4, purpose: .test, client: position)
    for i in 0..<dimension {
      destination[i] = Float(stream.nextGaussian()) + (position % 2 == 0 ? -1 : 1)
    }
  }
}

@Suite("Local training")
struct LocalTrainingTests {
  let source = TwoClouds(count: 40)
  let plan: TrainingPlan
  let network: Network
  let start: [Float]

  init() throws {
    plan = try TrainingPlan(architecture: .logistic(inputs: 5, classes: 2))
    network = Network(plan: plan)
    start = plan.architecture.initialParameters(seed: 1)
  }

  private func work(
    _ batches: LocalWork.Batches, learningRate: Float = 0.3,
    privacy: (maxGradNorm: Float, noiseMultiplier: Double)? = (0.5, 1.3),
    regularizer: LocalWork.Regularizer? = nil, round: Int = 2
  ) -> LocalWork {
    LocalWork(
      seed: 7, round: round, client: 3, start: start, batches: batches,
      learningRate: learningRate, privacy: privacy, regularizer: regularizer)
  }

  @Test("steps equal the definition: clip each gradient, add noise, divide by the expected batch")
  func definition() throws {
    let task = work(.poisson(rate: 0.25, steps: 4))
    let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
    var theta = start
    for step in 0..<4 {
      let batch = LocalTraining.sample(40, rate: 0.25, work: task, step: step)
      var noisy = [Float](repeating: 0, count: theta.count)
      network.load(trainable: theta)
      for position in batch {
        var single = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(of: source, at: [position], clipping: .none, to: &single)
        let norm = single.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        let factor = Float(min(1, 0.5 / norm))
        for i in noisy.indices { noisy[i] += factor * single[i] }
      }
      GaussianNoise.add(
        to: &noisy, standardDeviation: 0.65, seed: 7, purpose: .gradientNoise, round: 2, client: 3,
        step: step)
      // The divisor is qN = 10, whatever the batch turned out to be.
      for i in theta.indices { theta[i] -= 0.3 / 10 * noisy[i] }
    }
    for i in theta.indices {
      #expect(abs(outcome.delta[i] - (theta[i] - start[i])) < 1e-5)
    }
    #expect(outcome.steps == 4)
    #expect(
      outcome.entries == [
        .gaussian(
          round: 3, client: 3, noiseMultiplier: 1.3, sampleRate: 0.25, maxGradNorm: 0.5,
          sensitivity: 0.5, count: 4)
      ])
  }

  @Test("an empty batch still takes its noisy step")
  func emptyBatch() throws {
    let outcome = try LocalTraining.run(
      work(.poisson(rate: 1e-9, steps: 3)), on: source, features: nil, network: network)
    #expect(outcome.statistics.examples == 0)
    #expect(outcome.steps == 3)
    #expect(outcome.delta.allSatisfy { $0 != 0 })
  }

  @Test("without privacy nothing is clipped or noised, and the ledger says so")
  func withoutPrivacy() throws {
    let outcome = try LocalTraining.run(
      work(.full(steps: 1), privacy: nil), on: source, features: nil, network: network)
    var sum = [Float](repeating: 0, count: start.count)
    network.load(trainable: start)
    _ = network.addClippedSum(of: source, at: Array(0..<40), clipping: .none, to: &sum)
    for i in sum.indices { #expect(abs(outcome.delta[i] + 0.3 / 40 * sum[i]) < 1e-5) }
    #expect(outcome.entries == [.nonPrivate(round: 3, client: 3, purpose: .training)])
  }

  @Test("without noise gradients can be clipped all the same, and it still is no privacy")
  func clippedWithoutNoise() throws {
    var task = work(.full(steps: 1), privacy: nil)
    task.clippingBound = 0.5
    let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
    let noisy = try LocalTraining.run(
      work(.full(steps: 1)), on: source, features: nil, network: network)
    #expect(outcome.delta == noisy.deltaWithoutNoise)
    #expect(outcome.entries == [.nonPrivate(round: 3, client: 3, purpose: .training)])
  }

  @Test("a noisy full batch also says what it would be without noise; nothing else does")
  func withoutNoise() throws {
    let outcome = try LocalTraining.run(
      work(.full(steps: 1)), on: source, features: nil, network: network)
    let plain = try #require(outcome.deltaWithoutNoise)
    var sum = [Float](repeating: 0, count: start.count)
    network.load(trainable: start)
    _ = network.addClippedSum(
      of: source, at: Array(0..<40), clipping: .flat(maxGradNorm: 0.5), to: &sum)
    for i in sum.indices { #expect(abs(plain[i] + 0.3 / 40 * sum[i]) < 1e-5) }
    #expect(plain != outcome.delta)
    for task in [work(.full(steps: 1), privacy: nil), work(.poisson(rate: 0.5, steps: 2))] {
      let other = try LocalTraining.run(task, on: source, features: nil, network: network)
      #expect(other.deltaWithoutNoise == nil)
    }
  }

  @Test("the regulariser acts outside the clip: its pull does not depend on max_grad_norm")
  func regularizer() throws {
    let center = start.map { $0 + 1 }
    for bound: Float in [1e-6, 1] {
      func run(_ regularizer: LocalWork.Regularizer?) throws -> [Float] {
        try LocalTraining.run(
          work(.full(steps: 1), privacy: (bound, 0.5), regularizer: regularizer), on: source,
          features: nil, network: network
        ).delta
      }
      let plain = try run(nil)
      let pulled = try run(LocalWork.Regularizer(lambda: 0.2, center: center))
      // After the step the pull is lr·λ·(θ − center) = 0.3·0.2·(delta − 1).
      for i in plain.indices {
        #expect(abs(pulled[i] - (plain[i] - 0.06 * (plain[i] - 1))) < 1e-5)
      }
    }
  }

  @Test("Poisson batches include every example with the rate, independently")
  func sampling() {
    let task = work(.poisson(rate: 0.1, steps: 1))
    let trials = 20_000
    var hits = [Int](repeating: 0, count: 40)
    var pairs = 0
    var sizes = 0.0
    for step in 0..<trials {
      let batch = LocalTraining.sample(40, rate: 0.1, work: task, step: step)
      #expect(batch == batch.sorted() && Set(batch).count == batch.count)
      for position in batch { hits[position] += 1 }
      if batch.contains(0) && batch.contains(39) { pairs += 1 }
      sizes += Double(batch.count * batch.count)
    }
    // Six standard errors of binomial counts.
    let error = 6 * (Double(trials) * 0.1 * 0.9).squareRoot()
    for count in hits { #expect(abs(Double(count) - 0.1 * Double(trials)) < error) }
    #expect(abs(Double(pairs) - 0.01 * Double(trials)) < 6 * (Double(trials) * 0.01).squareRoot())
    // E[size²] = Np(1−p) + (Np)² = 3.6 + 16.
    #expect(abs(sizes / Double(trials) - 19.6) < 1)
    #expect(LocalTraining.sample(5, rate: 1, work: task, step: 0) == [0, 1, 2, 3, 4])
  }

  @Test("rounds, clients and steps draw different batches; the same key draws the same")
  func keys() {
    let a = work(.poisson(rate: 0.5, steps: 1))
    let b = work(.poisson(rate: 0.5, steps: 1), round: 3)
    let draw = { (w: LocalWork, s: Int) in LocalTraining.sample(40, rate: 0.5, work: w, step: s) }
    #expect(draw(a, 0) == draw(a, 0))
    #expect(draw(a, 0) != draw(a, 1))
    #expect(draw(a, 0) != draw(b, 0))
  }

  @Test("training that diverges is an error with the client and the round")
  func divergence() {
    let task = LocalWork(
      seed: 1, round: 4, client: 9, start: start.map { _ in .infinity }, batches: .full(steps: 1),
      learningRate: 1, privacy: (1, 1))
    #expect(throws: FederationError.notFinite(client: 9, round: 5)) {
      _ = try LocalTraining.run(task, on: source, features: nil, network: network)
    }
  }

  @Test("parameters that the last step drives out of range are an error, not a model")
  func lastStep() {
    let task = work(.full(steps: 1), learningRate: .greatestFiniteMagnitude, privacy: (9, 10))
    #expect(throws: FederationError.notFinite(client: 3, round: 3)) {
      _ = try LocalTraining.run(task, on: source, features: nil, network: network)
    }
  }
}
