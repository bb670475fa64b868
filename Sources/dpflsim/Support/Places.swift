// Where things lie: the project, its store, its cache, the installed data.

import Datasets
import Foundation
import Scenarios
import Store

/// The folders of this process.
struct Places {
  /// The project when started through tools/dpflsim, else the current folder.
  let home: URL
  private let environment: [String: String]

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.environment = environment
    let home = environment["DPFLSIM_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    self.home = URL(
      fileURLWithPath: home ?? FileManager.default.currentDirectoryPath, isDirectory: true)
  }

  var defaultStore: URL { home.appendingPathComponent("results/dpflsim.sqlite") }

  var catalog: DatasetCatalog {
    DatasetCatalog(environment: environment, projectFolder: home)
  }

  /// Pretrained base models and frozen features: `$DPFLSIM_CACHE`, else `cache` of the project.
  var cache: URL {
    if let own = environment["DPFLSIM_CACHE"], !own.isEmpty {
      return URL(fileURLWithPath: own, isDirectory: true)
    }
    return home.appendingPathComponent("cache", isDirectory: true)
  }

  /// The script that draws the charts of reports: `$DPFLSIM_VEGA`, else where tools/setup puts it.
  var chartRuntime: URL {
    if let own = environment["DPFLSIM_VEGA"], !own.isEmpty { return URL(fileURLWithPath: own) }
    return home.appendingPathComponent(".dpflsim-tools/vega.js")
  }

  /// Which program this is: version, the commit that tools/dpflsim or tools/release built it from, and the identity
  /// of the build that runs with portable arithmetic store.
  var versionText: String {
    let beside = Bundle.main.executableURL?.deletingLastPathComponent()
      .appendingPathComponent("dpflsim.commit")
    let commit = beside.flatMap { try? String(contentsOf: $0, encoding: .utf8) }?
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let build = BuildIdentity.of(.portable).map { String($0.prefix(12)) }
    return "\(DPFLSimVersion.current)\ncommit \(commit ?? "unknown")\nbuild \(build ?? "unknown")"
  }

  /// How the user called this program.
  var command: String { environment["DPFLSIM_COMMAND"] ?? "dpflsim" }
}
