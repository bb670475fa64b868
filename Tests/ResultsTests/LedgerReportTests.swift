// Ledgers of stored runs: ε computed anew, compared with what the run stated.

import Analysis
import Federation
import Formatting
import Foundation
import GRDB
import Presentation
import Privacy
import Scenarios
import Store
import Testing

@Suite("Ledger report")
struct LedgerReportTests {
  @Test("ε is that of the accountant for the client's releases")
  func recomputed() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let run = try await Sample.store(Sample.result(), in: store).run
      let report = try LedgerReport(run: run, in: store)
      for client in report.clients {
        let rate = client.client < 2 ? 0.2 : 0.1
        let steps = PrivacyEvent.trainingSteps(
          sampleRate: rate, noiseMultiplier: 1.25, count: client.client < 2 ? 10 : 20)
        let expected = try BestAccountant().epsilon(
          of: .composed([steps, .exponentialMechanism(epsilon: 0.15)]), delta: 1e-4)
        #expect(abs(try #require(client.epsilon) - expected) < 1e-9)
        #expect(client.releases == (client.client < 2 ? 11 : 21))
        #expect(client.targetEpsilon == 5 && client.storedEpsilon == 4.9987)
        #expect(client.cluster == (client.client < 2 ? "few" : "many"))
      }
      #expect(report.contradictions.isEmpty)
    }
  }

  @Test("a run that states less than its ledger proves is caught")
  func contradiction() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let run = try await Sample.store(Sample.result(epsilon: 0.5), in: store).run
      let report = try LedgerReport(run: run, in: store)
      #expect(report.contradictions == [0, 1, 2, 3, 4])
      #expect(
        report.lines(colors: false).last
          == "The run stated a smaller ε for clients 0, 1, 2, 3, 4 than its ledger proves.")
    }
  }

  @Test("comparing shows every accountant once, and the run's own first")
  func comparison() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let run = try await Sample.store(Sample.result(), in: store).run
      let report = try LedgerReport(run: run, in: store, comparing: true)
      let client = try #require(report.clients.first)
      #expect(client.bounds.map(\.accountant) == [.pld, .rdp])
      #expect(report.lines(colors: false).contains { $0.contains("ε, loss distributions (pld)") })
      #expect(report.document["clients"]?[0]?["bounds"]?[1]?["accountant"] == "rdp")
    }
  }

  @Test("a run that goes on has spent what its rounds released")
  func partial() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      let before = try LedgerReport(run: store.run(named: recorder.runID), in: store)
      #expect(before.clients.allSatisfy { $0.epsilon == 0 && $0.releases == 0 })
      try await recorder.receive(.finishedRound(Sample.round(1)))
      let one = try LedgerReport(run: store.run(named: recorder.runID), in: store)
      try await recorder.receive(.finishedRound(Sample.round(2)))
      let two = try LedgerReport(run: store.run(named: recorder.runID), in: store)
      for (first, second) in zip(one.clients, two.clients) {
        let (less, more) = (try #require(first.epsilon), try #require(second.epsilon))
        #expect(0 < less && less < more)
        #expect(first.storedEpsilon == nil)
      }
      #expect(one.finishedRounds == 1)
    }
  }

  @Test("releases without noise: infinite, or refused where only LoRA hides them")
  func withoutNoise() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      var round = Sample.round(1)
      round.ledger = [
        .nonPrivate(round: 1, client: 0, purpose: .training),
        .noiseFreeLowRank(round: 1, client: 1, rank: 4),
      ]
      try await recorder.receive(.finishedRound(round))
      let report = try LedgerReport(run: store.run(named: recorder.runID), in: store)
      #expect(report.clients[0].epsilon == nil && report.clients[0].refusal == nil)
      #expect(report.clients[0].bounds.first?.epsilon == .infinity)
      #expect(report.clients[1].epsilon == nil && report.clients[1].bounds.isEmpty)
      #expect(report.clients[1].refusal?.contains("no epsilon can be stated") == true)
      #expect(report.document["clients"]?[0]?["epsilon"] == .null)
    }
  }

  @Test("the exported lines are the ledger")
  func jsonLines() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let run = try await Sample.store(Sample.result(), in: store).run
      let lines = try LedgerReport(run: run, in: store).jsonLines()
      let ledger = try PrivacyLedger(jsonLines: lines)
      #expect(ledger.entries == Sample.ledger(round: 1) + Sample.ledger(round: 2))
    }
  }

  @Test("a stored release that cannot be read is an error, never left out")
  func unreadable() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let store = try RunStore.open(file)
      let run = try await Sample.store(Sample.result(), in: store).run
      try await DatabaseQueue(path: file.path).write {
        try $0.execute(
          sql: "UPDATE privacy_histories SET purpose = 'fun' WHERE history = 1 AND batch = 0")
      }
      let error = #expect(throws: StoreError.self) { try LedgerReport(run: run, in: store) }
      #expect(told(error).contains("privacy event 2: unknown purpose \"fun\""))
    }
  }
}
