// A scenario from its file to its result, in the fewest words.

public import Datasets
public import Federation
public import Foundation
public import Scenarios

extension Scenario {
  /// Reads a scenario file. Relative paths in it begin at its folder, and clients that it leaves to the client column of
  /// its table are those of the table.
  ///
  /// - Parameters:
  ///   - file: JSON, as docs/scenario.md describes it.
  ///   - overrides: settings such as `privacy.target_epsilon=3`, applied in order and checked like the file.
  ///   - catalog: where data sets are looked for.
  /// - Throws: `ScenarioError` with every problem that could be found; `DatasetError` where its table cannot be read;
  ///   what Foundation throws for a file that cannot be read.
  public init(
    contentsOf file: URL, overrides: [String] = [], catalog: DatasetCatalog = DatasetCatalog()
  ) throws {
    let folder = file.standardizedFileURL.deletingLastPathComponent().path
    self = try Scenario(json: Data(contentsOf: file), overrides: overrides, folder: folder)
      .askingItsTable(catalog)
  }

  /// What the check says of the scenario, as `dpflsim check` prints it: releases, their ε, forecasts and findings.
  ///
  /// - Throws: `DatasetError`, `ArchitectureError`, and `AccountingError` where a budget cannot be met.
  public func check(catalog: DatasetCatalog = DatasetCatalog()) throws -> CheckReport {
    try PrivacyLinter(scenario: self, catalog: catalog).report()
  }

  /// Runs the scenario in this process and keeps nothing on the disk. Same scenario, seed and data give the same
  /// `resultDigest`, whatever the number of workers.
  ///
  /// - Parameters:
  ///   - workers: clients that train side by side, at least 1.
  ///   - observer: told of every event, such as each finished round; an error that it throws ends the run.
  /// - Throws: `RefusedScenario` if the check finds something critical that the scenario does not allow by name, before
  ///   anything is trained; `DatasetError`, `ArchitectureError`, `FederationError`, `ClusteringError`; what the observer
  ///   throws; `CancellationError` when the task is cancelled.
  public func run(
    workers: Int = ProcessInfo.processInfo.activeProcessorCount,
    catalog: DatasetCatalog = DatasetCatalog(), observer: any RunObserver = SilentObserver()
  ) async throws -> RunOutcome {
    let check = try RunCheck(scenario: self, catalog: catalog)
    guard check.refused.isEmpty else { throw RefusedScenario(findings: check.refused) }
    var options = SimulationOptions(workers: max(1, workers))
    options.allowedFindings = check.allowed
    return try await Simulation(scenario: self, catalog: catalog, options: options)
      .run(observer: observer)
  }
}

/// Critical findings of the check that a scenario does not allow by name (`privacy.allow`).
public struct RefusedScenario: Error, CustomStringConvertible, Sendable {
  public let findings: [CheckReport.Finding]

  public var description: String {
    findings.map { "\($0.path): \($0.message) (\($0.rule))" }.joined(separator: "\n")
  }
}
