// What a client is asked to do with its data in one round, and what comes of it.

import Foundation
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
  /// (λ/2)·‖w − center‖² + correction · w: what is added to the loss without looking at data, as in MR-MTL, FedProx
  /// (the first part) and SCAFFOLD (the second).
  public struct Regularizer: Sendable {
    let lambda: Float
    let center: [Float]
    /// Nil is zero.
    let correction: [Float]?

    public init(lambda: Float, center: [Float], correction: [Float]? = nil) {
      self.lambda = lambda
      self.center = center
      self.correction = correction
    }

    package func pull(_ theta: inout [Float], learningRate: Float) {
      let pull = learningRate * lambda
      for i in theta.indices { theta[i] -= pull * (theta[i] - center[i]) }
      guard let correction else { return }
      for i in theta.indices { theta[i] -= learningRate * correction[i] }
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
  /// Added to the numbers of steps for their noise alone: models that are trained on the same batches have noise of their own.
  var noiseOffset = 0
  /// Whether its releases stand in the ledger; not where those of another work stand for them (`ClientTask.isPaid`).
  var isPaid = true
  /// What of every noisy sum leaves; nil for all of it.
  var projection: NoiseProjection?
  /// What is wrong with the engine, for tests that an audit finds it; nil always else.
  package var fault: EngineFault?

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
  /// What the records that are no canaries would have moved, without noise, along the same path; nil without an audit.
  var deltaOfOthers: [Float]?
  public var entries: [LedgerEntry]
  public var steps: Int
  public var statistics: BatchStatistics
  /// Adaptive thresholds after the last step; released with their counts.
  public var thresholds: [Float]?
}

extension LocalOutcome {
  /// A round of which nothing comes: the model as it was.
  static func nothing(of work: LocalWork) -> LocalOutcome {
    LocalOutcome(
      delta: [Float](repeating: 0, count: work.start.count), entries: [], steps: 0,
      statistics: BatchStatistics())
  }

  init(
    _ taken: StepsTaken, delta: [Float], deltaWithoutNoise: [Float]? = nil,
    deltaOfOthers: [Float]? = nil
  ) {
    self.init(
      delta: delta, deltaWithoutNoise: deltaWithoutNoise, deltaOfOthers: deltaOfOthers,
      entries: taken.entries, steps: taken.steps, statistics: taken.statistics,
      thresholds: taken.thresholds)
  }
}
