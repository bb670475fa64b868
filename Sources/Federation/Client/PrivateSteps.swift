// The one loop of DP-SGD (Abadi et al. 2016): batch, clipped sum, noise, ledger entry. Whoever trains under a budget
// calls it and says only what is differentiated and how a released sum moves the parameters, so what is accounted,
// audited and shipped are the same steps.
//
// The invariants of dp-engine.md section 0: the divisor is the expected batch size, an empty batch still takes its
// noisy step, and every release is in the ledger, counted where it is made.

import Foundation
import Kernels
package import Learning
package import Privacy
import Scenarios

/// Sees what steps let out, while the network still holds what it was computed with. It may keep what it sees; what it
/// computes changes nothing of the run.
package protocol StepObserver: AnyObject {
  func see(_ release: borrowing StepRelease, network: Network)
}

/// What one step let out.
package struct StepRelease {
  /// From 0, within its round.
  package let step: Int
  /// As long as what is trained.
  package let sum: StepSum
  /// The sum before its noise, for simulations alone: it never leaves its client.
  let sumWithoutNoise: [Float]
  /// The sum of the records that are no canaries; nil without an audit.
  let knownSum: [Float]?
  /// qN, whatever the batch turned out to be.
  package let expectedBatch: Float
  package let learningRate: Float
}

/// A sum of gradients that may leave: with its noise, or where no privacy is guaranteed.
package enum StepSum {
  case released(Released<[Float]>)
  case unprotected(Unprotected<[Float]>)

  package var value: [Float] {
    switch self {
    case .released(let sum): sum.value
    case .unprotected(let sum): sum.value
    }
  }
}

/// What a round's steps came to.
package struct StepsTaken {
  /// Of the releases that were made.
  package var entries: [LedgerEntry]
  package var steps: Int
  package var statistics: BatchStatistics
  /// Adaptive thresholds after the last step; released with their counts.
  package var thresholds: [Float]?
}

/// The steps of one client's round on one network.
package struct PrivateSteps<Source: ExampleSource> {
  let work: LocalWork
  let source: Source
  let features: FrozenFeatures?
  let network: Network
  /// Records of an audit, besides those of the source.
  let canaries: Canaries?
  let observer: (any StepObserver)?

  package init(_ work: LocalWork, on source: Source, network: Network) {
    self.init(work, on: source, features: nil, network: network)
  }

  init(
    _ work: LocalWork, on source: Source, features: FrozenFeatures?, network: Network,
    canaries: Canaries? = nil, observer: (any StepObserver)? = nil
  ) {
    self.work = work
    self.source = source
    self.features = features
    self.network = network
    self.canaries = canaries
    self.observer = observer
  }

  /// Takes all steps.
  ///
  /// - Parameters:
  ///   - count: the length of what is trained in a step.
  ///   - load: loads the network for a step (from 0, within the whole round).
  ///   - move: moves the parameters by what the step released.
  /// - Throws: `FederationError.notFinite` in the step in which training without a budget ran away.
  package func run(
    count: Int, load: (_ step: Int) -> Void, move: (borrowing StepRelease) -> Void
  ) throws(FederationError) -> StepsTaken {
    var sum = [Float](repeating: 0, count: count)
    var statistics = BatchStatistics()
    let (rate, steps) = work.rateAndSteps
    let expectedBatch = Float(rate * Double(source.count))
    var groups = work.groups
    var releases = 0
    for step in 0..<steps {
      let draw = work.firstStep + step
      load(draw)
      let batch = Batch(
        examples: LocalTraining.sample(source.count, rate: rate, work: work, step: draw),
        canaries: canaries?.drawn(rate: rate, work: work, step: draw) ?? [],
        additions: work.fault?.additions ?? 1)
      var noise = StepNoise(
        work.noise, seed: work.seed, round: work.round, client: work.client,
        step: draw + work.noiseOffset,
        fault: work.fault)
      var known: [Float]?
      let (released, seen) = release(
        batch, step: draw, into: &sum, known: &known, groups: groups, noise: &noise)
      releases += 1
      // Under a budget nothing but released numbers may end a run: a single record can make a loss infinite. A gradient
      // that is not finite counts as zero, and parameters that are not end the round.
      guard work.privacy != nil || seen.isFinite else {
        throw .notFinite(client: work.client, round: work.round + 1)
      }
      statistics.add(seen)
      groups?.learn(from: seen, expectedBatch: Double(expectedBatch), noise: &noise)
      let release = StepRelease(
        step: draw, sum: released, sumWithoutNoise: sum, knownSum: known,
        expectedBatch: expectedBatch,
        learningRate: work.learningRate(step: step, of: steps))
      observer?.see(release, network: network)
      move(release)
    }
    return StepsTaken(
      entries: work.entries(releases: releases), steps: steps, statistics: statistics,
      thresholds: groups?.released)
  }

  private struct Batch {
    let examples: [Int]
    let canaries: [Int]

    init(examples: [Int], canaries: [Int], additions: Int) {
      func repeated(_ records: [Int]) -> [Int] {
        additions == 1
          ? records : records.flatMap { Array(repeating: $0, count: additions) }
      }
      self.examples = repeated(examples)
      self.canaries = repeated(canaries)
    }
  }

  /// Clips, adds up and noises one batch; `sum` is left without the noise.
  private func release(
    _ batch: Batch, step: Int, into sum: inout [Float], known: inout [Float]?,
    groups: GroupThresholds?, noise: inout StepNoise
  ) -> (StepSum, BatchStatistics) {
    let clipping =
      work.fault?.looseBound.map { .flat(maxGradNorm: $0 * (work.privacy?.maxGradNorm ?? 1)) }
      ?? groups?.clipping ?? work.clipping
    if let privacy = work.privacy, work.noise.mode == .exact {
      return releaseExactly(
        batch, privacy: privacy, clipping: clipping, into: &sum, known: &known, groups: groups,
        noise: &noise)
    }
    let seen = addSum(at: batch.examples, clipping: clipping, to: &sum)
    if let canaries {
      known = sum
      canaries.addClippedSum(
        of: batch.canaries, clipping: clipping, network: network, to: &sum)
    }
    guard let privacy = work.privacy else { return (.unprotected(Unprotected(sum)), seen) }
    if work.fault == .clippedMean {
      shortenMean(of: &sum, to: privacy.maxGradNorm)
      if var others = known {
        shortenMean(of: &others, to: privacy.maxGradNorm)
        known = others
      }
    }
    if let groups { return (.released(groups.release(sum, noise: &noise)), seen) }
    let clipped = ClippedSum(values: sum, sensitivity: privacy.maxGradNorm)
    if let projection = work.projection {
      let mechanism = ProjectedGaussianMechanism(
        noiseMultiplier: privacy.noiseMultiplier, projection: projection.privacy)
      let released = mechanism.release(clipped) { values, deviation in
        noise.add(to: &values, standardDeviation: deviation)
      } project: { values in
        var rows = projection.rows(of: work, step: step)
        projection.project(&values, using: &rows)
      }
      return (.released(released), seen)
    }
    let mechanism = GaussianMechanism(noiseMultiplier: privacy.noiseMultiplier)
    let released = mechanism.release(clipped) { values, deviation in
      noise.add(to: &values, standardDeviation: deviation)
    }
    return (.released(released), seen)
  }

  /// What frameworks without gradients of single examples do: the sum over the expected batch, shortened.
  private func shortenMean(of sum: inout [Float], to bound: Float) {
    let batch = Float(work.rateAndSteps.rate * Double(source.count))
    let norm = sum.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    let factor = Float(min(1, Double(bound * batch) / max(norm, .leastNormalMagnitude)))
    for i in sum.indices { sum[i] *= factor }
  }

  /// Every record is rounded to the grid by itself: slower, and the sum is exact.
  private func releaseExactly(
    _ batch: Batch, privacy: (maxGradNorm: Float, noiseMultiplier: Double), clipping: Clipping,
    into sum: inout [Float], known: inout [Float]?, groups: GroupThresholds?,
    noise: inout StepNoise
  ) -> (StepSum, BatchStatistics) {
    let flat = GaussianMechanism(noiseMultiplier: privacy.noiseMultiplier)
      .grid(count: sum.count, sensitivity: privacy.maxGradNorm)
    var grid = ClippedGridSum(parts: groups?.grid ?? flat)
    var seen = BatchStatistics()
    var total = [Float](repeating: 0, count: sum.count)
    for position in batch.examples {
      seen.add(addSum(at: [position], clipping: clipping, to: &sum))
      grid.add(sum)
      for i in sum.indices { total[i] += sum[i] }
    }
    if let canaries {
      known = total
      for canary in batch.canaries {
        for i in sum.indices { sum[i] = 0 }
        canaries.addClippedSum(of: [canary], clipping: clipping, network: network, to: &sum)
        grid.add(sum)
        for i in sum.indices { total[i] += sum[i] }
      }
    }
    sum = total
    return (.released(grid.release { noise.integer(standardDeviation: $0) }), seen)
  }

  private func addSum(
    at positions: [Int], clipping: Clipping, to sum: inout [Float]
  ) -> BatchStatistics {
    for i in sum.indices { sum[i] = 0 }
    return network.addClippedSum(
      of: source, at: positions, features: features, clipping: clipping, to: &sum)
  }
}

extension LocalWork {
  /// What so many releases put into the ledger.
  func entries(releases: Int) -> [LedgerEntry] {
    guard releases > 0, isPaid else { return [] }
    guard let privacy else {
      return [.nonPrivate(round: round + 1, client: client, purpose: .training)]
    }
    return [
      .gaussian(
        round: round + 1, client: client, noiseMultiplier: privacy.noiseMultiplier,
        sampleRate: rateAndSteps.rate, maxGradNorm: Double(privacy.maxGradNorm),
        sensitivity: Double(privacy.maxGradNorm),
        thresholdNoiseMultiplier: groups?.countNoiseMultiplier, projection: projection?.privacy,
        count: releases)
    ]
  }

  /// What will be in the ledger once all is done.
  var plannedEntries: [LedgerEntry] { entries(releases: rateAndSteps.steps) }
}

extension BatchStatistics {
  fileprivate var isFinite: Bool { examples == 0 || (notFinite < examples && loss.isFinite) }

  mutating func add(_ other: BatchStatistics) {
    examples += other.examples
    correct += other.correct
    loss += other.loss
    unclipped += other.unclipped
    notFinite += other.notFinite
    within = within.isEmpty ? other.within : zip(within, other.within).map { $0 + $1 }
  }
}
