// Runs that are stopped from outside: what was finished is kept, and nothing looks finished.

import Analysis
import Formatting
import Foundation
import Presentation
import Store
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite("Interruption")
struct InterruptionTests {
  /// A run that would take far longer than any test.
  ///
  /// Without privacy: no noise keeps a budget for so many rounds.
  static let endless = [
    "run", Program.shipped("tiny.json"), "--set", "rounds=100000", "--set",
    "evaluation.every=100000", "--set", "privacy.target_epsilon=null",
  ]

  /// Waits until a run has stored some rounds.
  static func waitForRounds(
    _ program: Program, _ process: Process, atLeast least: Int = 2
  ) throws -> String {
    for _ in 0..<600 {
      guard process.isRunning else { break }
      if let store = try? RunStore.openExisting(program.store),
        let run = try? store.run(named: "latest"), try store.rounds(of: run.runID).count >= least
      {
        return run.runID
      }
      Program.pause(50)
    }
    let outcome = try program.outcome(of: process)
    throw Stuck(errors: "\(outcome.status): \(outcome.errors)")
  }

  struct Stuck: Error {
    let errors: String
  }

  @Test(
    "a signal ends the run after its round, with what was finished stored",
    arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func signal(_ number: Int32, _ status: Int32) async throws {
    try await Program.inFolder { program in
      let process = try program.start(Self.endless)
      let runID = try Self.waitForRounds(program, process)
      kill(process.processIdentifier, number)
      // As `timeout` does, which signals the process and then its group: no second request.
      kill(process.processIdentifier, number)
      let outcome = try program.outcome(of: process)
      #expect(outcome.status == status, "\(outcome.errors.suffix(500))")
      #expect(outcome.output.isEmpty)
      let store = try RunStore.openExisting(program.store)
      let run = try store.run(named: runID)
      #expect(run.status == .interrupted && run.resultDigest == nil)
      let rounds = try store.rounds(of: runID).count
      #expect(rounds >= 2)
      #expect(
        outcome.errors.hasSuffix(
          "dpflsim: stopped after round \(rounds) of 100000; go on with: dpflsim run --resume "
            + "\(runID)\n"))
      #expect(try program.call("runs", "show", runID).output.contains("This run is interrupted"))
      // What was released so far is still accounted for.
      #expect(try program.call("privacy", "ledger", runID).status == 0)
    }
  }

  @Test("a killed run is shown as interrupted, and its store is whole")
  func killed() async throws {
    try await Program.inFolder { program in
      let process = try program.start(Self.endless)
      let runID = try Self.waitForRounds(program, process)
      kill(process.processIdentifier, SIGKILL)
      #expect(try program.outcome(of: process).status == 128 + SIGKILL)
      let list = try program.call("runs")
      #expect(list.status == 0)
      #expect(list.output.contains("interrupted") && !list.output.contains("done"))
      let next = try program.call("run", Program.shipped("tiny.json"), "--quiet")
      #expect(next.status == 0, "\(next.errors)")
      #expect(try program.call("runs", "delete", runID).status == 0)
    }
  }
}
