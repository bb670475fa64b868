// Which clients ended with one model where nobody knows true clusters that they could be compared with.

import Federation
import Formatting

/// The clients that runs of one cell put together, and how often.
public struct FoundGroups: Sendable {
  /// Clients that shared a model and were alone with it.
  public struct Group: Sendable, Hashable {
    /// In ascending order.
    public let clients: [Int]
    public let seeds: [UInt64]
  }

  /// Runs that looked for clusters and know none.
  public let runs: Int
  /// Runs of them in which noise alone may put clusters as far apart.
  public let unsure: Int
  /// Those of most seeds first.
  public let groups: [Group]
  /// What clients are called; nil where they have numbers alone.
  let clientNames: [String]?

  /// Nil if no run of the cell put clients together without known clusters.
  init?(_ cell: ComparisonCell) {
    let found = cell.runs.filter(\.result.findsUnknownClusters)
    guard let first = found.first else { return nil }
    clientNames = first.clientNames
    runs = found.count
    unsure = found.count { $0.result.clustering?.isConfident == false }
    var seeds: [[Int]: [UInt64]] = [:]
    for run in found {
      for members in Dictionary(grouping: run.result.clients, by: \.model).values {
        seeds[members.map(\.client).sorted(), default: []].append(run.result.seed)
      }
    }
    groups = seeds.map { Group(clients: $0.key, seeds: $0.value.sorted()) }.sorted {
      ($1.seeds.count, $0.clients.first ?? 0, $0.clients.count)
        < ($0.seeds.count, $1.clients.first ?? 0, $1.clients.count)
    }
  }

  /// The clients of a group by name, not more than eight.
  package func names(_ group: Group) -> String {
    NumberText.list(group.clients, named: clientNames, limit: 8)
  }

  /// "3 of 5".
  package func frequency(_ group: Group) -> String { "\(group.seeds.count) of \(runs)" }

  /// Whether noise alone may have made them; nil where no run says so.
  package var caution: String? {
    unsure == 0
      ? nil
      : "In \(unsure) of \(NumberText.count(runs, "run")) noise alone may put clusters as far apart as these."
  }
}

extension ComparisonCell {
  /// Which clients were put together; nil where clusters are known, and for methods that look for none.
  public var foundGroups: FoundGroups? { FoundGroups(self) }
}

extension RunResult {
  /// Whether clients share models by what the method found, and there is no truth to compare with.
  package var findsUnknownClusters: Bool {
    guard agreement == nil, clusters.count == 1, method != "oracle" else { return false }
    // A method with a model for all or one for each client puts nobody together.
    let models = Set(clients.map(\.model)).count
    return clustering != nil || (models > 1 && models < clients.count)
  }
}
