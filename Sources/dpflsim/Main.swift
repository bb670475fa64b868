// Where the program begins and where it ends: one place turns errors into sentences and exit codes.

import ArgumentParser
import Foundation
import Store

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
      await ProcessRanks.part()
    } catch {
      await end(with: error)
    }
  }

  private static func end(with error: any Error) async -> Never {
    let failure: Failure
    switch DPFLSim.exitCode(for: error) {
    case .validationFailure:
      let usage = UsageProblem(
        DPFLSim.message(for: error), arguments: Array(CommandLine.arguments.dropFirst()))
      failure = Failure(.usage, usage.description)
    case .failure: failure = Failure(error)
    // Help, version and completions, which end by throwing.
    default:
      guard DPFLSim.message(for: error) == DPFLSimVersion.current else {
        DPFLSim.exit(withError: error)
      }
      try? Terminal.write(Places().versionText + "\n")
      exit(0)
    }
    if ProcessRanks.launched > 1 {
      await ProcessRanks.end(with: failure)
    }
    Terminal.complain(failure.message)
    exit(failure.status.rawValue)
  }
}
