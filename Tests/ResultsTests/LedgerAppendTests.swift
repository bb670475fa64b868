// The stored ledger of a run that draws from the operating system: nothing leaves it, whatever happens.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Testing

/// Hands everything to the store, and fails when a round is about to release.
private struct CutRound: RunObserver {
  struct Failure: Error {}
  let recorder: RunRecorder
  let round: Int

  func receive(_ event: RunEvent) async throws {
    try await recorder.receive(event)
    if case .announced(round, _) = event { throw Failure() }
  }
}

@Suite("A ledger that only grows")
struct LedgerAppendTests {
  private static func scenario() throws -> Scenario {
    try Scenario(
      json: Data(RunCheckpointTests.scenario().resolvedJSON.utf8),
      overrides: [
        "privacy.noise=hardened", "privacy.randomness=system", #"method={"name":"global"}"#,
        "privacy.on_budget_exhausted=continue",
      ])
  }

  private static func simulation(_ checkpoints: CheckpointPolicy = .rounds(1)) throws -> Simulation
  {
    Simulation(
      scenario: try scenario(), catalog: DatasetCatalog(),
      options: SimulationOptions(workers: 1, checkpoints: checkpoints))
  }

  @Test(
    "a run that is cut in round 5 keeps what it announced, goes on, and states what it cost",
    arguments: [CheckpointPolicy.rounds(1), .rounds(3), .never])
  func cut(checkpoints: CheckpointPolicy) async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      let recorder = try RunRecorder(
        store: store, scenario: Self.scenario(), workers: 1, machine: "a machine")
      let runID = recorder.runID
      await #expect(throws: CutRound.Failure.self) {
        try await Self.simulation(checkpoints).run(
          observer: CutRound(recorder: recorder, round: 5))
      }
      try await recorder.end(as: .interrupted, reason: "cut", cost: Sample.cost)
      let before = try store.ledgerEntries(of: runID)
      #expect(before.map(\.round).max() == 5)
      #expect(Set(before.map(\.client)).count == 8)

      let point = try #require(try store.resumePoint(of: runID))
      #expect(point.ledger == before)
      #expect(point.round == (checkpoints == .rounds(1) ? 4 : checkpoints == .rounds(3) ? 3 : 0))
      let rest = try RunRecorder(
        resuming: runID, in: store, after: point.round, scenario: Self.scenario(), workers: 1)
      let outcome = try await Self.simulation().run(observer: rest, from: point)
      try await RunCheckpointTests.finish(rest, outcome)

      let after = try store.ledgerEntries(of: runID)
      #expect(Array(after.prefix(before.count)) == before && after.count > before.count)
      #expect(try store.rounds(of: runID).map(\.round) == Array(1...6))
      let report = try LedgerReport(run: store.run(named: runID), in: store)
      #expect(report.contradictions.isEmpty)
      for client in report.clients {
        #expect(client.epsilon == client.storedEpsilon)
        #expect(client.epsilon ?? .infinity <= client.targetEpsilon ?? 0)
      }
    }
  }
}
