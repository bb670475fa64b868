// `dpflsim export RUN`

import ArgumentParser
import Foundation
import Results

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the tables of a run as CSV or JSON Lines.",
    discussion: """
      One file a table: rounds, client_rounds, cluster_rounds, assignments, privacy_events (the \
      ledger), and for a finished run clients and clusters. docs/store.md describes the columns.
      """)

  @Argument(help: "The run, the beginning of its name, or latest.")
  var name: String

  @Option(help: ArgumentHelp("Write CSV into this folder.", valueName: "folder"))
  var csv: String?

  @Option(help: ArgumentHelp("Write JSON Lines into this folder.", valueName: "folder"))
  var jsonl: String?

  @OptionGroup var store: StoreOptions

  func validate() throws {
    guard csv != nil || jsonl != nil else {
      throw ValidationError("name a folder with --csv or --jsonl")
    }
  }

  func run() throws {
    let store = try store.openExisting()
    let export = try RunExport(of: store.run(named: name), in: store)
    for (format, folder) in [(ExportFormat.csv, csv), (.jsonl, jsonl)] {
      guard let folder else { continue }
      for file in try export.write(format, to: URL(fileURLWithPath: folder, isDirectory: true)) {
        try Terminal.write(file.path + "\n")
      }
    }
  }
}
