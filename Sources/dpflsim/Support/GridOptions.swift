// The options that span a grid of scenarios, of `sweep` and of `lab detection`.

import Analysis
import ArgumentParser
import Federation
import Foundation
import Scenarios

struct GridOptions: ParsableArguments {
  // Each may be given again: what is named once more joins what was named.
  @Option(help: "Budgets, such as 0.5,1,2,none.")
  var epsilon: [String] = []

  @Option(help: "Methods, such as r-dpcfl,ifca,global,local,mr-mtl,oracle.")
  var method: [String] = []

  @Option(help: "Seeds, such as 0..4 or 0,3,7.")
  var seeds: [String] = []

  @Option(
    help: ArgumentHelp(
      "Any other setting with its values, such as adapter.r=1,4,16; repeatable.",
      valueName: "key=values"))
  var vary: [String] = []

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Change a setting in every cell; repeatable.", valueName: "key=value"))
  var changes: [String] = []

  private static func joined(_ lists: [String]) -> String { lists.joined(separator: ",") }

  /// The cells of a scenario file, or of a sweep file whose axes these options replace.
  func grid(of file: String, allowed: AllowOptions) throws -> SweepGrid {
    var axes = SweepAxes()
    var scenario = file
    let data = try ScenarioOptions.contents(of: file)
    var json = data
    do {
      if let sweep = try SweepFile(json: data) {
        axes = sweep.axes
        scenario =
          URL(fileURLWithPath: sweep.scenario, relativeTo: URL(fileURLWithPath: file)).path
        json = try ScenarioOptions.contents(of: scenario)
      }
    } catch let error as SweepError {
      throw Failure(.invalidInput, error.description).named(file)
    }
    if !epsilon.isEmpty { axes.epsilons = try SweepAxes.epsilons(Self.joined(epsilon)) }
    if !method.isEmpty { axes.methods = try SweepAxes.methods(Self.joined(method)) }
    if !seeds.isEmpty { axes.seeds = try SweepAxes.seeds(Self.joined(seeds)) }
    if !vary.isEmpty {
      axes.settings = try vary.map { try SweepAxes.setting($0) }
      try SweepAxes.check("--vary", axes.settings.map(\.path))
    }
    do {
      var changes = changes + allowed.changes(of: json)
      let folder = ScenarioOptions.folder(of: scenario)
      let base = try Scenario(json: json, overrides: changes, folder: folder)
      if base.isOpen {
        json = Data(try base.askingItsTable(Places().catalog).resolvedJSON.utf8)
        changes = []
      }
      return try SweepGrid(json: json, overrides: changes, axes: axes, folder: folder)
    } catch let error as ScenarioError {
      throw Failure(error).named(scenario)
    }
  }
}
