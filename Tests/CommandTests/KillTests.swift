// A process that is killed at any moment: the store opens, what was committed is there, and the run ends
// with the digest that it would have had.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Store
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite("Kill", .serialized)
struct KillTests {
  static let settings = ["--set", "rounds=150", "--quiet", "--workers", "1"]

  /// What a store holds of each run: its rounds, and its digest if it is done.
  static func contents(of program: Program) throws -> [String: (rounds: Int, digest: String?)] {
    guard FileManager.default.fileExists(atPath: program.store.path) else { return [:] }
    let store = try RunStore.openExisting(program.store)
    var runs: [String: (Int, String?)] = [:]
    for run in try store.runs() {
      runs[run.runID] = (try store.rounds(of: run.runID).count, run.resultDigest)
      // The checkpoints that the store names are whole.
      if run.presentStatus == .interrupted { _ = try store.resumePoint(of: run.runID) }
    }
    return runs
  }

  @Test("killed with the operating system's randomness, a run keeps every release and its budget")
  func ledgerKept() async throws {
    try await Program.inFolder { program in
      // Would take far longer than any test.
      let settings = [
        "--set", "rounds=100000", "--set", "evaluation.every=100000", "--set",
        "privacy.noise=hardened", "--set", "privacy.noise_multiplier=500", "--set",
        #"method={"name":"global"}"#, "--set",
        "privacy.on_budget_exhausted=continue", "--checkpoint-every", "40", "--quiet",
      ]
      var process = try program.start(["run", Program.shipped("tiny.json")] + settings)
      let runID = try InterruptionTests.waitForRounds(program, process, atLeast: 50)
      kill(process.processIdentifier, SIGKILL)
      #expect(try program.outcome(of: process).status == 128 + SIGKILL)
      let store = try RunStore.openExisting(program.store)
      let before = try store.ledgerEntries(of: runID)
      let finished = try store.rounds(of: runID).count
      // At most one round is announced and not finished.
      #expect(try #require(before.map(\.round).max()) <= finished + 1)

      let repeated = try #require(try store.resumePoint(of: runID)).round + 1
      process = try program.start(
        ["run", "--resume", runID, "--quiet", "--checkpoint-every", "40"])
      _ = try InterruptionTests.waitForRounds(program, process, atLeast: finished + 10)
      kill(process.processIdentifier, SIGTERM)
      #expect(try program.outcome(of: process).status == 143)
      let after = try store.ledgerEntries(of: runID)
      #expect(Array(after.prefix(before.count)) == before && after.count > before.count)
      // What is behind the checkpoint was released again, and both times count.
      #expect(after.count { $0.round == repeated } > before.count { $0.round == repeated })
      let report = try LedgerReport(run: store.run(named: runID), in: store)
      #expect(report.clients.allSatisfy { ($0.epsilon ?? .infinity) <= 5 })
    }
  }

  @Test("killed 100 times at random moments, runs end with the digest of an uninterrupted one")
  func killed() async throws {
    try await Program.inFolder { program in
      let scenario = Program.shipped("tiny.json")
      let clock = ContinuousClock()
      let begun = clock.now
      let aside = try program.call(
        ["run", scenario, "--store", "aside.sqlite"] + Self.settings)
      #expect(aside.status == 0, "\(aside.errors)")
      // On a busy machine a run may not have begun after a quarter of a second.
      let whole = Int(begun.duration(to: clock.now) / .milliseconds(1))
      let latest = max(250, whole / 2)
      let expected = try #require(
        try RunStore.openExisting(program.folder.appendingPathComponent("aside.sqlite"))
          .runs().first?.resultDigest)

      var generator = SystemRandomNumberGenerator()
      var before: [String: (rounds: Int, digest: String?)] = [:]
      var kills = 0
      while kills < 100 {
        let open = before.first { $0.value.digest == nil }?.key
        let process = try program.start(
          (open.map { ["run", "--resume", $0, "--quiet", "--workers", "1"] }
            ?? ["run", scenario] + Self.settings) + ["--checkpoint-every", "1"])
        let moment = Int.random(in: 1...latest, using: &generator)
        Program.pause(moment)
        kill(process.processIdentifier, SIGKILL)
        let outcome = try program.outcome(of: process)
        if outcome.status != 0 {
          #expect(outcome.status == 128 + SIGKILL, "\(outcome.errors)")
          kills += 1
        }
        let after = try Self.contents(of: program)
        for (runID, earlier) in before {
          let now = try #require(after[runID])
          // A round that was stored and not yet in a checkpoint is done again.
          #expect(now.rounds >= earlier.rounds - 1, "after \(moment) ms")
          if let digest = earlier.digest { #expect(now.digest == digest) }
        }
        before = after
      }
      for (runID, state) in before where state.digest == nil {
        let last = try program.call("run", "--resume", runID, "--quiet")
        #expect(last.status == 0, "\(last.errors)")
      }
      let runs = try Self.contents(of: program).values
      #expect(!runs.isEmpty && runs.allSatisfy { $0.rounds == 150 && $0.digest == expected })
    }
  }
}
