// Where the program begins and where it ends: one place turns errors into sentences and exit codes.

import ArgumentParser
import Foundation

@main
enum Main {
  /// When the program began.
  static let begun = ContinuousClock.now

  static func main() async {
    _ = begun
    do {
      try ProgramChoice.apply()
      let command = try DPFLSim.parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        var command = command
        try command.run()
      }
    } catch {
      end(with: error)
    }
  }

  private static func end(with error: any Error) -> Never {
    let failure: Failure
    switch DPFLSim.exitCode(for: error) {
    case .validationFailure:
      let usage = UsageProblem(
        DPFLSim.message(for: error), arguments: Array(CommandLine.arguments.dropFirst()))
      failure = Failure(.usage, usage.description)
    case .failure: failure = Failure(error)
    // Help, version and completions, which end by throwing.
    default: DPFLSim.exit(withError: error)
    }
    Terminal.complain(failure.message)
    exit(failure.status.rawValue)
  }
}
