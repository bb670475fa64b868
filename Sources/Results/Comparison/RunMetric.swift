// The figures of one run that are compared between runs; docs/metrics.md has their formulas.

import Clustering
public import Federation

/// A figure of a finished run.
public enum RunMetric: String, Sendable, Hashable, CaseIterable {
  case worstClusterAccuracy = "worst_cluster_accuracy"
  case minorityAccuracy = "minority_accuracy"
  case clientMeanAccuracy = "client_mean_accuracy"
  case sampleMeanAccuracy = "sample_mean_accuracy"
  case accuracyGap = "accuracy_gap"
  case worstClientAccuracy = "worst_client_accuracy"
  case accuracyStd = "accuracy_std"
  case bottom10Mean = "bottom10_mean"
  case cvar20 = "cvar20"
  case jain = "jain"
  case gini = "gini"
  case lossDisparity = "loss_disparity"
  case equalizedOddsGap = "equalized_odds_gap"
  case ari = "ari"
  case nmi = "nmi"
  case purity = "purity"
  case minorityDetected = "minority_detected"
  case epsilonMax = "epsilon_max"

  /// Whether larger values are better.
  public var isBetterHigh: Bool {
    switch self {
    case .accuracyGap, .accuracyStd, .gini, .lossDisparity, .equalizedOddsGap, .epsilonMax: false
    default: true
    }
  }

  /// The figure; nil where it is not defined, such as the agreement of a method without clusters.
  public func value(of result: RunResult) -> Double? {
    switch self {
    case .worstClusterAccuracy: result.clusterAccuracies.min
    case .minorityAccuracy: result.minorityAccuracy
    case .clientMeanAccuracy: result.clientAccuracies.mean
    case .sampleMeanAccuracy: result.sampleAccuracies.mean
    case .accuracyGap: result.clusterAccuracies.gap
    case .worstClientAccuracy: result.clientAccuracies.min
    case .accuracyStd: result.clientAccuracies.standardDeviation
    case .bottom10Mean: result.clientAccuracies.bottom10Mean
    case .cvar20: result.clientAccuracies.cvar20
    case .jain: result.clientAccuracies.jain
    case .gini: result.clientAccuracies.gini
    case .lossDisparity: (try? FairnessValues(result.clusters.map(\.loss)))?.gap
    case .equalizedOddsGap: result.equalizedOddsGap
    case .ari: result.agreement?.ari
    case .nmi: result.agreement?.nmi
    case .purity: result.agreement?.purity
    case .minorityDetected: result.agreement?.minorityIsolated.map { $0 ? 1 : 0 }
    case .epsilonMax: result.epsilonMax
    }
  }
}

extension RunResult {
  /// Mean over the clients of all minority clusters; nil without such clusters.
  fileprivate var minorityAccuracy: Double? {
    let members = clients.filter {
      clusters.indices.contains($0.cluster) && clusters[$0.cluster].minority
    }
    return members.isEmpty
      ? nil : members.reduce(0) { $0 + $1.accuracy } / Double(members.count)
  }

  /// The equalised-odds gap between the true clusters, from the confusions of their clients.
  fileprivate var equalizedOddsGap: Double? {
    let matrices = clusters.indices.compactMap { cluster -> ConfusionMatrix? in
      let tables = clients.filter { $0.cluster == cluster }.map(\.confusion)
      guard var sum = tables.first else { return nil }
      for table in tables.dropFirst() {
        guard table.count == sum.count else { return nil }
        sum = zip(sum, table).map { zip($0, $1).map(+) }
      }
      return try? ConfusionMatrix(counts: sum)
    }
    return (try? EqualizedOddsGap(clusters: matrices))?.gap
  }
}
