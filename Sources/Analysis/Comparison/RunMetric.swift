// A figure of one run that is compared between runs: its name, its meaning and how it is computed, in one value. Tables,
// JSON, CSV, the report, its glossary and docs/metrics.md are made from these.

import Clustering
public import Federation
import Formatting
public import Store
import Synchronization

/// A figure of a finished run.
public struct RunMetric: Sendable, Hashable {
  /// How a value is written for people.
  public enum Unit: Sendable {
    /// From 0 to 1, shown in per cent.
    case share
    /// A number that lies in the range.
    case number(decimals: Int, in: ClosedRange<Double> = 0...1)
    case epsilon
  }

  /// Its name in JSON and CSV.
  public let name: String
  /// What it is, in one sentence.
  public let meaning: String
  public let unit: Unit
  /// Whether larger values are better.
  public let isBetterHigh: Bool
  /// Whether the metric has a sample-weighted form of its own: a largest or smallest value of clients has none, and
  /// what counts test examples has its weights already.
  public let hasSampleWeights: Bool
  private let measure: @Sendable (RunResult, Weighting) -> Double?

  /// A metric that has no sample-weighted form.
  ///
  /// - Parameter measure: nil where the metric is not defined.
  public init(
    _ name: String, _ meaning: String, unit: Unit = .share, isBetterHigh: Bool = true,
    _ measure: @escaping @Sendable (RunResult) -> Double?
  ) {
    self.init(
      name, meaning, unit: unit, isBetterHigh: isBetterHigh, hasSampleWeights: false
    ) { result, _ in measure(result) }
  }

  /// A metric whose clients count once or with their training examples.
  ///
  /// - Parameter measure: nil where the metric is not defined.
  public init(
    weighted name: String, _ meaning: String, unit: Unit = .share, isBetterHigh: Bool = true,
    _ measure: @escaping @Sendable (RunResult, Weighting) -> Double?
  ) {
    self.init(
      name, meaning, unit: unit, isBetterHigh: isBetterHigh, hasSampleWeights: true, measure)
  }

  private init(
    _ name: String, _ meaning: String, unit: Unit, isBetterHigh: Bool, hasSampleWeights: Bool,
    _ measure: @escaping @Sendable (RunResult, Weighting) -> Double?
  ) {
    self.name = name
    self.meaning = meaning
    self.unit = unit
    self.isBetterHigh = isBetterHigh
    self.hasSampleWeights = hasSampleWeights
    self.measure = measure
  }

  public static func == (a: Self, b: Self) -> Bool { a.name == b.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// The name in documents: the plain one, or `sample_` before it.
  public func name(by weighting: Weighting) -> String {
    switch (weighting, self) {
    case (.clients, _): name
    case (.samples, .clientMeanAccuracy): "sample_mean_accuracy"
    case (.samples, _): "sample_" + name
    }
  }

  /// The figure; nil where it is not defined, such as the agreement of a method without clusters.
  public func value(of result: RunResult, by weighting: Weighting = .clients) -> Double? {
    measure(result, weighting)
  }

  /// Whether it is an ε, beside which stands what was allowed for it.
  package var isEpsilon: Bool {
    if case .epsilon = unit { true } else { false }
  }

  /// Values that it can take, beyond which no interval need go.
  var range: ClosedRange<Double> {
    switch unit {
    case .share: 0...1
    case .number(_, let range): range
    case .epsilon: 0 ... .infinity
    }
  }

  /// A value for people; "–" where there is none.
  package func text(_ value: Double?) -> String {
    switch unit {
    case .share: Comparison.percent(value)
    case .number(let decimals, _): NumberText.decimal(value, decimals)
    case .epsilon: value == nil ? "–" : NumberText.epsilon(value)
    }
  }
}

// MARK: - Which there are

/// A metric that cannot be added.
public struct MetricError: Error, CustomStringConvertible {
  public let description: String
}

extension RunMetric {
  private static let added = Mutex<[RunMetric]>([])

  /// Every metric, in the order of the tables.
  public static var all: [RunMetric] { builtIn + added.withLock { $0 } }

  /// Every metric in every weighting that it has, with its name.
  package static var named: [(name: String, metric: RunMetric, weighting: Weighting)] {
    all.flatMap { metric in
      (metric.hasSampleWeights ? Weighting.allCases : [.clients]).map {
        (metric.name(by: $0), metric, $0)
      }
    }
  }

  /// Lets comparisons and reports show one more metric.
  ///
  /// - Throws: `MetricError` if another metric has its name.
  public static func add(_ metric: RunMetric) throws(MetricError) {
    let isFree = added.withLock { added in
      guard !(builtIn + added).contains(metric) else { return false }
      added.append(metric)
      return true
    }
    guard isFree else {
      throw MetricError(
        description: "there is another metric '\(metric.name)'; choose another name")
    }
  }

  /// The table of names in docs/metrics.md.
  public static var reference: String {
    "| name | what | better | sample-weighted |\n|---|---|---|---|\n"
      + builtIn.map { metric in
        "| `\(metric.name)` | \(metric.meaning) | \(metric.isBetterHigh ? "high" : "low") | "
          + "\(metric.hasSampleWeights ? "`\(metric.name(by: .samples))`" : "–") |\n"
      }.joined()
  }
}
