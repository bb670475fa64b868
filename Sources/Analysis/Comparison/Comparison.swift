// Runs of many seeds as cells: a method, a budget and settings, with what its seeds say together.

public import Clustering
public import Federation
import Scenarios
public import Store

/// The runs of one method, budget and setting, one a seed.
public struct ComparisonCell: Sendable {
  /// What sets the scenario apart from the others; empty if there is only one.
  public let settings: String
  /// The method, with its settings where one method has several.
  public let method: String
  public let epsilon: EpsilonTarget
  /// What not all scenarios of the comparison agree in, and what not all settings of this method do, by path such as
  /// `adapter.r` or `method.lambda`.
  public let varied: [String: String]
  /// In ascending order of seed, each seed once.
  public let runs: [ComparedRun]

  public var seeds: [UInt64] { runs.map(\.result.seed) }
  /// Whether the method knows the true clusters, which nobody has in practice.
  public var isOracle: Bool { runs.first?.result.method == "oracle" }

  /// Whether it may be called the best of some: neither the oracle, nor a cell whose ε says little.
  package var isRanked: Bool { !isOracle && allowedRules.isEmpty }

  /// What the scenario calls the classes; nil where it does not say.
  package var classNames: [String]? { runs.first?.classNames }

  package func run(seed: UInt64) -> ComparedRun? { runs.first { $0.result.seed == seed } }

  /// A metric over the seeds.
  public func estimate(
    _ metric: RunMetric, by weighting: Weighting = .clients
  ) -> SeedEstimate {
    Comparison.estimate(runs.map { metric.value(of: $0.result, by: weighting) })
      .within(metric.range)
  }

  /// The accuracy of a true cluster over the seeds.
  public func accuracy(ofCluster cluster: Int) -> SeedEstimate {
    Comparison.estimate(runs.map { $0.result.accuracy(ofCluster: cluster) }).within(0...1)
  }

  /// The true clusters, as the first run names them.
  public var clusters: [ClusterResult] { runs.first?.result.clusters ?? [] }
}

/// Finished runs arranged for comparison.
public struct Comparison: Sendable {
  /// By settings, then budget, then method as first met.
  public let cells: [ComparisonCell]
  /// Runs that were asked for and have no result.
  public let unfinished: [String]

  /// - Parameter runs: if a scenario was run more than once, the run that comes first counts.
  public init(_ runs: [ComparedRun], unfinished: [String] = []) {
    self.unfinished = unfinished
    let runs = ComparedRun.placed(runs)
    var rests: [JSONValue: (label: String, varied: [String: String])] = [:]
    let scenarios = Dictionary(grouping: runs, by: \.result.scenario)
    for (name, group) in scenarios {
      for (rest, varied) in Settings.differences(of: group.map(\.rest)) {
        let label = Settings.label(varied)
        let parts = (scenarios.count > 1 ? [name] : []) + (label.isEmpty ? [] : [label])
        rests[rest] = (parts.joined(separator: " "), varied)
      }
    }
    var kinds: [JSONValue: (label: String, varied: [String: String])] = [:]
    for (name, group) in Dictionary(grouping: runs, by: \.result.method) {
      for (method, varied) in Settings.differences(of: group.map(\.method)) {
        let label = Settings.label(varied)
        let paths = Dictionary(
          uniqueKeysWithValues: varied.map { ("method.\($0.key)", $0.value) })
        kinds[method] = (label.isEmpty ? name : "\(name) \(label)", paths)
      }
    }
    struct Key: Hashable {
      let settings: String
      let method: String
      let epsilon: EpsilonTarget
    }
    var groups: [Key: [UInt64: ComparedRun]] = [:]
    for run in runs {
      let key = Key(
        settings: rests[run.rest]?.label ?? "",
        method: kinds[run.method]?.label ?? run.result.method, epsilon: run.epsilon)
      if groups[key]?[run.result.seed] == nil { groups[key, default: [:]][run.result.seed] = run }
    }
    cells =
      groups.map { key, runs in
        let first = runs.values.first
        let varied = (first.flatMap { rests[$0.rest]?.varied } ?? [:])
          .merging(first.flatMap { kinds[$0.method]?.varied } ?? [:]) { $1 }
        return ComparisonCell(
          settings: key.settings, method: key.method,
          epsilon: EpsilonTarget(of: runs.values.map(\.result)), varied: varied,
          runs: runs.values.sorted { $0.result.seed < $1.result.seed })
      }.sorted {
        ($0.settings, $0.epsilon, Self.order($0), $0.method)
          < ($1.settings, $1.epsilon, Self.order($1), $1.method)
      }
  }

  /// The methods of the paper, in its order: in tables the first, and in charts of the same colour always.
  package static let referenceMethods = ["r-dpcfl", "ifca", "global", "mr-mtl", "local", "oracle"]

  private static func order(_ cell: ComparisonCell) -> Int {
    referenceMethods.firstIndex(of: cell.runs.first?.result.method ?? "") ?? referenceMethods.count
  }

  /// The mean of the values with its interval at 95 %, always with the same draws.
  static func estimate(_ values: [Double?]) -> SeedEstimate {
    do {
      return try SeedEstimate.interval(values)
    } catch {
      preconditionFailure("the level is the default: \(error)")
    }
  }

  /// Settings in order, each once.
  public var settings: [String] { Self.unique(cells.map(\.settings)) }
  public var methods: [String] { Self.unique(cells.map(\.method)) }
  public var epsilons: [EpsilonTarget] { Set(cells.map(\.epsilon)).sorted() }

  package static func unique(_ values: [String]) -> [String] {
    var seen: Set<String> = []
    return values.filter { seen.insert($0).inserted }
  }
}

extension RunResult {
  func accuracy(ofCluster cluster: Int) -> Double? {
    clusters.indices.contains(cluster) ? clusters[cluster].accuracy : nil
  }
}

extension RunStore {
  /// Reads runs for a comparison.
  ///
  /// - Parameters:
  ///   - names: of runs; all finished runs if there are none.
  ///   - scenario: only runs of the scenario with that name.
  public func comparison(
    of names: [String] = [], scenario: String? = nil
  ) throws(StoreError) -> Comparison {
    var records: [RunRecord] = []
    if names.isEmpty {
      records = try runs()
    } else {
      for name in names { records.append(try run(named: name)) }
    }
    var compared: [ComparedRun] = []
    var unfinished: [String] = []
    for record in records where scenario == nil || record.scenario == scenario {
      if let run = ComparedRun(record, result: try result(of: record)) {
        compared.append(run)
      } else {
        unfinished.append(record.runID)
      }
    }
    return Comparison(compared, unfinished: unfinished)
  }
}

extension SeedEstimate {
  /// The interval without what cannot be.
  func within(_ range: ClosedRange<Double>) -> SeedEstimate {
    var estimate = self
    estimate.lower = lower.map { min(max($0, range.lowerBound), range.upperBound) }
    estimate.upper = upper.map { min(max($0, range.lowerBound), range.upperBound) }
    return estimate
  }
}
