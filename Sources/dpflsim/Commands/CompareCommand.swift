// `dpflsim compare [RUN ...]`

import Analysis
import ArgumentParser
import Presentation
import Scenarios

/// How tables are written.
enum TableFormat: String, CaseIterable, ExpressibleByArgument {
  case table
  case json
  case csv
  case markdown
  case latex
}

struct TableOptions: ParsableArguments {
  @Option(
    help: "How the answer is written; csv is for compare alone, LaTeX needs the package booktabs.")
  var format: TableFormat = .table

  @Flag(help: "Write no colours (as does NO_COLOR in the environment).")
  var noColor = false

  /// For a terminal or a program; other formats are text that their command writes.
  var output: OutputOptions {
    var output = OutputOptions()
    output.noColor = noColor
    output.format = format == .json ? .json : .table
    return output
  }
}

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare finished runs over their seeds: fairness, the price of privacy, methods.",
    usage: "dpflsim compare [<names> ...] [<options>]",
    discussion: """
      Runs that differ in nothing but their seed form a cell. The price of privacy pairs each run \
      with the run of the same seed, method and settings without privacy; the price of mistakes pairs \
      it with the oracle of the same budget. docs/sweep-and-compare.md defines every figure.

      dpflsim compare --by adapter.r
      dpflsim compare --scenario skewed --format latex
      dpflsim compare --scenario skewed --spread sd
      """)

  @Argument(help: "Runs, or the beginnings of their names (default: all finished runs).")
  var names: [String] = []

  @Option(
    help: ArgumentHelp(
      "What stands below each other: method, epsilon, cluster, group, or any setting in which the runs differ, such as adapter.r.",
      valueName: "key"))
  var by = "method"

  @Option(help: "Only runs of the scenario with this name.")
  var scenario: String?

  @OptionGroup var spread: SpreadOptions

  @OptionGroup var store: StoreOptions

  @OptionGroup var table: TableOptions

  func run() throws {
    let spread = spread.spread
    let comparison = try store.openExisting().comparison(of: names, scenario: scenario)
    guard !comparison.cells.isEmpty else {
      throw Failure(
        .missingInput,
        "there are no finished runs\(scenario.map { " of the scenario \($0)" } ?? "") to compare; "
          + "`dpflsim sweep` makes some")
    }
    let order = ComparisonOrder(by)
    if case .setting(let path) = order, !comparison.variedSettings.contains(path) {
      let known = ["method", "epsilon", "cluster", "group"] + comparison.variedSettings
      throw Failure(
        .usage,
        "--by \(path): these runs do not differ in a setting of that name; name one of "
          + known.joined(separator: ", "))
    }
    switch table.format {
    case .csv: return try Terminal.write(comparison.csv)
    case .markdown:
      return try Terminal.write(
        comparison.markdown(by: order, spread: spread).joined(separator: "\n") + "\n")
    case .latex:
      return try Terminal.write(
        comparison.latex(by: order, spread: spread).joined(separator: "\n") + "\n")
    case .json, .table: break
    }
    try table.output.write {
      comparison.lines(by: order, spread: spread, colors: $0)
    } document: {
      comparison.document
    }
  }
}
