// Stored runs that go on: which checkpoint is taken, what is forgotten, who may continue.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

/// Hands everything to the store and then fails after so many rounds, as a disk might.
private struct Failing: RunObserver {
  struct Failure: Error {}
  let recorder: RunRecorder
  let rounds: Int

  func receive(_ event: RunEvent) async throws {
    try await recorder.receive(event)
    if case .checkpoint(let checkpoint) = event, checkpoint.round == rounds { throw Failure() }
  }
}

@Suite("Stored checkpoints")
struct RunCheckpointTests {
  static func scenario() throws -> Scenario {
    let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("scenarios/tiny.json")
    return try Scenario(json: Data(contentsOf: file), overrides: ["rounds=6"])
  }

  static func simulation(checkpoints: CheckpointPolicy = .rounds(1)) throws -> Simulation {
    Simulation(
      scenario: try scenario(), catalog: DatasetCatalog(),
      options: SimulationOptions(workers: 1, checkpoints: checkpoints))
  }

  /// A run that broke off with the checkpoint of a round.
  static func broken(
    _ store: RunStore, after rounds: Int = 4, checkpoints: CheckpointPolicy = .rounds(1)
  ) async throws -> String {
    let recorder = try RunRecorder(
      store: store, scenario: scenario(), workers: 1, machine: "a machine")
    await #expect(throws: Failing.Failure.self) {
      try await simulation(checkpoints: checkpoints).run(
        observer: Failing(recorder: recorder, rounds: rounds))
    }
    try await recorder.end(as: .interrupted, reason: "stopped", cost: Sample.cost)
    return recorder.runID
  }

  /// A run that begins or goes on.
  struct Attempt {
    let recorder: RunRecorder
    let point: ResumePoint?
    let simulation: Simulation

    init(_ runID: String, in store: RunStore) throws {
      point = try store.resumePoint(of: runID)
      recorder = try RunRecorder(
        resuming: runID, in: store, after: point?.round ?? 0, scenario: scenario(),
        workers: 1)
      simulation = try RunCheckpointTests.simulation()
    }

    init(beginningIn store: RunStore, changes: [String] = []) throws {
      let changed = try Scenario(json: Data(scenario().resolvedJSON.utf8), overrides: changes)
      point = nil
      recorder = try RunRecorder(
        store: store, scenario: changed, workers: 1, machine: "a machine")
      simulation = Simulation(
        scenario: changed, catalog: DatasetCatalog(),
        options: SimulationOptions(workers: 1, checkpoints: .rounds(1)))
    }

    func outcome() async throws -> RunOutcome {
      guard let point else { return try await simulation.run(observer: recorder) }
      return try await simulation.run(observer: recorder, from: point)
    }
  }

  /// Goes on to the end.
  static func resume(_ runID: String, in store: RunStore) async throws {
    let attempt = try Attempt(runID, in: store)
    try await finish(attempt.recorder, attempt.outcome())
  }

  /// The name of a run without interruption.
  static func whole(_ store: RunStore) async throws -> String {
    let beginning = try Attempt(beginningIn: store)
    try await finish(beginning.recorder, beginning.outcome())
    return beginning.recorder.runID
  }

  static func finish(_ recorder: RunRecorder, _ outcome: RunOutcome) async throws {
    let result = outcome.result
    try await recorder.finish(result, models: [:], cost: Sample.cost)
  }

  static func checkpointFiles(_ store: RunStore, _ runID: String) -> [String] {
    let names =
      (try? FileManager.default.contentsOfDirectory(
        atPath: store.folder(of: runID).path)) ?? []
    return names.filter { $0.contains("checkpoint") || $0.hasPrefix(".") }.sorted()
  }

  @Test("a continued run is stored as an uninterrupted one would be, row by row")
  func same() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      let expected = try store.run(named: await Self.whole(store))
      // With a checkpoint every third round, rounds 4 and 5 are done again.
      let runID = try await Self.broken(store, after: 3, checkpoints: .rounds(3))
      try await Self.resume(runID, in: store)
      let run = try store.run(named: runID)
      #expect(run.status == .done && run.resultDigest == expected.resultDigest)
      #expect(run.error == nil)
      func rows<Row: Codable>(_ rows: [Row]) throws -> [[String: String]] {
        try rows.map { row in
          let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(row))
          var fields = try #require(object as? [String: Any]).mapValues { "\($0)" }
          for key in ["run_id", "seconds", "finished_at"] { fields[key] = nil }
          return fields
        }
      }
      #expect(try rows(store.rounds(of: runID)) == rows(store.rounds(of: expected.runID)))
      #expect(
        try rows(store.clientRounds(of: runID)) == rows(store.clientRounds(of: expected.runID)))
      #expect(
        try rows(store.clusterRounds(of: runID)) == rows(store.clusterRounds(of: expected.runID)))
      #expect(
        try rows(store.assignments(of: runID)) == rows(store.assignments(of: expected.runID)))
      #expect(
        try store.ledgerEntries(of: runID) == store.ledgerEntries(of: expected.runID))
      #expect(try store.artifacts(of: runID).isEmpty)
      #expect(Self.checkpointFiles(store, runID).isEmpty)
      // Its time counts what was kept of before.
      #expect((run.wallSeconds ?? 0) > Sample.cost.wallSeconds)
    }
  }

  @Test("two checkpoints are kept; a damaged one is passed over, two are an error")
  func damaged() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      let expected = try store.run(named: await Self.whole(store))
      for damage in ["flipped", "truncated", "gone", "empty"] {
        let runID = try await Self.broken(store)
        let files = Self.checkpointFiles(store, runID)
        #expect(files == ["checkpoint-round-000003.json", "checkpoint-round-000004.json"])
        func spoil(_ name: String) throws {
          let file = store.folder(of: runID).appendingPathComponent(name)
          var data = try Data(contentsOf: file)
          switch damage {
          case "flipped": data[data.count / 2] ^= 1
          case "truncated": data = data.prefix(data.count - 1)
          case "empty": data = Data()
          default:
            try FileManager.default.removeItem(at: file)
            return
          }
          try data.write(to: file)
        }
        try spoil(files[1])
        #expect(try store.resumePoint(of: runID)?.round == 3, "\(damage)")
        let other = try await Self.broken(store)
        try await Self.resume(runID, in: store)
        let run = try store.run(named: runID)
        #expect(run.resultDigest == expected.resultDigest, "\(damage)")
        for name in Self.checkpointFiles(store, other) {
          let file = store.folder(of: other).appendingPathComponent(name)
          try Data("{}".utf8).write(to: file)
        }
        #expect(
          throws: StoreError.noUsableCheckpoint(
            id: other, reason: "its SHA-256 is not the one stored")
        ) {
          try store.resumePoint(of: other)
        }
      }
    }
  }

  @Test("files of an interrupted write are removed, models are not")
  func strays() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      let runID = try await Self.broken(store)
      let place = store.folder(of: runID)
      for name in [".checkpoint-round-000005.json.abc.tmp", "checkpoint-round-000005.json"] {
        try Data("half".utf8).write(to: place.appendingPathComponent(name))
      }
      try Data("mine".utf8).write(to: place.appendingPathComponent("notes.txt"))
      try await Self.resume(runID, in: store)
      #expect(Self.checkpointFiles(store, runID).isEmpty)
      #expect(
        FileManager.default.fileExists(atPath: place.appendingPathComponent("notes.txt").path))
    }
  }

  @Test("a run without a checkpoint begins anew under its name")
  func none() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      let expected = try store.run(named: await Self.whole(store))
      let recorder = try RunRecorder(
        store: store, scenario: Self.scenario(), workers: 1, machine: "a machine")
      try await recorder.end(as: .interrupted, reason: "stopped", cost: Sample.cost)
      #expect(try store.resumePoint(of: recorder.runID) == nil)
      try await Self.resume(recorder.runID, in: store)
      let run = try store.run(named: recorder.runID)
      #expect(run.resultDigest == expected.resultDigest)
    }
  }

  @Test("nobody continues a run that goes on, is done, or is missing")
  func refused() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      let going = try Sample.recorder(in: store)
      #expect(throws: StoreError.runInProgress(id: going.runID)) {
        try RunRecorder(
          resuming: going.runID, in: store, after: 0, scenario: Self.scenario(), workers: 1)
      }
      let done = try store.run(named: await Self.whole(store))
      #expect(throws: (any Error).self) {
        try RunRecorder(
          resuming: done.runID, in: store, after: 6, scenario: Self.scenario(), workers: 1)
      }
      #expect(throws: StoreError.unknownRun(name: "nobody")) {
        try RunRecorder(
          resuming: "nobody", in: store, after: 0, scenario: Self.scenario(), workers: 1)
      }
      // Of two that try at once, one gets it.
      let runID = try await Self.broken(store)
      let taken = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            let recorder = try? RunRecorder(
              resuming: runID, in: store, after: 4, scenario: Self.scenario(), workers: 1)
            return recorder != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(taken == 1)
    }
  }

  @Test("a run refused before it began leaves nothing, or the run that was to go on as it was")
  func withdrawn() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      let runID = try await Self.broken(store)
      let before = try store.run(named: runID)
      let fresh = try Attempt(beginningIn: store)
      try await fresh.recorder.receive(.preparing("loading"))
      try await fresh.recorder.withdraw()
      #expect(try store.runs() == [before])
      let resumed = try Attempt(runID, in: store)
      try await resumed.recorder.receive(.preparing("loading"))
      try await resumed.recorder.withdraw()
      #expect(try store.run(named: "latest") == before)
      #expect(try store.rounds(of: runID).count == 4)
      try await Self.resume(runID, in: store)
      #expect(try store.run(named: runID).status == .done)
    }
  }

  @Test("the title says whether an adapter's numbers are trained, or some of the model's")
  func trainedNumbers() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("store.sqlite"))
      func lines(_ adapter: String) async throws -> [String] {
        let attempt = try Attempt(beginningIn: store, changes: ["adapter=\(adapter)"])
        try await Self.finish(attempt.recorder, attempt.outcome())
        return try store.details(of: store.run(named: "latest")).lines(colors: false)
      }
      let lora = try await lines(
        #"{"type": "lora", "r": 2, "lora_alpha": 2, "target_modules": ["fc"]}"#)
      #expect(lora[0].hasSuffix(", 8 numbers trained beside a model of 52"))
      #expect(lora.contains { $0.hasPrefix("  The server takes: ") })
      let bias = try await lines(#"{"type": "bitfit"}"#)
      #expect(bias[0].hasSuffix(", 4 of 52 parameters trained"))
    }
  }
}
