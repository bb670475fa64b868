// `dpflsim data`: list, describe

import ArgumentParser
import Datasets
import Federation
import Foundation
import Results
import Scenarios

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "List and verify data sets, describe partitions, and look at tables.",
    subcommands: [List.self, Describe.self, Inspect.self], defaultSubcommand: List.self)
}

extension DataCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the known data sets and verify the files that are installed.")

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
      abstract: "Look at a table: how it is written, its columns, and a scenario that reads it.")

    @Argument(help: ArgumentHelp("The table.", valueName: "file"))
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
        text.scenario
      }
    }
  }

  struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show how a scenario reads and deals its data: classes, columns, examples per client and label."
    )

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
