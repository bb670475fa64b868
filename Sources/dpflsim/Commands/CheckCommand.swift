// `dpflsim check SCENARIO`

import ArgumentParser
import Federation
import Presentation

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say what a scenario would release, cost and be worth, before it is run.",
    usage: "dpflsim check [<scenario>] [<options>]",
    discussion: """
      Exit status 65 if a critical rule refuses the scenario, 0 otherwise; docs/check.md explains \
      every rule.

      dpflsim check scenarios/skewed.json
      """)

  @OptionGroup var scenario: ScenarioOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Forecast time and memory for so many ranks (processes of mpirun or srun).")
  var ranks: Int?

  @Option(help: "With --ranks: workers of each (default: 1).")
  var workers: Int?

  func validate() throws {
    if let ranks, !(1...100_000).contains(ranks) {
      throw ValidationError("--ranks must be from 1 to 100000, got \(ranks)")
    }
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, got \(workers)")
    }
    guard ranks != nil || workers == nil else {
      throw ValidationError("--workers goes with --ranks")
    }
  }

  func run() throws {
    let known = try scenario.scenario()
    let catalog = Places().catalog
    let report = try PrivacyLinter(scenario: known, catalog: catalog).report()
    let forecast = try ranks.map {
      try RankForecast(of: known, catalog: catalog, ranks: $0, workers: workers ?? 1)
    }
    let text = CheckText(report, ranks: forecast)
    try output.write {
      text.lines(colors: $0)
    } document: {
      text.document
    }
    if report.isRefused {
      let rules = report.findings.filter { $0.severity == .critical }.map(\.rule)
      throw Failure(
        .invalidInput,
        "\(scenario.file ?? ""): refused by \(rules.joined(separator: ", ")); fix what is said above"
      )
    }
  }
}
