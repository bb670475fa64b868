// `dpflsim report [RUN ...] -o FILE.html`

import Analysis
import ArgumentParser
import Foundation
import Presentation

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a report of runs as one HTML file that needs no network.",
    usage: "dpflsim report [<names> ...] --output <file> [<options>]",
    discussion: """
      Findings in plain language, the frontier over ε, what privacy costs each cluster, one run in \
      detail, the ledger, an appendix for a data protection impact assessment, and a glossary.

      dpflsim report -o report.html
      dpflsim report --scenario skewed -o skewed.html
      """)

  @Argument(help: "Runs, or the beginnings of their names (default: all finished runs).")
  var names: [String] = []

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Option(help: "Only runs of the scenario with this name.")
  var scenario: String?

  @OptionGroup var store: StoreOptions

  func run() throws {
    let store = try store.openExisting()
    let comparison = try store.comparison(of: names, scenario: scenario)
    guard !comparison.cells.isEmpty else {
      throw Failure(
        .missingInput,
        "there are no finished runs\(scenario.map { " of the scenario \($0)" } ?? "") to report; "
          + "`dpflsim sweep` makes some")
    }
    let runtime = ChartRuntime(file: Places().chartRuntime)
    if runtime == nil {
      Terminal.complain(
        "\(Places().chartRuntime.path): there is no Vega runtime, so the report has tables and no "
          + "charts; tools/setup installs it")
    }
    try ReportPage(comparison, in: store, runtime: runtime)
      .write(to: URL(fileURLWithPath: output))
    try Terminal.write("\(output)\n")
  }
}
