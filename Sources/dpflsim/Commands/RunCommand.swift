// `dpflsim run SCENARIO`

import ArgumentParser
import Results

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Simulate a scenario, store every round, and show the result.",
    discussion: """
      Progress goes to standard error, the result to standard output. The run is stored as it goes; \
      `dpflsim runs show` shows it again.
      """)

  @OptionGroup var scenario: ScenarioOptions
  @OptionGroup var store: StoreOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Work on so many cores (default: all). The result does not depend on it.")
  var workers: Int?

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, got \(workers)")
    }
  }

  func run() async throws {
    let execution = RunExecution(
      scenario: try scenario.scenario(), store: try store.open(),
      workers: workers ?? Machine.cores,
      progress: quiet ? .silent : .suitable(colors: output.colors(on: .error)))
    let stored = try await execution.run()
    try output.write { colors in
      stored.lines(colors: colors) + [
        "Stored as \(stored.run.runID); see it again with: \(Places().command) runs show "
          + "\(stored.run.runID)\(store.repeated)"
      ]
    } document: {
      stored.document
    }
  }
}
