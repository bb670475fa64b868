// The table of cells that a comparison shows: the worst off, the minority and the mean, with what stands beside a mean.

import Analysis
import Clustering
import Federation
import Formatting

extension Comparison {
  /// A row a cell. With intervals there is room for one of them, beside the worst off; with standard deviations each mean
  /// has its own, and the gap between clusters stands where agreement and price are otherwise.
  func table(
    _ cells: [ComparisonCell], _ spread: Spread, title: String, label: (ComparisonCell) -> String
  ) -> TextTable {
    let metrics = metrics(spread)
    var table = TextTable(
      [(title, .left), ("n", .right)] + metrics.map { ($0.heading, .right) } + [("found", .right)]
        + (spread == .interval ? [("price", .right)] : []))
    let best = metrics.map { column -> Double? in
      let means = cells.filter(\.isRanked).compactMap { estimate(column.metric, of: $0)?.mean }
      return means.count < 2 ? nil : column.metric.isBetterHigh ? means.max() : means.min()
    }
    for cell in cells {
      var row = [
        TextTable.Cell(cell.marked(label(cell).shortened(to: 18))), "\(cell.runs.count)",
      ]
      for (column, best) in zip(metrics, best) {
        let estimate = estimate(column.metric, of: cell)
        let isBest = cell.isRanked && best != nil && estimate?.mean == best
        let text = text(estimate, of: column.metric, spread)
        row.append(TextTable.Cell(isBest ? text + " *" : text, isBest ? .good : .plain))
      }
      row.append("\(Self.detections(cell))")
      if spread == .interval {
        row.append("\(Self.percent(priceOfPrivacy(cell)?.cost.clientMean.mean))")
      }
      table.add(row)
    }
    return table
  }

  private func metrics(_ spread: Spread) -> [(heading: String, metric: RunMetric)] {
    [
      (worstOff.heading, worstOff.metric), ("minority", .minorityAccuracy),
      ("mean", .clientMeanAccuracy),
      spread == .interval ? ("ARI", RunMetric.ari) : ("gap", RunMetric.accuracyGap),
    ]
  }

  /// Nil for the gap of a single cluster.
  private func estimate(_ metric: RunMetric, of cell: ComparisonCell) -> SeedEstimate? {
    metric == .accuracyGap && cell.clusters.count < 2 ? nil : cell.estimate(metric)
  }

  private func text(
    _ estimate: SeedEstimate?, of metric: RunMetric, _ spread: Spread
  ) -> String {
    if metric == .ari { return NumberText.decimal(estimate?.mean, 2) }
    let hasSpread = spread == .standardDeviation || metric == worstOff.metric
    return hasSpread ? Self.text(estimate, spread) : Self.percent(estimate?.mean)
  }

  /// In how many seeds the minority had a model of its own: "3/5".
  private static func detections(_ cell: ComparisonCell) -> String {
    let values = cell.runs.compactMap { RunMetric.minorityDetected.value(of: $0.result) }
    return values.isEmpty ? "–" : "\(values.count { $0 == 1 })/\(values.count)"
  }
}

extension Spread {
  /// What stands beside the means of a table.
  var words: String {
    switch self {
    case .interval: "95 % interval"
    case .standardDeviation: "± standard deviation, n − 1"
    }
  }

  /// Below the tables of a terminal.
  var legend: String {
    switch self {
    case .interval:
      "Accuracies in per cent, mean over n seeds with a 95 % interval; * best of its table, not counting the oracle. "
        + "Intervals are Student's; one or two seeds have none."
    case .standardDeviation:
      "Accuracies in per cent, mean ± standard deviation (n − 1) over n seeds; * best of its table, not counting the "
        + "oracle. One seed has no deviation. Differences of methods have their 95 % interval."
    }
  }
}
