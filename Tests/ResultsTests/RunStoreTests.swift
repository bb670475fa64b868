// The store: what is written as a run goes, what is read back, and what SQL itself refuses.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Testing

@Suite("Run store")
struct RunStoreTests {
  @Test("a run is there from its first moment and grows by a round")
  func growth() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      var run = try store.run(named: "latest")
      #expect(run.runID == recorder.runID)
      #expect(run.status == .running && run.presentStatus == .running)
      #expect(run.finishedAt == nil && run.resultDigest == nil)
      #expect(try run.scenarioJSON == Sample.scenario.resolvedJSON)
      #expect(try store.result(of: run) == nil)

      try await recorder.receive(.finishedRound(Sample.round(1)))
      #expect(try store.rounds(of: run.runID).map(\.round) == [1])
      try await recorder.receive(.finishedRound(Sample.round(2)))
      let rounds = try store.rounds(of: run.runID)
      #expect(rounds.map(\.stage) == ["full-batch", "selection"])
      #expect(rounds[0].clientMeanAccuracy == nil && rounds[1].clientMeanAccuracy.isNear(0.68))
      #expect(rounds.map(\.worstClusterAccuracy) == [nil, 0.5])
      #expect(rounds.map(\.clustersAreTrue) == [false, true])

      run = try store.run(named: run.runID)
      #expect(run.status == .running)
      try await recorder.finish(
        Sample.result(), models: ["model-0": Sample.model], cost: Sample.cost)
      run = try store.run(named: run.runID)
      #expect(run.status == .done)
      #expect(run.wallSeconds == 24.14 && run.peakRSSBytes == 310_000_000)
      #expect(run.clientMeanAccuracy.isNear(0.68) && run.worstClusterAccuracy == 0.5)
      #expect(run.epsilonMax == 4.9987)
      #expect(try store.result(of: run) == Sample.result())
    }
  }

  @Test("rows say what the reports said; a dormant client takes no row")
  func rows() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let run = try await Sample.store(Sample.result(), in: store).run
      let clients = try store.clientRounds(of: run.runID)
      // Client 3 neither trained nor was evaluated in round 1.
      #expect(
        clients.map { [$0.round, $0.client] } == [
          [1, 0], [1, 1], [1, 2], [1, 4], [2, 0], [2, 1], [2, 2], [2, 3], [2, 4],
        ])
      #expect(clients[1].updateNorm == 1.5 && clients[1].testAccuracy == nil)
      #expect(clients.last?.testAccuracy == 0.9)
      let clusters = try store.clusterRounds(of: run.runID)
      #expect(clusters.map(\.name) == ["few", "many"])
      #expect(clusters.map(\.testAccuracy) == [0.5, 0.8])
    }
  }

  @Test("assignments are stored when they change")
  func assignments() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let run = try await Sample.store(Sample.result(), in: store).run
      let assignments = try store.assignments(of: run.runID)
      #expect(
        assignments.map { [$0.round, $0.client, $0.trueCluster, $0.model] } == [
          [1, 0, 0, 0], [1, 1, 0, 0], [1, 2, 1, 1], [1, 3, 1, 1], [1, 4, 1, 0], [2, 4, 1, 1],
        ])
    }
  }

  @Test("the ledger reads back entry by entry")
  func ledger() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      var report = Sample.round(1)
      report.ledger += [
        .gaussian(
          round: 1, client: nil, purpose: .aggregation, noiseMultiplier: 2, maxGradNorm: nil,
          sensitivity: 3),
        .nonPrivate(round: 1, client: 2, purpose: .evaluation, count: 4),
        .noiseFreeLowRank(round: 1, client: 3, rank: 8),
      ]
      try await recorder.receive(.finishedRound(report))
      try await recorder.receive(.finishedRound(Sample.round(2)))
      #expect(
        try store.ledgerEntries(of: recorder.runID) == report.ledger + Sample.ledger(round: 2))
    }
  }

  @Test("a round is stored as a whole or not at all")
  func transaction() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      var report = Sample.round(1)
      // The last row to be written breaks a constraint.
      report.ledger.append(
        .gaussian(round: -1, client: 0, noiseMultiplier: 1, maxGradNorm: 1, sensitivity: 1))
      await #expect(throws: StoreError.self) { try await recorder.receive(.finishedRound(report)) }
      #expect(try store.rounds(of: recorder.runID).isEmpty)
      #expect(try store.clientRounds(of: recorder.runID).isEmpty)
      // The recorder did not count what was not committed.
      try await recorder.receive(.finishedRound(Sample.round(1)))
      #expect(try store.ledgerEntries(of: recorder.runID) == Sample.ledger(round: 1))
      #expect(try store.assignments(of: recorder.runID).count == 5)
    }
  }

  @Test(
    "a run that ends early never looks finished",
    arguments: [RunStatus.failed, .interrupted, .stopped])
  func early(_ status: RunStatus) async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      try await recorder.receive(.finishedRound(Sample.round(1)))
      try await recorder.end(as: status, reason: "the reason", cost: Sample.cost)
      let run = try store.run(named: recorder.runID)
      #expect(run.status == status && run.presentStatus == status)
      #expect(run.error == "the reason")
      #expect(run.resultDigest == nil && run.resultJSON == nil && run.finishedAt != nil)
    }
  }

  @Test("infinite and missing figures of a diverged run are kept")
  func diverged() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      var report = Sample.round(2)
      report.clients[0].trainLoss = .infinity
      report.clients[1].updateNorm = .infinity
      try await recorder.receive(.finishedRound(report))
      let rows = try store.clientRounds(of: recorder.runID)
      #expect(rows[0].trainLoss == .infinity && rows[1].updateNorm == .infinity)
    }
  }

  @Test("runs are listed with the latest first, and found by the beginning of their name")
  func names() throws {
    let store = try RunStore.inMemory(filesFolder: URL(fileURLWithPath: "/nowhere"))
    let early = try Sample.recorder(in: store, startedAt: Sample.start).runID
    let late = try Sample.recorder(in: store, startedAt: Sample.start + 86_400).runID
    #expect(try store.runs().map(\.runID) == [late, early])
    #expect(try store.run(named: "latest").runID == late)
    #expect(try store.run(named: String(early.prefix(10))).runID == early)
    #expect(throws: StoreError.ambiguousRun(name: "2026", matches: [early, late])) {
      try store.run(named: "2026")
    }
    for name in ["", "x", "%", "2026%", "_026", early + "0"] {
      #expect(throws: StoreError.unknownRun(name: name)) { try store.run(named: name) }
    }
  }

  @Test("deleting takes rows and files, and spares a run that goes on")
  func deletion() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let stored = try await Sample.store(Sample.result(), in: store)
      let going = try Sample.recorder(in: store)
      #expect(FileManager.default.fileExists(atPath: store.folder(of: stored.run.runID).path))
      try store.delete(stored.run)
      #expect(!FileManager.default.fileExists(atPath: store.folder(of: stored.run.runID).path))
      #expect(try store.runs().map(\.runID) == [going.runID])
      #expect(try store.ledgerEntries(of: stored.run.runID).isEmpty)
      #expect(try store.rounds(of: stored.run.runID).isEmpty)
      #expect(throws: StoreError.runInProgress(id: going.runID)) {
        try store.delete(store.run(named: going.runID))
      }
      #expect(throws: StoreError.unknownRun(name: stored.run.runID)) {
        try store.delete(stored.run)
      }
    }
  }

  @Test("models lie beside the store and are entered with their hash")
  func models() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("my.sqlite"))
      let stored = try await Sample.store(Sample.result(), in: store)
      let artifact = try #require(stored.artifacts.first)
      #expect(artifact.path == "my.files/\(stored.run.runID)/model-0.safetensors")
      let file = folder.appendingPathComponent(artifact.path)
      #expect(try Data(contentsOf: file).count == artifact.bytes)
      #expect(try store.tensors(of: artifact) == Sample.model)
      // No half-written file stays behind.
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: file.deletingLastPathComponent().path)
          == ["model-0.safetensors"])
      var data = try Data(contentsOf: file)
      data[data.count - 1] ^= 1
      try data.write(to: file)
      #expect(throws: StoreError.self) { try store.tensors(of: artifact) }
    }
  }
}
