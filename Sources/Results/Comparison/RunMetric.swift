// The figures of one run that are compared between runs; docs/metrics.md has their formulas.

import Clustering
public import Federation

/// A figure of a finished run.
public enum RunMetric: String, Sendable, Hashable, CaseIterable {
  // Over the true clusters.
  case worstClusterAccuracy = "worst_cluster_accuracy"
  case minorityAccuracy = "minority_accuracy"
  case accuracyGap = "accuracy_gap"
  case clusterAccuracyStd = "cluster_accuracy_std"
  case clusterBottom10Mean = "cluster_bottom10_mean"
  case clusterCVaR20 = "cluster_cvar20"
  case clusterJain = "cluster_jain"
  case clusterGini = "cluster_gini"
  case lossDisparity = "loss_disparity"
  case equalizedOddsGap = "equalized_odds_gap"
  // Over the clients.
  case clientMeanAccuracy = "client_mean_accuracy"
  case worstClientAccuracy = "worst_client_accuracy"
  case clientAccuracyGap = "client_accuracy_gap"
  case accuracyStd = "accuracy_std"
  case bottom10Mean = "bottom10_mean"
  case cvar20 = "cvar20"
  case jain = "jain"
  case gini = "gini"
  case clientLossDisparity = "client_loss_disparity"
  // Of the clusters that were found.
  case ari = "ari"
  case nmi = "nmi"
  case purity = "purity"
  case minorityDetected = "minority_detected"
  case epsilonMax = "epsilon_max"
  // Of models that predict next tokens, over the true clusters.
  case clusterMeanPerplexity = "cluster_mean_perplexity"
  case worstClusterPerplexity = "worst_cluster_perplexity"

  /// Whether larger values are better.
  public var isBetterHigh: Bool {
    switch self {
    case .accuracyGap, .clientAccuracyGap, .accuracyStd, .clusterAccuracyStd, .gini, .clusterGini,
      .lossDisparity, .clientLossDisparity, .equalizedOddsGap, .epsilonMax, .clusterMeanPerplexity,
      .worstClusterPerplexity:
      false
    default: true
    }
  }

  /// Values that it can take, beyond which no interval need go.
  var range: ClosedRange<Double> {
    switch self {
    case .ari: -1...1
    case .lossDisparity, .clientLossDisparity, .epsilonMax, .clusterMeanPerplexity,
      .worstClusterPerplexity:
      0 ... .infinity
    default: 0...1
    }
  }

  /// Whether the metric has a sample-weighted form of its own: a largest or smallest value of clients
  /// has none, and the equalised-odds gap counts test examples as it is.
  public var hasSampleWeights: Bool {
    switch self {
    case .worstClientAccuracy, .clientAccuracyGap, .clientLossDisparity, .equalizedOddsGap, .ari,
      .nmi, .purity, .minorityDetected, .epsilonMax, .clusterMeanPerplexity,
      .worstClusterPerplexity:
      false
    default: true
    }
  }

  /// The name in documents: the plain one, or `sample_` before it.
  public func name(by weighting: Weighting) -> String {
    switch (weighting, self) {
    case (.clients, _): rawValue
    case (.samples, .clientMeanAccuracy): "sample_mean_accuracy"
    case (.samples, _): "sample_" + rawValue
    }
  }

  /// The figure; nil where it is not defined, such as the agreement of a method without clusters.
  public func value(of result: RunResult, by weighting: Weighting = .clients) -> Double? {
    var clients: FairnessValues { result.clientValues(\.accuracy, by: weighting) }
    var clusters: FairnessValues {
      result.clusterValues(\.accuracy, \.accuracy, by: weighting)
    }
    return switch self {
    case .worstClusterAccuracy: clusters.min
    case .minorityAccuracy: result.minorityAccuracy(by: weighting)
    case .accuracyGap: clusters.gap
    case .clusterAccuracyStd: clusters.standardDeviation
    case .clusterBottom10Mean: clusters.bottom10Mean
    case .clusterCVaR20: clusters.cvar20
    case .clusterJain: clusters.jain
    case .clusterGini: clusters.gini
    case .lossDisparity: result.clusterValues(\.loss, \.loss, by: weighting).gap
    case .equalizedOddsGap: result.equalizedOddsGap
    case .clientMeanAccuracy: clients.mean
    case .worstClientAccuracy: clients.min
    case .clientAccuracyGap: clients.gap
    case .accuracyStd: clients.standardDeviation
    case .bottom10Mean: clients.bottom10Mean
    case .cvar20: clients.cvar20
    case .jain: clients.jain
    case .gini: clients.gini
    case .clientLossDisparity: result.clientValues(\.loss).gap
    case .ari: result.agreement?.ari
    case .nmi: result.agreement?.nmi
    case .purity: result.agreement?.purity
    case .minorityDetected: result.agreement?.minorityIsolated.map { $0 ? 1 : 0 }
    case .epsilonMax: result.epsilonMax
    case .clusterMeanPerplexity:
      result.perplexities.map { $0.reduce(0, +) / Double($0.count) }
    case .worstClusterPerplexity: result.perplexities?.max()
    }
  }
}

extension RunResult {
  /// Of every true cluster; nil for models that predict no tokens.
  fileprivate var perplexities: [Double]? {
    let known = clusters.compactMap(\.perplexity)
    return known.isEmpty ? nil : known
  }

  /// The equalised-odds gap between the true clusters, from the confusions of their clients.
  fileprivate var equalizedOddsGap: Double? {
    let matrices = clusters.indices.compactMap { cluster -> ConfusionMatrix? in
      let tables = clients.filter { $0.cluster == cluster }.map(\.confusion)
      guard var sum = tables.first?.matrix else { return nil }
      for table in tables.dropFirst() {
        guard table.classes == sum.count else { return nil }
        table.add(to: &sum)
      }
      return try? ConfusionMatrix(counts: sum)
    }
    return (try? EqualizedOddsGap(clusters: matrices))?.gap
  }
}
