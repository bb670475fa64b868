// Whose accuracy a comparison looks at first.

import Federation

/// The worst off: of the true clusters, or of the clients where all of them are of one cluster, whose mean would hide
/// every one of them.
public enum WorstOff: Sendable, Hashable {
  case cluster
  case client

  package init(of cells: [ComparisonCell]) {
    let areOneCluster = cells.allSatisfy { cell in
      cell.runs.allSatisfy { $0.result.clusters.count == 1 && $0.result.clients.count > 1 }
    }
    self = areOneCluster && !cells.isEmpty ? .client : .cluster
  }

  public var metric: RunMetric {
    switch self {
    case .cluster: .worstClusterAccuracy
    case .client: .worstClientAccuracy
    }
  }

  /// In sentences.
  public var noun: String {
    switch self {
    case .cluster: "worst-off cluster"
    case .client: "worst-off client"
    }
  }

  /// Above a column.
  public var heading: String {
    switch self {
    case .cluster: "worst cluster"
    case .client: "worst client"
    }
  }
}

extension Comparison {
  /// Of all its cells; those of several scenarios are of clients only if each scenario's are.
  public var worstOff: WorstOff { WorstOff(of: cells) }
}
