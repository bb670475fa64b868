// `dpflsim data`: list, describe

import ArgumentParser
import Datasets
import Federation
import Results
import Scenarios

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "List and verify data sets, and describe partitions.",
    subcommands: [List.self, Describe.self], defaultSubcommand: List.self)
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

  struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show how a scenario reads and deals its data: classes, columns, examples per client and label.")

    @OptionGroup var scenario: ScenarioOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let scenario = try scenario.scenario()
      let population = try Population(scenario: scenario, catalog: Places().catalog)
      let text = PartitionText(
        population.report, clusterNames: scenario.population.clusters.map(\.name),
        table: population.dataset.table)
      try output.write {
        text.lines(colors: $0)
      } document: {
        text.document
      }
    }
  }
}
