// DP-SGD inside a client (Abadi et al. 2016), with the invariants of dp-engine.md section 0: the
// divisor is the expected batch size, an empty batch still takes its noisy step, the regulariser is
// added after the noise, and every release is an entry of the ledger.

import Foundation
import Kernels
public import Learning
public import Privacy
public import Scenarios

/// What a client is to do with its data in one round.
public struct LocalWork: Sendable {
  public enum Batches: Sendable, Hashable {
    /// The whole data set in each of so many steps.
    case full(steps: Int)
    /// Poisson batches at the client's rate.
    case poisson(rate: Double, steps: Int)
  }
  /// (λ/2)·‖w − center‖², as in MR-MTL.
  public struct Regularizer: Sendable {
    let lambda: Float
    let center: [Float]

    public init(lambda: Float, center: [Float]) {
      self.lambda = lambda
      self.center = center
    }
  }

  let seed: UInt64
  /// From 0.
  let round: Int
  let client: Int
  let start: [Float]
  let batches: Batches
  let learningRate: Float
  public var optimizer = Scenario.Local.Optimizer.sgd
  public var schedule = Scenario.Local.LearningRateSchedule.constant
  /// Rounds of the whole run, over which the schedule goes.
  public var rounds = 1
  /// Steps of the whole round, where this work is a part of it; nil where it is all.
  public var roundSteps: Int?
  /// nil trains without clipping and noise.
  let privacy: (maxGradNorm: Float, noiseMultiplier: Double)?
  let regularizer: Regularizer?
  /// Index of the first step within the round: every step has randomness of its own.
  let firstStep: Int
  package var noise = NoiseMaking()
  public var rule = ClippingRule.flat
  /// Where thresholds adapt: those to begin with; nil takes the scenario's.
  public var thresholds: [Float]?
  /// Clips also where there is no privacy; nil does not.
  public var clippingBound: Float?
  /// Hidden units of the networks that emit low-rank factors; nil trains the factors themselves.
  public var generatorWidth: Int?
  /// Clipping bounds of single examples, at most `maxGradNorm`; nil clips all to that.
  public var exampleBounds: [Float]?

  public init(
    seed: UInt64, round: Int, client: Int, start: [Float], batches: Batches, learningRate: Float,
    privacy: (maxGradNorm: Float, noiseMultiplier: Double)?, regularizer: Regularizer? = nil,
    firstStep: Int = 0
  ) {
    self.seed = seed
    self.round = round
    self.client = client
    self.start = start
    self.batches = batches
    self.learningRate = learningRate
    self.privacy = privacy
    self.regularizer = regularizer
    self.firstStep = firstStep
  }
}

extension LocalWork {
  /// Of all trained parameters together; groups bring their own.
  var clipping: Clipping {
    guard let bound = privacy?.maxGradNorm ?? clippingBound else { return .none }
    if case .automatic(let gamma) = rule {
      return .automatic(maxGradNorm: bound, gamma: gamma)
    }
    return exampleBounds.map { .each(maxGradNorms: $0) } ?? .flat(maxGradNorm: bound)
  }

  /// Nil without groups, or without privacy.
  var groups: GroupThresholds? {
    privacy.flatMap { privacy in
      GroupThresholds(
        rule, maxGradNorm: privacy.maxGradNorm, noiseMultiplier: privacy.noiseMultiplier,
        start: thresholds)
    }
  }

  /// The step size of a step (from 0).
  func learningRate(step: Int, of steps: Int) -> Float {
    let share = Double(firstStep + step) / Double(max(roundSteps ?? firstStep + steps, 1))
    let progress = (Double(round) + share) / Double(max(rounds, 1))
    return learningRate * Float(schedule.factor(round: round, progress: progress))
  }

  var isPrivateFullBatch: Bool {
    if case .full = batches { privacy != nil } else { false }
  }

  var rateAndSteps: (rate: Double, steps: Int) {
    switch batches {
    case .full(let steps): (1, steps)
    case .poisson(let rate, let steps): (rate, steps)
    }
  }

  /// Ends a training that ran away in the step in which it did.
  func check(_ seen: BatchStatistics) throws(FederationError) {
    if seen.examples > 0, seen.notFinite == seen.examples || !seen.loss.isFinite {
      throw .notFinite(client: client, round: round + 1)
    }
  }

  /// From the start to these parameters, which the last step may have driven out of range.
  func change(to parameters: [Float]) throws(FederationError) -> [Float] {
    let change = zip(parameters, start).map { $0 - $1 }
    guard change.allSatisfy({ $0.isFinite }) else {
      throw .notFinite(client: client, round: round + 1)
    }
    return change
  }
}

/// What came of it. `delta` is released; the statistics are the client's own.
public struct LocalOutcome: Sendable {
  public var delta: [Float]
  /// What `delta` would be without the noise in it, along the same path; of full-batch rounds with
  /// privacy alone. Not private: a simulation may draw it, nobody else may see it.
  package var deltaWithoutNoise: [Float]?
  public var entries: [LedgerEntry]
  public var steps: Int
  public var statistics: BatchStatistics
  /// Adaptive thresholds after the last step; released with their counts.
  public var thresholds: [Float]?
}

public enum LocalTraining {
  /// Runs the steps on a lane's network and returns the change of the parameters.
  public static func run<Source: ExampleSource>(
    _ work: LocalWork, on source: Source, features: FrozenFeatures?, network: Network
  ) throws(FederationError) -> LocalOutcome {
    var path = LocalPath(work, plan: network.plan)
    var sum = [Float](repeating: 0, count: work.start.count)
    var statistics = BatchStatistics()
    let (rate, steps) = work.rateAndSteps
    let expectedBatch = Float(rate * Double(source.count))
    var groups = work.groups
    var plain = work.isPrivateFullBatch ? path : nil
    for step in 0..<steps {
      let draw = work.firstStep + step
      let batch = sample(source.count, rate: rate, work: work, step: draw)
      network.load(trainable: path.theta)
      var noise = StepNoise(
        work.noise, seed: work.seed, round: work.round, client: work.client, step: draw)
      let pass = ClippedPass(
        source: source, batch: batch, features: features,
        clipping: groups?.clipping ?? work.clipping)
      let (noisy, seen) = release(
        pass, of: network, into: &sum, work: work, groups: groups, noise: &noise)
      try work.check(seen)
      statistics.add(seen)
      groups?.learn(from: seen, expectedBatch: Double(expectedBatch), noise: &noise)
      let learningRate = work.learningRate(step: step, of: steps)
      path.move(against: noisy, expectedBatch: expectedBatch, learningRate: learningRate)
      plain?.move(against: sum, expectedBatch: expectedBatch, learningRate: learningRate)
      if let regularizer = work.regularizer { path.pull(regularizer, learningRate: learningRate) }
      path.penalize(network.plan, learningRate: learningRate)
    }
    return LocalOutcome(
      delta: try work.change(to: path.theta),
      deltaWithoutNoise: plain.map { zip($0.theta, work.start).map { $0 - $1 } },
      entries: entries(work, rate: rate, steps: steps), steps: steps, statistics: statistics,
      thresholds: groups?.released)
  }

  /// A Poisson batch: every example independently with probability `rate`, by geometric gaps.
  public static func sample(_ count: Int, rate: Double, work: LocalWork, step: Int) -> [Int] {
    guard rate < 1 else { return Array(0..<count) }
    var stream = work.noise.stream(
      RandomStream(
        seed: work.seed, purpose: .batchSampling, round: work.round, client: work.client,
        step: step))
    let scale = 1 / log1p(-rate)
    var batch: [Int] = []
    var position = -1
    while true {
      let gap = (log(stream.nextOpenUnit()) * scale).rounded(.down)
      guard gap < Double(count - position - 1) else { return batch }
      position += 1 + Int(gap)
      batch.append(position)
    }
  }

  /// What a step asks of the network.
  struct ClippedPass<Source: ExampleSource> {
    let source: Source
    let batch: [Int]
    let features: FrozenFeatures?
    let clipping: Clipping

    func addSum(
      at positions: [Int], of network: Network, to sum: inout [Float]
    ) -> BatchStatistics {
      for i in sum.indices { sum[i] = 0 }
      return network.addClippedSum(
        of: source, at: positions, features: features, clipping: clipping, to: &sum)
    }
  }

  /// The noisy sum of a step; without privacy the sum itself.
  static func release<Source: ExampleSource>(
    _ pass: ClippedPass<Source>, of network: Network, into sum: inout [Float], work: LocalWork,
    groups: GroupThresholds?, noise: inout StepNoise
  ) -> (noisy: [Float], seen: BatchStatistics) {
    guard let privacy = work.privacy else {
      let seen = pass.addSum(at: pass.batch, of: network, to: &sum)
      return (sum, seen)
    }
    let mechanism = GaussianMechanism(noiseMultiplier: privacy.noiseMultiplier)
    if work.noise.mode == .exact {
      // Every example is rounded to the grid by itself: slower, and the sum is exact.
      let flat = mechanism.grid(count: sum.count, sensitivity: privacy.maxGradNorm)
      var grid = ClippedGridSum(parts: groups?.grid ?? flat)
      var seen = BatchStatistics()
      for position in pass.batch {
        seen.add(pass.addSum(at: [position], of: network, to: &sum))
        grid.add(sum)
      }
      return (grid.release { noise.integer(standardDeviation: $0) }.value, seen)
    }
    let seen = pass.addSum(at: pass.batch, of: network, to: &sum)
    if let groups { return (groups.release(sum, noise: &noise), seen) }
    let clipped = ClippedSum(values: sum, sensitivity: privacy.maxGradNorm)
    let noisy = mechanism.release(clipped) { values, deviation in
      noise.add(to: &values, standardDeviation: deviation)
    }
    return (noisy.value, seen)
  }

  /// What the steps put into the ledger.
  static func entries(_ work: LocalWork, rate: Double, steps: Int) -> [LedgerEntry] {
    guard steps > 0 else { return [] }
    guard let privacy = work.privacy else {
      return [.nonPrivate(round: work.round + 1, client: work.client, purpose: .training)]
    }
    return [
      .gaussian(
        round: work.round + 1, client: work.client, noiseMultiplier: privacy.noiseMultiplier,
        sampleRate: rate, maxGradNorm: Double(privacy.maxGradNorm),
        sensitivity: Double(privacy.maxGradNorm),
        thresholdNoiseMultiplier: work.groups?.countNoiseMultiplier, count: steps)
    ]
  }
}

extension BatchStatistics {
  mutating func add(_ other: BatchStatistics) {
    examples += other.examples
    correct += other.correct
    loss += other.loss
    unclipped += other.unclipped
    notFinite += other.notFinite
    within = within.isEmpty ? other.within : zip(within, other.within).map { $0 + $1 }
  }
}
