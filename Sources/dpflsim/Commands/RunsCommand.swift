// `dpflsim runs`: list, show, delete

import ArgumentParser
import Foundation
import Presentation
import Scenarios
import Store

struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "List, show, bring together and delete stored runs.",
    discussion: """
      dpflsim runs
      dpflsim runs show latest
      """,
    subcommands: [List.self, Show.self, Import.self, Delete.self], defaultSubcommand: List.self)
}

extension RunsCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List stored runs, the latest first.",
      usage: "dpflsim runs list [<options>]",
      discussion: """
        dpflsim runs list --limit 10
        """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "Show no more than so many.")
    var limit: Int?

    func validate() throws {
      if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, got \(limit)") }
    }

    func run() throws {
      let store = try store.openExisting()
      let runs = try store.runs().prefix(limit ?? .max)
      let list = RunList(Array(runs), headlines: try store.headlines(of: Array(runs)))
      try output.write {
        list.lines(colors: $0)
      } document: {
        list.document
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a run again as it was shown at its end.",
      usage: "dpflsim runs show <name> [<options>]",
      discussion: """
        dpflsim runs show latest
        dpflsim runs show latest --format json
        """)

    @Argument(help: "The run, the beginning of its name, or latest.")
    var name: String

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let store = try store.openExisting()
      try output.write(store.details(of: store.run(named: name)))
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Copy the ended runs of other stores into the store; doing it again changes nothing.",
      discussion: """
        dpflsim runs import cells/*.sqlite --store all.sqlite
        """)

    @Argument(help: "The other stores.")
    var stores: [String]

    @OptionGroup var store: StoreOptions

    func run() throws {
      let store = try store.open()
      for path in stores {
        let other = try RunStore.openExisting(URL(fileURLWithPath: path))
        for run in try store.importRuns(from: other) { try Terminal.write("imported \(run)\n") }
      }
    }
  }

  struct Delete: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Delete runs with their rounds, ledgers and models.",
      discussion: """
        Names are written out, so that no run goes by mistake; `dpflsim runs` lists them.

        dpflsim runs delete 20260301-101500-ab12
        """)

    @Argument(help: "The full names of the runs.")
    var names: [String]

    @OptionGroup var store: StoreOptions

    func run() throws {
      let store = try store.openExisting()
      // All names are looked up before the first run goes.
      let runs = try names.map { name throws(StoreError) in
        let run = try store.run(named: name)
        guard run.runID == name else { throw .partialName(name: name, run: run.runID) }
        return run
      }
      for run in runs {
        try store.delete(run)
        try Terminal.write("deleted \(run.runID)\n")
      }
    }
  }
}
