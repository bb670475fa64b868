// `dpflsim check SCENARIO`

import ArgumentParser
import Federation
import Results

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say what a scenario would release, cost and be worth, before it is run.",
    discussion: """
      Exit status 65 if a critical rule refuses the scenario, 0 otherwise; docs/check.md explains \
      every rule.
      """)

  @OptionGroup var scenario: ScenarioOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let report = try PrivacyLinter(
      scenario: try scenario.scenario(), catalog: Places().catalog
    ).report()
    let text = CheckText(report)
    try output.write {
      text.lines(colors: $0)
    } document: {
      text.document
    }
    if report.isRefused {
      let rules = report.findings.filter { $0.severity == .critical }.map(\.rule)
      throw Failure(
        .invalidInput,
        "\(scenario.file ?? ""): refused by \(rules.joined(separator: ", ")); mend what is said above"
      )
    }
  }
}
