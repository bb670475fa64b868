// What the first rounds show, against whole runs.

import Datasets
import Federation
import Foundation
import Laboratory
import Scenarios
import Testing

@Suite("Detection of clusters")
struct DetectionLaboratoryTests {
  private static func scenario(
    epsilon: Double, method: String, seed: Int
  ) throws -> Scenario {
    try Scenario(
      json: Data(
        """
        {
          "name": "offsets", "rounds": 6, "seed": \(seed),
          "data": {
            "name": "synthetic",
            "synthetic": {
              "classes": 4, "features": 12, "separation": 5, "train_examples": 3000,
              "test_examples": 400
            }
          },
          "population": {
            "test_examples_per_client": 50,
            "clusters": [
              { "name": "a", "clients": 2, "minority": true, "examples_per_client": 200 },
              { "name": "b", "clients": 3, "examples_per_client": 200, "shift": { "label_offset": 1 } },
              { "name": "c", "clients": 3, "examples_per_client": 200, "shift": { "label_offset": 2 } }
            ]
          },
          "model": { "name": "logistic" },
          "local": { "epochs": 1, "batch_size": 20, "learning_rate": 0.5 },
          "privacy": { "target_epsilon": \(epsilon), "target_delta": 1e-3, "max_grad_norm": 1 },
          "method": \(method)
        }
        """.utf8))
  }

  private static func report(
    _ cells: [DetectionLaboratory.Cell], untilRound: Int
  ) async throws -> LabReport {
    try await DetectionLaboratory(
      cells: cells, untilRound: untilRound, catalog: DatasetCatalog(),
      options: SimulationOptions(workers: 2)
    ).run { _ in }
  }

  private static func result(of scenario: Scenario) async throws -> RunResult {
    try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(), options: SimulationOptions(workers: 2)
    ).run(observer: SilentObserver()).result
  }

  /// The cell of a table under a heading.
  private static func value(_ table: LabTable, _ row: Int, _ column: String) throws -> JSONValue {
    table.rows[row][try #require(table.columns.firstIndex(of: column))]
  }

  @Test("the first round alone shows the mixture that the whole run reports")
  func sameMixture() async throws {
    let scenario = try Self.scenario(epsilon: 5, method: #"{"name": "r-dpcfl"}"#, seed: 3)
    let report = try await Self.report(
      [.init(epsilon: "5", row: "r-dpcfl", scenario: scenario)], untilRound: 1)
    let result = try await Self.result(of: scenario)
    let seeds = report.tables[1]
    let mss = try #require(result.clustering?.mss)
    #expect(try Self.value(seeds, 0, "MSS") == .number(mss))
    let last = try #require(result.clustering?.switchRound)
    #expect(try Self.value(seeds, 0, "switch round") == .integer(last))
    let noise = try #require(result.clients[0].firstRoundNoiseMultiplier)
    #expect(try Self.value(report.tables[0], 0, "first noise multiplier") == .number(noise))
  }

  @Test("after the last round the clusters are those of the result")
  func sameAgreement() async throws {
    let method = #"{"name": "ifca", "num_clusters": 3, "selection_rounds_ratio": 0.5}"#
    let scenarios = try (0..<3).map { try Self.scenario(epsilon: 2, method: method, seed: $0) }
    let report = try await Self.report(
      scenarios.map { .init(epsilon: "2", row: "ifca", scenario: $0) }, untilRound: 6)
    var alone = 0
    for (index, scenario) in scenarios.enumerated() {
      let agreement = try #require(try await Self.result(of: scenario).agreement)
      let isolated = try #require(agreement.minorityIsolated as Bool?)
      alone += isolated ? 1 : 0
      let seeds = report.tables[1]
      #expect(try Self.value(seeds, index, "minority alone") == .bool(isolated))
      let ari = try #require(agreement.ari)
      #expect(try Self.value(seeds, index, "ARI") == .number(ari))
    }
    #expect(report.tables[0].rows.count == 1)
    #expect(try Self.value(report.tables[0], 0, "minority alone") == .integer(alone))
  }

  @Test("a budget that hides everything fails the expectation, an ample one meets it")
  func budgets() async throws {
    let method = #"{"name": "r-dpcfl"}"#
    let cells = try [0.01, 20].flatMap { epsilon in
      try (0..<2).map { seed in
        DetectionLaboratory.Cell(
          epsilon: "\(epsilon)", row: "r-dpcfl",
          scenario: try Self.scenario(epsilon: epsilon, method: method, seed: seed))
      }
    }
    for (part, holds) in [(cells[..<2], false), (cells[2...], true)] {
      let report = try await Self.report(Array(part), untilRound: 1)
      let finding = try #require(report.findings.first { $0.experiment == "minority" })
      #expect(finding.holds == holds)
    }
    let both = try await Self.report(cells, untilRound: 1)
    #expect(both.charts.first?.lines.first?.points.map(\.y) == [0, 1])
  }
}
