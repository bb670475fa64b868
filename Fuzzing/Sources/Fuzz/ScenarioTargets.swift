// Everything that is written as JSON by hand: scenarios, alone and under the linter, and sweep files.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import Presentation
import Scenarios
import Store

extension FuzzTarget {
  static let scenario = FuzzTarget(
    name: "scenario", form: .json, largest: 8192, seeds: scenarios,
    run: { bytes in
      guard let scenario = try? Scenario(json: Data(bytes)) else { return }
      precondition(scenario.clients.count == scenario.clientCount)
      guard let again = try? Scenario(json: Data(scenario.resolvedJSON.utf8)) else {
        preconditionFailure("the resolved form is refused")
      }
      precondition(again == scenario && again.hash == scenario.hash)
    })

  /// Scenarios that can be read, in front of the linter; of moderate size, because its accountants compose
  /// what is released round by round.
  static let check = FuzzTarget(
    name: "check", form: .json, largest: 8192,
    seeds: smallScenarios,
    run: { bytes in
      guard let scenario = try? Scenario(json: Data(bytes)), scenario.clientCount <= 100,
        scenario.rounds <= 200, scenario.data.name != "csv"
      else { return }
      let linter = try? PrivacyLinter(scenario: scenario, catalog: DatasetCatalog(places: []))
      guard let report = linter?.report() else { return }
      precondition(
        report.findings.allSatisfy { !$0.message.isEmpty && !$0.message.contains("nan") })
      precondition(report.groups.allSatisfy { $0.epsilon.map { $0 >= 0 } ?? true })
    })

  /// Sweep files, and the same text as each of the options of the command line.
  static let sweep = FuzzTarget(
    name: "sweep", form: .json, largest: 2048,
    seeds: {
      [
        #"{"scenario": "skewed.json", "epsilon": [1, 2.5, null], "method": ["r-dpcfl", "ifca"]}"#,
        #"{"scenario": "a", "seeds": "0..2,7", "vary": {"local.steps": [1, 4], "rounds": [2]}}"#,
        #"{"scenario": "a", "seeds": [0, 5], "vary": {"population.clusters[0].clients": [3]}}"#,
        "0.5,1,none", "0..4,9", #"adapter.r=1,[2,3],{"a":1},"b""#, "r-dpcfl,ifca",
      ].map { Array($0.utf8) }
    },
    run: { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      _ = try? SweepAxes.epsilons(text)
      _ = try? SweepAxes.methods(text)
      _ = try? SweepAxes.seeds(text)
      var axes = (try? SweepFile(json: Data(bytes)))?.axes ?? SweepAxes()
      if let setting = try? SweepAxes.setting(text) { axes.settings.append(setting) }
      let json = Data(tinyScenario.utf8)
      guard axes.cellCount <= 32,
        let grid = try? SweepGrid(json: json, overrides: [], axes: axes)
      else { return }
      precondition(grid.cells.count + grid.invalid.count == axes.cellCount)
    })

  /// Of few budgets: to calibrate the noise of many takes the unoptimised linter minutes.
  @Sendable private static func smallScenarios() throws -> [[UInt8]] {
    try variants.map { Array(try variant($0).resolvedJSON.utf8) }
  }

  /// The shipped scenarios, from the folder that DPFLSIM_HOME names, and the variants with every default
  /// written out, so that there is a place for each key.
  @Sendable private static func scenarios() throws -> [[UInt8]] {
    let home = ProcessInfo.processInfo.environment["DPFLSIM_HOME"] ?? "."
    let folder = URL(fileURLWithPath: home).appendingPathComponent("scenarios")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    let shipped =
      try files
      .filter { $0.pathExtension == "json" && !$0.lastPathComponent.hasSuffix("schema.json") }
      .sorted { $0.path < $1.path }
      .map { [UInt8](try Data(contentsOf: $0)) }
    return try shipped + smallScenarios()
  }
}
