// `dpflsim lab detection`

import Analysis
import ArgumentParser
import Federation
import Foundation
import Laboratory
import Presentation
import Scenarios
import Store

struct LabDetectionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detection",
    abstract: "Whether the clusters are found, from the first rounds alone.",
    usage: "dpflsim lab detection <scenario> [<options>]",
    discussion: """
      Runs each cell of a grid under the noise of the whole run, stops after the first round or the \
      given one, and compares the clusters with the true ones: a two hundredth of the cost where 200 \
      rounds are planned. Methods that do not cluster the first updates need --until-round, such as \
      ifca the rounds in which its clients choose. Nothing is stored as a run.

      dpflsim lab detection scenarios/paper/fashion-mnist-rotation.json --epsilon 3,5,15 --seeds 0..4
      """)

  @Argument(help: ArgumentHelp("A scenario file or a sweep file.", valueName: "scenario"))
  var file: String

  @OptionGroup var axes: GridOptions
  @OptionGroup var allowed: AllowOptions

  @Option(help: "Stop after this round, from 1 (default: 1).")
  var untilRound: Int?

  @Option(help: "Work on so many cores (default: all). No result depends on it.")
  var workers: Int?

  @OptionGroup var output: LabOutput

  func validate() throws {
    try Self.check([
      ("until-round", untilRound ?? 1, 1...1_000_000), ("workers", workers ?? 1, 1...1024),
    ])
  }

  func run() async throws {
    let grid = try axes.grid(of: file, allowed: allowed)
    if let invalid = grid.invalid.first {
      throw Failure(
        .invalidInput, "\(invalid.overrides.joined(separator: " ")): \(invalid.message)")
    }
    let places = Places()
    let cells = try grid.cells.map { cell in
      try check(cell.scenario)
      _ = try RunCheck.passed(by: cell.scenario, in: places)
      return DetectionLaboratory.Cell(
        epsilon: cell.epsilonLabel, row: cell.rowLabel, scenario: cell.scenario)
    }
    let laboratory = DetectionLaboratory(
      cells: cells, untilRound: untilRound ?? 1, catalog: places.catalog,
      options: SimulationOptions(
        workers: workers ?? Machine.cores, modelCache: BaseModelCache(folder: places.cache)))
    try output.finish(await laboratory.run(progress: output.report))
  }

  /// - Throws: `Failure` where there would be no clusters to look at.
  private func check(_ scenario: Scenario) throws {
    let traits = scenario.method.traits
    let name = scenario.method.name
    guard traits.clusters == .found else {
      throw Failure(.invalidInput, "method: \(name) looks for no clusters; use r-dpcfl or ifca")
    }
    guard scenario.knowsClusters else {
      throw Failure(
        .invalidInput,
        "data.cluster_column: nobody knows the true clusters of \(scenario.name); name the column of the table that says "
          + "them")
    }
    guard untilRound != nil || traits.clustersFirstRound else {
      throw Failure(
        .usage,
        "--until-round: \(name) does not cluster the first round; say after which round to look")
    }
    guard (untilRound ?? 1) <= scenario.rounds else {
      throw Failure(
        .usage, "--until-round: \(scenario.name) has \(scenario.rounds) rounds; ask for fewer")
    }
  }
}
