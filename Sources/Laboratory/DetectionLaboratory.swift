// `dpflsim lab detection`: whether the clusters are found, seed by seed, from the first rounds alone and under the noise
// of the whole run. It costs as many rounds as it looks at.

import Clustering
package import Datasets
package import Federation
import Privacy
package import Scenarios
import Synchronization

package struct DetectionLaboratory: Sendable {
  /// One scenario with the row of the table that it belongs to.
  package struct Cell: Sendable {
    let epsilon: String
    /// Method and varied settings.
    let row: String
    let scenario: Scenario

    package init(epsilon: String, row: String, scenario: Scenario) {
      self.epsilon = epsilon
      self.row = row
      self.scenario = scenario
    }
  }

  /// What one seed showed.
  struct Finding: Sendable {
    var seed: UInt64
    /// Of the first client's first release; nil without privacy.
    var noiseMultiplier: Double?
    var clusters: Int
    var mss: Double?
    var mpo: Double?
    var switchRound: Int?
    var emIterations: Int?
    var adjustedRand: Double?
    var isExact: Bool
    /// Whether every minority has a cluster of its own; nil where no cluster is called one.
    var isolatesMinority: Bool?
  }

  private let cells: [Cell]
  private let untilRound: Int
  private let catalog: DatasetCatalog
  private let options: SimulationOptions

  /// - Parameters:
  ///   - cells: seeds of one row may stand apart; each row comes in the order of its first cell.
  ///   - untilRound: rounds to run, from 1; at most what the scenarios have.
  package init(
    cells: [Cell], untilRound: Int, catalog: DatasetCatalog, options: SimulationOptions
  ) {
    self.cells = cells
    self.untilRound = untilRound
    self.catalog = catalog
    self.options = options
  }

  /// - Throws: what a run throws.
  package func run(progress: @Sendable (String) -> Void) async throws -> LabReport {
    var rows: [(epsilon: String, row: String, findings: [Finding])] = []
    for (index, cell) in cells.enumerated() {
      progress(
        "\(index + 1) of \(cells.count): epsilon \(cell.epsilon), \(cell.row), seed \(cell.scenario.seed)"
      )
      let found = try await finding(of: cell.scenario)
      if let place = rows.firstIndex(where: { $0.epsilon == cell.epsilon && $0.row == cell.row }) {
        rows[place].findings.append(found)
      } else {
        rows.append((cell.epsilon, cell.row, [found]))
      }
    }
    return report(rows)
  }

  // MARK: - Running

  private func finding(of scenario: Scenario) async throws -> Finding {
    var options = options
    options.checkpoints = .rounds(untilRound)
    let witness = Witness(untilRound: untilRound)
    do {
      _ = try await Simulation(scenario: scenario, catalog: catalog, options: options)
        .run(observer: witness)
    } catch is SeenEnough {
    }
    let seen = witness.seen
    guard let state = seen.state else { throw CancellationError() }
    let truth = scenario.clients.map(\.cluster)
    let agreement = try ClusterAgreement(truth: truth, found: Array(state.assignment))
    let clusters = scenario.population.clusters
    let minorities = clusters.indices.filter { clusters[$0].minority }
    let used = Set(state.assignment).count
    let chosen = state.clustering?.chosenClusters
    return Finding(
      seed: scenario.seed, noiseMultiplier: seen.noiseMultiplier, clusters: chosen ?? used,
      mss: state.clustering?.mss, mpo: state.clustering?.mpo,
      switchRound: state.clustering?.switchRound,
      emIterations: state.clustering?.candidates.first { $0.clusters == chosen }?.emIterations,
      adjustedRand: agreement.adjustedRand,
      isExact: agreement.misassignedClients.isEmpty && used == clusters.count,
      isolatesMinority: minorities.isEmpty
        ? nil : minorities.allSatisfy { agreement.isIsolated(trueLabel: $0) })
  }

  // MARK: - Reporting

  private func report(
    _ rows: [(epsilon: String, row: String, findings: [Finding])]
  ) -> LabReport {
    var table = LabTable(
      "detection", "Clusters after round \(untilRound), all seeds of a row",
      [
        "epsilon", "method", "seeds", "first noise multiplier", "clusters", "MSS", "ARI",
        "all right",
        "minority alone", "95 % of it",
      ])
    var single = LabTable(
      "seeds", "Seed by seed",
      [
        "epsilon", "method", "seed", "clusters", "MSS", "MPO", "switch round", "EM iterations",
        "ARI", "all right", "minority alone",
      ], isDetail: true)
    for row in rows {
      let findings = row.findings
      let isolated = findings.compactMap(\.isolatesMinority)
      let alone = isolated.count { $0 }
      let interval = ShareInterval(successes: alone, trials: isolated.count)
      table.add([
        .string(row.epsilon), .string(row.row), .integer(findings.count),
        figure(findings.first?.noiseMultiplier),
        .string(Set(findings.map(\.clusters)).sorted().map(String.init).joined(separator: ", ")),
        figure(median(findings.compactMap(\.mss))),
        figure(mean(findings.compactMap(\.adjustedRand))),
        .integer(findings.count(where: \.isExact)),
        isolated.isEmpty ? .null : .integer(alone),
        isolated.isEmpty
          ? .null
          : .string(
            "\(short(100 * interval.lower)) to \(short(100 * interval.upper)) %"),
      ])
      for found in findings {
        single.add([
          .string(row.epsilon), .string(row.row), .string("\(found.seed)"),
          .integer(found.clusters), figure(found.mss), figure(found.mpo),
          found.switchRound.map { .integer($0) } ?? .null,
          found.emIterations.map { .integer($0) } ?? .null, figure(found.adjustedRand),
          .bool(found.isExact), found.isolatesMinority.map { .bool($0) } ?? .null,
        ])
      }
    }
    var report = LabReport("detection", "Whether the clusters are found")
    report.caution =
      "The simulator alone knows the true clusters; no client pays for these figures. The noise is that of the whole "
      + "run, of which only the first rounds were made."
    report.tables = [table, single]
    report.charts = chart(rows).map { [$0] } ?? []
    report.findings = expectations(rows.flatMap(\.findings))
    return report
  }

  /// What was published of R-DPCFL's first round.
  private func expectations(_ findings: [Finding]) -> [LabFinding] {
    var expectations: [LabFinding] = []
    let separated = findings.filter { ($0.mss ?? 0) > 2 }
    if !separated.isEmpty {
      let wrong = separated.count { !$0.isExact }
      expectations.append(
        LabFinding(
          "MSS > 2", "a minimum separation score above 2 means that all clusters are right",
          measured: "\(wrong) of \(separated.count) such runs had wrong clusters",
          holds: wrong == 0))
    }
    let isolated = findings.compactMap(\.isolatesMinority)
    if !isolated.isEmpty {
      let alone = isolated.count { $0 }
      expectations.append(
        LabFinding(
          "minority", "the minority has a cluster of its own in every run",
          measured: "in \(alone) of \(isolated.count)", holds: alone == isolated.count))
    }
    return expectations
  }

  /// The share of seeds whose minority is alone, over ε where there are several.
  private func chart(
    _ rows: [(epsilon: String, row: String, findings: [Finding])]
  ) -> LabChart? {
    var lines: [(name: String, points: [LabChart.Point])] = []
    for row in rows {
      let isolated = row.findings.compactMap(\.isolatesMinority)
      guard let epsilon = Double(row.epsilon), !isolated.isEmpty else { continue }
      let point = LabChart.Point(
        epsilon, Double(isolated.count { $0 }) / Double(isolated.count))
      if let place = lines.firstIndex(where: { $0.name == row.row }) {
        lines[place].points.append(point)
      } else {
        lines.append((row.row, [point]))
      }
    }
    guard lines.contains(where: { $0.points.count > 1 }) else { return nil }
    return LabChart(
      "Share of seeds whose minority is alone", x: "epsilon", y: "share",
      lines.map { LabChart.Line($0.name, $0.points) })
  }

  private func figure(_ value: Double?) -> JSONValue { value.map { .figure($0) } ?? .null }

  private func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : Spread(values).mean
  }

  private func median(_ values: [Double]) -> Double? {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return nil }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}

/// Ends a run that has shown what was asked.
private struct SeenEnough: Error {}

/// Keeps the state after a round, and ends the run there.
private final class Witness: RunObserver {
  private let untilRound: Int
  private let kept = Mutex(Seen())

  struct Seen: Sendable {
    var state: FederatedState?
    var noiseMultiplier: Double?
  }

  init(untilRound: Int) { self.untilRound = untilRound }

  var seen: Seen { kept.withLock { $0 } }

  func receive(_ event: RunEvent) throws {
    switch event {
    case .finishedRound(let report):
      let first = report.ledger.first { $0.noiseMultiplier != nil }?.noiseMultiplier
      kept.withLock { $0.noiseMultiplier = $0.noiseMultiplier ?? first }
    case .checkpoint(let checkpoint) where checkpoint.round == untilRound:
      kept.withLock { $0.state = checkpoint.state }
      throw SeenEnough()
    default: break
    }
  }
}
