// Which clients an evaluation looks at where not all are looked at: a random sample of every true cluster, drawn anew
// each time from the seed.

import Kernels
import Scenarios

/// Clients that are evaluated in a round, cluster by cluster.
package struct EvaluationSample: Sendable, Hashable {
  /// Of each true cluster, ascending; clients are numbered cluster by cluster.
  package let clusters: [[Int]]
  /// Clients of each true cluster, evaluated or not.
  package let sizes: [Int]

  /// Shares a number of clients out in proportion to the clusters' sizes, at least two to each (or all of it), so
  /// that means have standard errors; a sample of a cluster is uniform and without replacement.
  ///
  /// - Parameters:
  ///   - wanted: clients in all, at least 1.
  ///   - sizes: clients of each cluster, at least 1.
  ///   - round: from 0.
  package init(of wanted: Int, sizes: [Int], seed: UInt64, round: Int) {
    self.sizes = sizes
    let shares = Self.shares(of: wanted, sizes: sizes)
    var first = 0
    var clusters: [[Int]] = []
    for (cluster, (share, size)) in zip(shares, sizes).enumerated() {
      // Step 1: step 0 of client 0 draws cohorts.
      var stream = RandomStream(
        seed: seed, purpose: .cohortSampling, round: round, client: cluster, step: 1)
      let drawn = CohortSchedule.draw(share, of: size, using: &stream)
      clusters.append(drawn.map { first + $0 })
      first += size
    }
    self.clusters = clusters
  }

  /// All clients that are evaluated, ascending.
  package var clients: [Int] { clusters.flatMap { $0 } }

  /// The largest remainders round the shares.
  package static func shares(of wanted: Int, sizes: [Int]) -> [Int] {
    let total = sizes.reduce(0, +)
    var shares = sizes.map { $0 * wanted / total }
    let left = max(0, min(wanted, total) - shares.reduce(0, +))
    let order = sizes.indices.sorted {
      (sizes[$1] * wanted % total, $0) < (sizes[$0] * wanted % total, $1)
    }
    for cluster in order.prefix(left) { shares[cluster] += 1 }
    return zip(shares, sizes).map { min(max($0, 2), $1) }
  }
}

/// The mean of a stratum's sample.
package struct SampleMean: Sendable, Hashable {
  package let mean: Double
  /// Of the mean: √((1 − n/N)·s²/n); 0 where all were looked at.
  package let standardError: Double

  /// - Parameters:
  ///   - values: of the sample, at least one.
  ///   - size: of what it was drawn from, without replacement.
  package init(_ values: [Double], of size: Int) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    self.mean = mean
    guard values.count < size, values.count > 1 else {
      standardError = 0
      return
    }
    let variance =
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    standardError = ((1 - count / Double(size)) * variance / count).squareRoot()
  }
}

/// What a sample of clients says of all of them.
public struct SampledAccuracy: Codable, Hashable, Sendable {
  /// Clients that were evaluated.
  public let clients: Int
  /// Mean over all clients as the sample estimates it, without bias: clusters count by their sizes.
  public let mean: Double
  public let standardError: Double

  /// - Parameters:
  ///   - clusters: the samples of the clusters.
  ///   - sizes: of the clusters.
  package init(_ clusters: [SampleMean], sizes: [Int], clients: Int) {
    let total = Double(sizes.reduce(0, +))
    self.clients = clients
    mean = zip(clusters, sizes).reduce(0) { $0 + $1.0.mean * Double($1.1) / total }
    standardError = zip(clusters, sizes).reduce(0) { sum, cluster in
      let part = cluster.0.standardError * Double(cluster.1) / total
      return sum + part * part
    }.squareRoot()
  }
}

extension Scenario {
  /// The sample of a round (from 0); nil where all clients are evaluated.
  func evaluationSample(round: Int) -> EvaluationSample? {
    guard let wanted = evaluation.clients, wanted < clientCount else { return nil }
    return EvaluationSample(
      of: wanted, sizes: population.clusters.map(\.clients), seed: seed, round: round)
  }
}

extension RoundReport {
  /// Enters what a sample of the clients says of all.
  ///
  /// - Parameter figures: of the sample's clients in their order.
  mutating func add(_ sample: EvaluationSample, figures: [TestFigures]) {
    var rest = figures[...]
    var means: [SampleMean] = []
    for (cluster, (members, size)) in zip(sample.clusters, sample.sizes).enumerated() {
      let own = rest.prefix(members.count)
      rest = rest.dropFirst(members.count)
      let accuracy = SampleMean(own.map(\.accuracy), of: size)
      means.append(accuracy)
      clusters.append(
        ClusterRound(
          cluster: cluster, testAccuracy: accuracy.mean,
          testLoss: SampleMean(own.map(\.loss), of: size).mean,
          standardError: accuracy.standardError))
    }
    sampled = SampledAccuracy(means, sizes: sample.sizes, clients: figures.count)
  }
}
