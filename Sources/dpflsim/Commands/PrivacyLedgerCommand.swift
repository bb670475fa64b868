// `dpflsim privacy ledger RUN`

import Analysis
import ArgumentParser
import Presentation
import Privacy
import Store

extension PrivacyCommand {
  struct Ledger: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compute every client's ε anew from what a run released.",
      usage: "dpflsim privacy ledger <name> [<options>]",
      discussion: """
        Works for runs that go on or were stopped, too: ε is then what they have spent so far. \
        With --format jsonl the releases themselves are written, one JSON object a line.

        dpflsim privacy ledger latest --compare
        """)

    enum Format: String, CaseIterable, ExpressibleByArgument {
      case table
      case json
      case jsonl
    }

    @Argument(help: "The run, the beginning of its name, or latest.")
    var name: String

    @OptionGroup var store: StoreOptions

    @Option(help: "How the answer is written.")
    var format: Format = .table

    @Flag(help: "Show the bound of every accountant.")
    var compare = false

    @Flag(help: "Write no colours (as does NO_COLOR in the environment).")
    var noColor = false

    func run() throws {
      let store = try store.openExisting()
      let report = try LedgerReport(run: store.run(named: name), in: store, comparing: compare)
      var output = OutputOptions()
      output.noColor = noColor
      switch format {
      case .jsonl: return try Terminal.write(report.jsonLines())
      case .json: output.format = .json
      case .table: output.format = .table
      }
      try output.write {
        report.lines(colors: $0)
      } document: {
        report.document
      }
    }
  }
}
