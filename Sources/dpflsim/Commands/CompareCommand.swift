// `dpflsim compare [RUN ...]`

public import ArgumentParser
public import Results
import Scenarios

extension ComparisonOrder: ExpressibleByArgument {}

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare finished runs over their seeds: fairness, the price of privacy, methods.",
    discussion: """
      Runs that differ in nothing but their seed form a cell. The price of privacy pairs each run \
      with the run of the same seed, method and settings without privacy; the price of mistakes pairs \
      it with the oracle of the same budget. docs/sweep-and-compare.md defines every figure.
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table
    case json
    case csv
  }

  @Argument(help: "Runs, or the beginnings of their names (default: all finished runs).")
  var names: [String] = []

  @Option(help: "How rows are arranged.")
  var by: ComparisonOrder = .method

  @Option(help: "Only runs of the scenario with this name.")
  var scenario: String?

  @OptionGroup var store: StoreOptions

  @Option(help: "How the answer is written.")
  var format: Format = .table

  @Flag(help: "Write no colours (as does NO_COLOR in the environment).")
  var noColor = false

  func run() throws {
    let comparison = try store.openExisting().comparison(of: names, scenario: scenario)
    var output = OutputOptions()
    output.noColor = noColor
    switch format {
    case .csv: return try Terminal.write(comparison.csv)
    case .json: output.format = .json
    case .table: output.format = .table
    }
    try output.write {
      comparison.lines(by: by, colors: $0)
    } document: {
      comparison.document
    }
  }
}
