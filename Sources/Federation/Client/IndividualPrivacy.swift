// Each example's own ε, from the gradient norms it really had (Yu et al., TMLR 2023): followed by the
// client, summarised at the end of a simulation.

import Datasets
import Foundation
import Kernels
import Learning
import Privacy

/// Averages of the examples' own ε; specific to this run's trajectory, and private data themselves.
public struct IndividualResult: Codable, Hashable, Sendable {
  /// Training examples of clients with a budget.
  public let examples: Int
  public let least: Double
  public let mean: Double
  /// Up to a percent above the ordinary ε, which holds as well: norms are rounded up.
  public let largest: Double
  /// Means by label, as the clients see labels, and by true cluster; nil where there is no example.
  public let meanByClass: [Double?]
  public let meanByCluster: [Double?]
  /// Pearson's correlation of ε with the logarithm of the loss under the final model; nil where one of
  /// them does not vary.
  public let lossCorrelation: Double?
}

/// What a client knows of its examples' own losses.
struct IndividualTracker: Sendable {
  private var accountant: IndividualAccountant

  init(examples: Int) { accountant = IndividualAccountant(exampleCount: examples) }

  var divergences: [Double] { accountant.divergences }

  /// Whether they are as many as they should be.
  mutating func restore(_ divergences: [Double]) -> Bool { accountant.restore(divergences) }

  /// Hundredths of the clipping bound, rounded up, that bound each example's gradient in a round.
  ///
  /// Nobody is held to 0, which would silence an example for a whole round. Where every step has other carriers, those
  /// of the first say how long gradients are; the bound holds in all.
  ///
  /// - Parameters:
  ///   - network: loaded with what the round's first step trains.
  ///   - count: of the numbers that it trains.
  static func levels<Source: ExampleSource>(
    of source: Source, features: FrozenFeatures?, count: Int, maxGradNorm: Float, network: Network
  ) -> [Int] {
    var levels = [Int](repeating: IndividualAccountant.levelCount, count: source.count)
    var unused = [Float](repeating: 0, count: count)
    _ = network.addClippedSum(
      of: source, at: Array(0..<source.count), features: features,
      clipping: .flat(maxGradNorm: maxGradNorm), to: &unused
    ) { position, norm in
      levels[position] = max(
        1, IndividualAccountant.level(norm: Float(norm), maxGradNorm: maxGradNorm))
    }
    return levels
  }

  /// Counts one round: training in which example i was clipped to `levels[i]` hundredths, and whatever else
  /// concerned all examples alike.
  mutating func record(
    levels: [Int], rate: Double, noiseMultiplier: Double, steps: Int, others: [LedgerEntry]
  ) throws {
    try accountant.record(
      levels: levels, sampleRate: rate, noiseMultiplier: noiseMultiplier, steps: steps)
    try record(others)
  }

  /// Counts releases of which no gradient norms are known: every example is taken to have had the largest.
  mutating func record(_ entries: [LedgerEntry]) throws {
    for entry in entries { try accountant.record(entry.event) }
  }

  func epsilons(delta: Double) -> [Double] { accountant.epsilons(delta: delta) }
}

/// The figures of one client's examples.
struct IndividualFigures: Sendable {
  let cluster: Int
  let labels: [Int]
  let epsilons: [Double]
  /// Losses in nats under the final model.
  let losses: [Double]
}

extension IndividualResult {
  /// Nil without any example.
  init?(_ figures: [IndividualFigures], classes: Int, clusters: Int) {
    let epsilons = figures.flatMap(\.epsilons)
    guard let least = epsilons.min(), let largest = epsilons.max() else { return nil }
    examples = epsilons.count
    self.least = least
    self.largest = largest
    mean = epsilons.reduce(0, +) / Double(epsilons.count)
    var byClass = [(sum: Double, count: Double)](repeating: (0, 0), count: classes)
    var byCluster = [(sum: Double, count: Double)](repeating: (0, 0), count: clusters)
    for part in figures {
      for (label, epsilon) in zip(part.labels, part.epsilons) {
        byClass[label].sum += epsilon
        byClass[label].count += 1
        byCluster[part.cluster].sum += epsilon
        byCluster[part.cluster].count += 1
      }
    }
    meanByClass = byClass.map { $0.count > 0 ? $0.sum / $0.count : nil }
    meanByCluster = byCluster.map { $0.count > 0 ? $0.sum / $0.count : nil }
    // A loss of exactly 0 has no logarithm; single precision ends near 1e-38 anyway.
    lossCorrelation =
      least < largest
      ? Self.correlation(epsilons, figures.flatMap(\.losses).map { Elementary.log(max($0, 1e-38)) })
      : nil
  }

  private static func correlation(_ a: [Double], _ b: [Double]) -> Double? {
    let count = Double(a.count)
    let (meanA, meanB) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      ab += (x - meanA) * (y - meanB)
      aa += (x - meanA) * (x - meanA)
      bb += (y - meanB) * (y - meanB)
    }
    let scale = (aa * bb).squareRoot()
    return scale > 0 && scale.isFinite ? ab / scale : nil
  }
}
