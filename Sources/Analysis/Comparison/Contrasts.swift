// Cells against each other, seed by seed: what privacy costs, what wrong clusters cost, and whether
// one method is better than another.

public import Clustering
import Federation
import Store

/// What a cell loses against another one with the same seeds, in accuracy (0.1 = ten points).
public struct PairedCost: Sendable {
  /// For each true cluster.
  public let clusters: [SeedEstimate]
  /// Of the unweighted mean over clients.
  public let clientMean: SeedEstimate
  /// Complete pairs of seeds.
  public let pairs: Int
}

/// What privacy costs one cell.
public struct PrivacyPrice: Sendable {
  public let cost: PairedCost
  /// Mean price of minority clusters over that of the others, over the seeds where it is defined.
  public let minorityRatio: SeedEstimate
  /// F_acc and F_loss over clients, as the R-DPCFL papers define them.
  public let accuracyUnfairness: SeedEstimate
  public let lossUnfairness: SeedEstimate
}

extension Comparison {
  /// Accuracy of the same method without privacy minus that of the cell; nil without a common seed, and
  /// for a cell without privacy.
  public func priceOfPrivacy(_ cell: ComparisonCell) -> PrivacyPrice? {
    guard let reference = withoutPrivacy(cell), let cost = cost(of: cell, against: reference)
    else { return nil }
    func overSeeds(_ value: (RunResult, RunResult) throws -> Double?) -> SeedEstimate {
      Self.estimate(
        pairs(cell, reference).map { with, without in
          try? value(with.result, without.result)
        })
    }
    return PrivacyPrice(
      cost: cost,
      minorityRatio: overSeeds { with, without in
        let prices = try PrivacyCost.price(
          accuracyWithout: without.clusters.map(\.accuracy),
          accuracyWith: with.clusters.map(\.accuracy))
        return try PrivacyCost.minorityRatio(
          prices: prices, isMinority: with.clusters.map(\.minority))
      },
      accuracyUnfairness: overSeeds { with, without in
        try PrivacyCost.accuracyUnfairness(
          accuracyWithout: without.clients.map(\.accuracy),
          accuracyWith: with.clients.map(\.accuracy))
      },
      lossUnfairness: overSeeds { with, without in
        try PrivacyCost.lossUnfairness(
          lossWithout: without.clients.map(\.loss), lossWith: with.clients.map(\.loss))
      })
  }

  /// The cell with the same method and settings without privacy; nil for a cell without privacy.
  package func withoutPrivacy(_ cell: ComparisonCell) -> ComparisonCell? {
    guard !cell.epsilon.isNone else { return nil }
    return cells.first {
      $0.epsilon.isNone && $0.method == cell.method && $0.settings == cell.settings
    }
  }

  /// Accuracy with the true clusters minus that of the cell, at the same budget; nil without a common
  /// seed, and for the oracle itself.
  public func priceOfMistakes(_ cell: ComparisonCell) -> PairedCost? {
    withTrueClusters(cell).flatMap { cost(of: cell, against: $0) }
  }

  /// The oracle at the same budget and settings; nil for the oracle itself.
  func withTrueClusters(_ cell: ComparisonCell) -> ComparisonCell? {
    guard !cell.isOracle else { return nil }
    return cells.first {
      $0.isOracle && $0.epsilon == cell.epsilon && $0.settings == cell.settings
    }
  }

  private func cost(of cell: ComparisonCell, against reference: ComparisonCell) -> PairedCost? {
    let pairs = pairs(cell, reference)
    guard let first = pairs.first else { return nil }
    return PairedCost(
      clusters: first.0.result.clusters.indices.map { cluster in
        Self.estimate(
          pairs.map { own, other in
            guard let with = own.result.accuracy(ofCluster: cluster),
              let without = other.result.accuracy(ofCluster: cluster)
            else { return nil }
            return without - with
          })
      },
      clientMean: Self.estimate(
        pairs.map { own, other in
          guard let with = own.result.clientAccuracies.mean,
            let without = other.result.clientAccuracies.mean
          else { return nil }
          return without - with
        }),
      pairs: pairs.count)
  }

  /// The runs of both cells that have the same seed.
  func pairs(
    _ first: ComparisonCell, _ second: ComparisonCell
  ) -> [(ComparedRun, ComparedRun)] {
    first.runs.compactMap { run in
      second.run(seed: run.result.seed).map { (run, $0) }
    }
  }
}

// MARK: - Methods against each other

/// The best method of a budget against another one.
public struct MethodContrast: Sendable {
  public let settings: String
  public let epsilon: EpsilonTarget
  public let best: String
  public let other: String
  /// Best minus other.
  public let comparison: PairedComparison
  /// Holm's p-value among all comparisons that are shown together; nil where it stands alone.
  public internal(set) var adjustedPValue: Double?
}

extension Comparison {
  /// The cell with the best mean of a metric among those with equal settings and budget; the oracle and
  /// cells whose ε says little take no part.
  public func best(
    _ metric: RunMetric, settings: String, epsilon: EpsilonTarget
  ) -> ComparisonCell? {
    let values = cells.compactMap { cell -> (cell: ComparisonCell, mean: Double)? in
      guard cell.settings == settings, cell.epsilon == epsilon, cell.isRanked,
        let mean = cell.estimate(metric).mean
      else { return nil }
      return (cell, mean)
    }
    return metric.isBetterHigh
      ? values.max { $0.mean < $1.mean }?.cell : values.min { $0.mean < $1.mean }?.cell
  }

  /// For each budget the best method against every other one, by a metric.
  ///
  /// - Parameter chosen: nil takes the accuracy of the worst off.
  public func contrasts(_ chosen: RunMetric? = nil) -> [MethodContrast] {
    let metric = chosen ?? worstOff.metric
    var contrasts: [MethodContrast] = []
    for settings in settings {
      for epsilon in epsilons {
        guard let best = best(metric, settings: settings, epsilon: epsilon) else { continue }
        for other in cells
        where other.settings == settings && other.epsilon == epsilon && other.method != best.method
          && other.isRanked
        {
          let pairs = pairs(best, other)
          guard !pairs.isEmpty,
            let comparison = try? PairedComparison(
              first: pairs.map { metric.value(of: $0.0.result) },
              second: pairs.map { metric.value(of: $0.1.result) }, seed: 0)
          else { continue }
          contrasts.append(
            MethodContrast(
              settings: settings, epsilon: epsilon, best: best.method, other: other.method,
              comparison: comparison))
        }
      }
    }
    return Self.corrected(contrasts)
  }

  private static func corrected(_ contrasts: [MethodContrast]) -> [MethodContrast] {
    let tested = contrasts.indices.filter { contrasts[$0].comparison.pValue != nil }
    guard tested.count > 1 else { return contrasts }
    var corrected = contrasts
    let adjusted = MultipleTests.holm(tested.compactMap { contrasts[$0].comparison.pValue })
    for (index, pValue) in zip(tested, adjusted) { corrected[index].adjustedPValue = pValue }
    return corrected
  }
}
