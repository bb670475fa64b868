// Where the program begins and where it ends: one place turns errors into sentences and exit codes.

import ArgumentParser
import Foundation

@main
enum Main {
  static func main() async {
    var command: any ParsableCommand
    do {
      command = try DPFLSim.parseAsRoot()
    } catch {
      // Help and version on stdout with 0, wrong usage on stderr with 64.
      DPFLSim.exit(withError: error)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      // Asking for help is a command of the parser's own, which ends by throwing.
      if DPFLSim.exitCode(for: error) != .failure { DPFLSim.exit(withError: error) }
      let failure = Failure(error)
      Terminal.complain(failure.message)
      exit(failure.status.rawValue)
    }
  }
}
