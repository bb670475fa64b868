// The metrics that every comparison has; docs/metrics.md has their formulas.

package import Clustering
package import Federation
import Store

extension RunMetric {
  static let builtIn: [RunMetric] =
    overClusters + overClients + ofFoundClusters + [.epsilonMax] + ofTwoClasses + ofGroups
    + ofTokens

  // MARK: - Over the true clusters

  private static let overClusters: [RunMetric] = [
    .worstClusterAccuracy, .minorityAccuracy, .accuracyGap,
    .ofClusters(
      "cluster_accuracy_std", "Standard deviation of the clusters' accuracies.", low: true
    ) {
      $0.standardDeviation
    },
    .ofClusters("cluster_bottom10_mean", "Mean accuracy of the worst-off tenth of the clusters.") {
      $0.bottom10Mean
    },
    .ofClusters("cluster_cvar20", "Mean accuracy of the worst-off fifth of the clusters.") {
      $0.cvar20
    },
    .ofClusters(
      "cluster_jain", "Jain's index of the clusters' accuracies; 1 is equal.", .number(decimals: 3)
    ) { $0.jain },
    .ofClusters(
      "cluster_gini", "Gini coefficient of the clusters' accuracies; 0 is equal.",
      .number(decimals: 3), low: true
    ) { $0.gini },
    .lossDisparity, .equalizedOddsGap,
  ]

  public static let worstClusterAccuracy = ofClusters(
    "worst_cluster_accuracy", "The lowest of the true clusters' mean accuracies."
  ) { $0.min }
  public static let minorityAccuracy = RunMetric(
    weighted: "minority_accuracy", "Mean accuracy over the clients of all minority clusters."
  ) { $0.minorityAccuracy(by: $1) }
  public static let accuracyGap = ofClusters(
    "accuracy_gap", "Accuracy of the best true cluster minus that of the worst.", low: true
  ) { $0.gap }
  public static let lossDisparity = RunMetric(
    weighted: "loss_disparity", "Loss of the worst true cluster minus that of the best, in nats.",
    unit: .number(decimals: 3, in: 0 ... .infinity), isBetterHigh: false
  ) { $0.clusterValues(\.loss, \.loss, by: $1).gap }
  public static let equalizedOddsGap = RunMetric(
    "equalized_odds_gap",
    "The largest difference between true clusters in how often a class is recognised, or wrongly claimed.",
    isBetterHigh: false
  ) { $0.equalizedOddsGap }

  private static func ofClusters(
    _ name: String, _ meaning: String, _ unit: Unit = .share, low: Bool = false,
    _ figure: @escaping @Sendable (FairnessValues) -> Double?
  ) -> RunMetric {
    RunMetric(weighted: name, meaning, unit: unit, isBetterHigh: !low) {
      figure($0.clusterValues(\.accuracy, \.accuracy, by: $1))
    }
  }

  // MARK: - Over the clients

  private static let overClients: [RunMetric] = [
    .clientMeanAccuracy, .worstClientAccuracy, .clientAccuracyGap, .accuracyStd, .bottom10Mean,
    .ofClients("cvar20", "Mean accuracy of the worst-off fifth of the clients.") { $0.cvar20 },
    .ofClients(
      "jain", "Jain's index of the clients' accuracies; 1 is equal.", .number(decimals: 3)
    ) { $0.jain },
    .ofClients(
      "gini", "Gini coefficient of the clients' accuracies; 0 is equal.", .number(decimals: 3),
      low: true
    ) { $0.gini },
    .clientLossDisparity,
  ]

  public static let clientMeanAccuracy = ofClients(
    "client_mean_accuracy", "Mean of the clients' accuracies."
  ) { $0.mean }
  public static let worstClientAccuracy = RunMetric(
    "worst_client_accuracy", "The lowest accuracy of a client."
  ) { $0.clientValues(\.accuracy).min }
  public static let clientAccuracyGap = RunMetric(
    "client_accuracy_gap", "Accuracy of the best client minus that of the worst.",
    isBetterHigh: false
  ) { $0.clientValues(\.accuracy).gap }
  public static let accuracyStd = ofClients(
    "accuracy_std", "Standard deviation of the clients' accuracies.", low: true
  ) { $0.standardDeviation }
  public static let bottom10Mean = ofClients(
    "bottom10_mean", "Mean accuracy of the worst-off tenth of the clients."
  ) { $0.bottom10Mean }
  public static let clientLossDisparity = RunMetric(
    "client_loss_disparity", "Loss of the worst client minus that of the best, in nats.",
    unit: .number(decimals: 3, in: 0 ... .infinity), isBetterHigh: false
  ) { $0.clientValues(\.loss).gap }

  private static func ofClients(
    _ name: String, _ meaning: String, _ unit: Unit = .share, low: Bool = false,
    _ figure: @escaping @Sendable (FairnessValues) -> Double?
  ) -> RunMetric {
    RunMetric(weighted: name, meaning, unit: unit, isBetterHigh: !low) {
      figure($0.clientValues(\.accuracy, by: $1))
    }
  }

  // MARK: - Of the clusters that were found, and of privacy

  private static let ofFoundClusters: [RunMetric] = [
    .ari, .nmi, .purity, .minorityDetected,
  ]

  public static let ari = RunMetric(
    "ari", "Adjusted Rand index of found and true clusters; 1 is perfect, 0 is chance.",
    unit: .number(decimals: 3, in: -1...1)
  ) { $0.agreement?.ari }
  public static let nmi = RunMetric(
    "nmi", "Normalised mutual information of found and true clusters; 1 is perfect.",
    unit: .number(decimals: 3)
  ) { $0.agreement?.nmi }
  public static let purity = RunMetric(
    "purity", "Share of clients whose true cluster is the commonest in their found one.",
    unit: .number(decimals: 3)
  ) { $0.agreement?.purity }
  public static let minorityDetected = RunMetric(
    "minority_detected", "1 if every minority cluster has a model of its own, otherwise 0."
  ) { $0.agreement?.minorityIsolated.map { $0 ? 1 : 0 } }
  public static let epsilonMax = RunMetric(
    "epsilon_max", "The largest ε that a client's ledger proves.", unit: .epsilon,
    isBetterHigh: false
  ) { $0.epsilonMax }

  // MARK: - Of two classes, of which class 1 is the positive one

  private static let ofTwoClasses: [RunMetric] = [
    RunMetric(
      "client_mean_auc", "Mean of the clients' areas under the ROC curve; two classes alone.",
      unit: .number(decimals: 3)
    ) { $0.scoreValues(\.auc).mean },
    RunMetric(
      "worst_cluster_auc",
      "The lowest area under the ROC curve of a true cluster; two classes alone.",
      unit: .number(decimals: 3)
    ) { result in result.clusters.compactMap { $0.scores?.auc }.min() },
    RunMetric(
      "sensitivity",
      "Share of all clients' positive test examples that are found; two classes alone."
    ) { $0.allConfusion?.sensitivity },
    RunMetric(
      "specificity",
      "Share of all clients' negative test examples that are seen as such; two classes alone."
    ) { $0.allConfusion?.specificity },
    RunMetric(
      "client_mean_brier", "Mean of the clients' Brier scores; two classes alone.",
      unit: .number(decimals: 3), isBetterHigh: false
    ) { $0.scoreValues { $0.brier }.mean },
    RunMetric(
      "worst_cluster_calibration_error",
      "The largest expected calibration error (ten bins) of a true cluster; two classes alone.",
      isBetterHigh: false
    ) { result in result.clusters.compactMap { $0.scores?.calibrationError }.max() },
  ]

  // MARK: - Of the groups of data.group_columns; of several columns the worst

  private static let ofGroups: [RunMetric] = [
    RunMetric("worst_group_accuracy", "The lowest accuracy of a group of `data.group_columns`.") {
      $0.groups?.compactMap(\.worstAccuracy).min()
    },
    RunMetric(
      "group_accuracy_gap", "The largest difference of accuracy between two groups of a column.",
      isBetterHigh: false
    ) { $0.groups?.compactMap(\.accuracyGap).max() },
    RunMetric(
      "group_equalized_odds_gap",
      "The largest difference between groups of a column in how often a class is recognised, or wrongly claimed.",
      isBetterHigh: false
    ) { $0.groups?.compactMap(\.equalizedOddsGap).max() },
    RunMetric(
      "demographic_parity_gap",
      "The largest difference between groups of a column in how often a class is predicted.",
      isBetterHigh: false
    ) { $0.groups?.compactMap(\.demographicParityGap).max() },
  ]

  // MARK: - Of models that predict next tokens, over the true clusters

  private static let ofTokens: [RunMetric] = [
    RunMetric(
      "cluster_mean_perplexity",
      "Mean over true clusters of exp(loss), of models that predict tokens.",
      unit: .number(decimals: 2, in: 0 ... .infinity), isBetterHigh: false
    ) { result in result.perplexities.map { $0.reduce(0, +) / Double($0.count) } },
    RunMetric(
      "worst_cluster_perplexity",
      "The largest exp(loss) of a true cluster, of models that predict tokens.",
      unit: .number(decimals: 2, in: 0 ... .infinity), isBetterHigh: false
    ) { $0.perplexities?.max() },
  ]
}

extension RunResult {
  /// Of every true cluster; nil for models that predict no tokens.
  fileprivate var perplexities: [Double]? {
    let known = clusters.compactMap(\.perplexity)
    return known.isEmpty ? nil : known
  }

  /// The confusion of the clients of a true cluster, or of all; nil where they differ in classes.
  package func confusion(ofCluster cluster: Int? = nil) -> ConfusionMatrix? {
    let tables = clients.filter { cluster == nil || $0.cluster == cluster }.map(\.confusion)
    guard var sum = tables.first?.matrix else { return nil }
    for table in tables.dropFirst() {
      guard table.classes == sum.count else { return nil }
      table.add(to: &sum)
    }
    return try? ConfusionMatrix(counts: sum)
  }

  fileprivate var allConfusion: ConfusionMatrix? { confusion() }

  /// The equalised-odds gap between the true clusters, from the confusions of their clients.
  fileprivate var equalizedOddsGap: Double? {
    let matrices = clusters.indices.compactMap { confusion(ofCluster: $0) }
    return (try? EqualizedOddsGap(clusters: matrices))?.gap
  }
}

extension ConfusionMatrix {
  /// Of two classes, of which class 1 is the positive one; nil for others and without positives.
  package var sensitivity: Double? { classes == 2 ? truePositiveRate(of: 1) : nil }

  /// Of two classes; nil for others and without negatives.
  package var specificity: Double? { classes == 2 ? truePositiveRate(of: 0) : nil }
}
