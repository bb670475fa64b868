// `dpflsim data`: list, describe

import ArgumentParser
import Datasets
import Federation
import Foundation
import Presentation
import Scenarios

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "List and verify data sets, describe partitions, and look at tables.",
    discussion: """
      dpflsim data
      dpflsim data inspect patients.csv --label died --client hospital
      """,
    subcommands: [List.self, Describe.self, Inspect.self], defaultSubcommand: List.self)
}

extension DataCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the known data sets and verify the files that are installed.",
      discussion: """
        dpflsim data list fashion-mnist
        """)

    @Argument(help: "One data set only.")
    var name: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
      let list = DatasetList(try Places().catalog.verify(name))
      try output.write {
        list.lines(colors: $0)
      } document: {
        list.document
      }
    }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look at a table: how it is written, its columns, and a scenario that reads it.",
      usage: "dpflsim data inspect <file> [<options>]",
      discussion: """
        Reads every row without noise: for whoever may see the rows. `dpflsim init` writes the proposed scenario \
        into a file.

        dpflsim data inspect patients.csv
        dpflsim data inspect patients.csv --label died --client hospital
        """)

    @Argument(
      help: ArgumentHelp(
        "The table, or a folder that tools/convert-images made.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("The column of the label.", valueName: "column"))
    var label: String?

    @Option(
      help: ArgumentHelp("The column whose values are the clients.", valueName: "column"))
    var client: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
      let text = InspectionText(
        try TableInspection(file: URL(fileURLWithPath: file), label: label, client: client))
      try output.write {
        text.lines(colors: $0)
      } document: {
        text.document
      }
    }
  }

  struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show how a scenario reads and deals its data: classes, columns, examples per client and label.",
      usage: "dpflsim data describe [<scenario>] [<options>]",
      discussion: """
        dpflsim data describe scenarios/skewed.json
        """)

    @OptionGroup var scenario: ScenarioOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let scenario = try scenario.scenario()
      let population = try Population(scenario: scenario, catalog: Places().catalog)
      let text = PartitionText(try population.report(), scenario: scenario)
      try output.write {
        text.lines(colors: $0)
      } document: {
        text.document
      }
    }
  }
}
