// Local training inside a client: SGD, momentum or Adam on what the private steps release, and MR-MTL's pull, which is
// added after the noise.

import Foundation
import Kernels
public import Learning
import Privacy
import Scenarios

public enum LocalTraining {
  /// Runs the steps on a lane's network and returns the change of the parameters.
  public static func run<Source: ExampleSource>(
    _ work: LocalWork, on source: Source, features: FrozenFeatures?, network: Network
  ) throws(FederationError) -> LocalOutcome {
    try run(
      work, on: source, features: features, network: network, canaries: nil, observer: nil)
  }

  /// The same under the eyes of an observer.
  package static func run<Source: ExampleSource>(
    _ work: LocalWork, on source: Source, features: FrozenFeatures?, network: Network,
    observer: any StepObserver
  ) throws(FederationError) -> LocalOutcome {
    try run(
      work, on: source, features: features, network: network, canaries: nil, observer: observer)
  }

  /// The same with the records of an audit.
  static func run<Source: ExampleSource>(
    _ work: LocalWork, on source: Source, features: FrozenFeatures?, network: Network,
    canaries: Canaries?, observer: (any StepObserver)?
  ) throws(FederationError) -> LocalOutcome {
    var path = LocalPath(work, plan: network.plan)
    // The same path without the noise.
    var plain = work.isPrivateFullBatch ? path : nil
    // The same path moved by the sums of all records but the canaries, which an auditor knows.
    var others = canaries == nil ? nil : path
    let steps = PrivateSteps(
      work, on: source, features: features, network: network, canaries: canaries,
      observer: observer)
    let taken = try steps.run(count: work.start.count) { _ in
      network.load(trainable: path.theta)
    } move: { release in
      path.move(
        against: release.sum.value, expectedBatch: release.expectedBatch,
        learningRate: release.learningRate)
      plain?.move(
        against: release.sumWithoutNoise, expectedBatch: release.expectedBatch,
        learningRate: release.learningRate)
      if let regularizer = work.regularizer {
        path.pull(to: regularizer, learningRate: release.learningRate)
      }
      path.penalize(network.plan, learningRate: release.learningRate)
      guard let known = release.knownSum else { return }
      others?.move(
        against: known, expectedBatch: release.expectedBatch, learningRate: release.learningRate)
      if let regularizer = work.regularizer {
        others?.pull(to: regularizer, learningRate: release.learningRate)
      }
      others?.penalize(network.plan, learningRate: release.learningRate)
    }
    func change(_ other: LocalPath?) -> [Float]? {
      other.map { zip($0.theta, work.start).map { $0 - $1 } }
    }
    return LocalOutcome(
      taken, delta: try work.change(to: path.theta), deltaWithoutNoise: change(plain),
      deltaOfOthers: change(others))
  }

  /// A Poisson batch: every example independently with probability `rate`, by geometric gaps.
  public static func sample(_ count: Int, rate: Double, work: LocalWork, step: Int) -> [Int] {
    guard rate < 1 else { return Array(0..<count) }
    var stream = work.noise.stream(
      RandomStream(
        seed: work.seed, purpose: .batchSampling, round: work.round, client: work.client,
        step: step))
    let scale = 1 / Elementary.log(onePlus: -rate)
    var batch: [Int] = []
    // Six standard deviations: larger batches, one in a billion, make it grow.
    let expected = rate * Double(count)
    batch.reserveCapacity(min(count, Int(expected + 6 * expected.squareRoot()) + 8))
    var position = -1
    while true {
      let gap = (Elementary.log(stream.nextOpenUnit()) * scale).rounded(.down)
      guard gap < Double(count - position - 1) else { return batch }
      position += 1 + Int(gap)
      batch.append(position)
    }
  }
}
