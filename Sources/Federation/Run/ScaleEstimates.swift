// Scales of columns that clients estimate privately: two quantiles a column and client, and what the server makes of
// them. Only the quantiles read data; all that follows is computed from what was released.

import Datasets
import Kernels
import Privacy
import Scenarios

/// The bounds that were found for the columns stated as "estimated".
public struct ScaleEstimates: Sendable, Hashable {
  /// One column.
  public struct Column: Sendable, Hashable {
    /// Its place among `TableFormat.columns`.
    let statement: Int
    public let name: String
    /// What becomes −1 and 1.
    public let bounds: ClosedRange<Double>
    /// What each client released, by level, on the scale on which the public bounds are −1 and 1.
    package let choices: [[Double]]
  }

  /// The quantiles that every client estimates.
  package static let levels = [0.1, 0.9]

  /// Whether clients are asked.
  package enum Source: Sendable {
    /// Each makes its choices; with the run's seed they are those of every run with it.
    case clients
    /// They answered when the run began: by column, client and level, as in `choices`.
    case known([[[Double]]])
    /// Nobody is asked and public bounds stay, for whoever shows data without being the run that pays.
    case publicBounds
  }

  public private(set) var columns: [Column] = []

  /// What clients chose, by column, client and level.
  package var choices: [[[Double]]] { columns.map(\.choices) }

  /// - Parameters:
  ///   - source: who says the quantiles.
  ///   - dataset: with columns on the scale of their public bounds, which are −1 and 1 in it.
  init(
    _ scenario: Scenario, from source: Source, dataset: Dataset, partition: Partition
  ) throws(AccountingError) {
    if case .publicBounds = source { return }
    guard let format = scenario.data.table?.format, case .floats(let values) = dataset.train.values,
      let facts = dataset.table
    else { return }
    let width = dataset.shape.valueCount
    let making = scenario.privacy.noiseMaking
    for (place, statement) in format.columns.enumerated() {
      guard case .estimated(let low, let high, _) = statement.kind,
        let column = facts.column(statement.column)
      else { continue }
      var found: [[(value: Double, weight: Int)]] = Self.levels.map { _ in [] }
      let clients = scenario.clients
      for client in clients {
        let rows = partition.clients[client.index].train
        // A missing number is 0, and so is one in the middle of the bounds: neither counts.
        let numbers = rows.map { Double(values[Int($0) * width + column.firstInput]) }
          .filter { $0 != 0 }
        for (index, level) in Self.levels.enumerated() {
          let quantile = QuantileChoice(level: level)
          let value: Double
          if case .known(let choices) = source {
            value = choices[columns.count][client.index][index]
          } else if let epsilon = scenario.scaleEpsilon(of: client.budget) {
            var stream = making.stream(
              RandomStream(
                seed: scenario.seed, purpose: .scaling, round: place, client: client.index,
                step: index))
            value = try quantile.release(of: numbers, epsilon: epsilon, using: &stream).value
          } else {
            value = quantile.exactly(of: numbers).value
          }
          found[index].append((value, rows.count))
        }
      }
      let inner = found.map(Self.weightedMedian)
      let bounds = Self.bounds(inner[0], inner[1])
      func raw(_ value: Double) -> Double { low + (value + 1) / 2 * (high - low) }
      columns.append(
        Column(
          statement: place, name: column.name, bounds: raw(bounds.low)...raw(bounds.high),
          choices: clients.indices.map { client in found.map { $0[client].value } }))
    }
  }

  /// Half the distance of the quantiles is added on both sides, within −1 and 1; the bounds are at least one step of
  /// the candidates apart.
  package static func bounds(_ first: Double, _ second: Double) -> (low: Double, high: Double) {
    let step = QuantileChoice.candidate(1) - QuantileChoice.candidate(0)
    let (low, high) = (min(first, second), max(first, second))
    let margin = (high - low) / 2
    let begin = min(max(-1, low - margin), 1 - step)
    return (begin, max(min(1, high + margin), begin + step))
  }

  /// The smallest value at or below which half of the weight lies.
  package static func weightedMedian(_ values: [(value: Double, weight: Int)]) -> Double {
    let sorted = values.sorted { $0.value < $1.value }
    let half = sorted.reduce(0) { $0 + $1.weight }
    var sum = 0
    for entry in sorted {
      sum += entry.weight
      if 2 * sum >= half { return entry.value }
    }
    return 0
  }

  /// What a run says of them; nil where there are none.
  var note: String? {
    guard !columns.isEmpty else { return nil }
    let shown = columns.prefix(12).map {
      "\($0.name) from \(short($0.bounds.lowerBound)) to \(short($0.bounds.upperBound))"
    }
    let rest = columns.count > 12 ? " and \(columns.count - 12) more" : ""
    return "scales that clients estimated: \(shown.joined(separator: "; "))\(rest)"
  }
}

extension DatasetRequest {
  /// The same data on the scales that were found.
  func scaled(by estimates: ScaleEstimates) -> DatasetRequest {
    var request = self
    for column in estimates.columns {
      guard let statement = request.table?.columns[column.statement],
        case .estimated(let low, let high, _) = statement.kind
      else { continue }
      request.table?.columns[column.statement] = ColumnStatement(
        statement.column, .estimated(min: low, max: high, found: column.bounds))
    }
    return request
  }
}

extension Scenario {
  /// Whether the data look as in the run to whoever reads them again: clients estimate no scales, or the run's seed
  /// has them estimate the same.
  package var repeatableScales: Bool { isReproducible || scaleChoices == 0 }

  /// Whether a checkpoint has the choices that it should have.
  func fits(scales: [[[Double]]]?) -> Bool {
    guard !repeatableScales else { return scales == nil }
    let levels = ScaleEstimates.levels.count
    return scales?.count == scaleChoices / levels
      && scales?.allSatisfy { $0.count == clients.count && $0.allSatisfy { $0.count == levels } }
        == true
  }

  /// Private choices that a client makes for scales: one a quantile and column.
  var scaleChoices: Int {
    let columns = data.table?.format.columns ?? []
    return ScaleEstimates.levels.count
      * columns.count { if case .estimated = $0.kind { true } else { false } }
  }

  /// The ε of each such choice; nil without a budget. All k of them are (ratio · ε)²/8-zCDP together, as one choice
  /// of ratio · ε is.
  func scaleEpsilon(of budget: Budget) -> Double? {
    guard let table = data.table, let target = budget.targetEpsilon, scaleChoices > 0 else {
      return nil
    }
    return table.scaleEpsilonRatio * target / Double(scaleChoices).squareRoot()
  }

  /// What a client's estimates put into its ledger.
  func scaleEntries(of client: ClientPlan) -> [LedgerEntry] {
    guard scaleChoices > 0 else { return [] }
    guard let epsilon = scaleEpsilon(of: client.budget) else {
      return [.nonPrivate(round: 1, client: client.index, purpose: .scaling, count: scaleChoices)]
    }
    return [
      .exponentialMechanism(
        round: 1, client: client.index, purpose: .scaling, epsilon: epsilon,
        sensitivity: ScaleEstimates.levels.map { QuantileChoice(level: $0).sensitivity }.max()
          ?? 1,
        count: scaleChoices)
    ]
  }
}

extension TableFacts {
  /// The column that a scenario names.
  fileprivate func column(_ named: TableColumn) -> Column? {
    switch named {
    case .name(let name): columns.first { $0.name == name }
    case .position(let position): columns.indices.contains(position) ? columns[position] : nil
    }
  }
}
