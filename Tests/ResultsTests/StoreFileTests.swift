// Stores on the disk: opening, other processes, other versions, other programs, constraints in SQL.

import Analysis
import Dispatch
import Federation
import Formatting
import Foundation
import GRDB
import Presentation
import Store
import Synchronization
import Testing

@Suite("Store files")
struct StoreFileTests {
  @Test("another connection reads committed rounds while a run is writing")
  func concurrentReader() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let recorder = try Sample.recorder(in: RunStore.open(file))
      let reader = try RunStore.openExisting(file)
      for number in 1...2 {
        try await recorder.receive(.finishedRound(Sample.round(number)))
        #expect(try reader.rounds(of: recorder.runID).count == number)
      }
      #expect(try reader.runs().map(\.presentStatus) == [.running])
    }
  }

  @Test("several writers on one store")
  func concurrentWriters() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      _ = try RunStore.open(file)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            let store = try RunStore.open(file)
            for _ in 0..<5 { _ = try await Sample.store(Sample.result(), in: store) }
          }
        }
        try await group.waitForAll()
      }
      let runs = try RunStore.openExisting(file).runs()
      #expect(runs.count == 20 && Set(runs.map(\.runID)).count == 20)
      #expect(runs.allSatisfy { $0.status == .done })
    }
  }

  @Test("a store that several open at the moment in which it is made is made once")
  func concurrentMaking() async throws {
    try await withFolder { folder in
      for number in 0..<10 {
        let file = folder.appendingPathComponent("s\(number).sqlite")
        let errors = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
          do {
            let store = try RunStore.open(file)
            #expect(try store.runs().isEmpty)
          } catch {
            errors.withLock { $0.append("\(error)") }
          }
        }
        #expect(errors.withLock { $0 } == [])
      }
    }
  }

  @Test("a running run whose process is gone is shown as interrupted")
  func stale() throws {
    let host = ProcessIdentity.current.host
    let me = ProcessIdentity.current
    #expect(me.isAlive == true)
    // The same number, but started at another time: a later process.
    #expect(
      ProcessIdentity(host: host, processID: me.processID, startTicks: 1).isAlive == false)
    #expect(ProcessIdentity(host: host, processID: 4_194_303, startTicks: 5).isAlive == false)
    #expect(ProcessIdentity(host: "elsewhere/x", processID: 1, startTicks: 5).isAlive == nil)
    let name = host.split(separator: "/")[0]
    #expect(
      ProcessIdentity(host: "\(name)/before", processID: me.processID, startTicks: me.startTicks)
        .isAlive == false)
  }

  @Test("a killed run is shown as interrupted and can be deleted")
  func killed() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let store = try RunStore.open(file)
      let recorder = try Sample.recorder(in: store)
      try await recorder.receive(.finishedRound(Sample.round(1)))
      try await DatabaseQueue(path: file.path).write {
        try $0.execute(sql: "UPDATE runs SET process_id = 4194303")
      }
      let run = try store.run(named: recorder.runID)
      #expect(run.status == .running && run.presentStatus == .interrupted)
      try store.delete(run)
      #expect(try store.runs().isEmpty)
    }
  }

  @Test("a store that is not there is named; it is not made by reading")
  func missing() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      #expect(throws: StoreError.missingStore(path: file.path)) { try RunStore.openExisting(file) }
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(files.isEmpty)
    }
  }

  @Test("what is no store is refused and left as it is")
  func foreign() async throws {
    try await withFolder { folder in
      let text = folder.appendingPathComponent("text")
      try Data(String(repeating: "no database ", count: 200).utf8).write(to: text)
      let other = folder.appendingPathComponent("other.sqlite")
      try await DatabaseQueue(path: other.path).write { try $0.execute(sql: "CREATE TABLE t (a)") }
      for file in [text, other, folder] {
        let error = #expect(throws: StoreError.self) { try RunStore.open(file) }
        guard case .notAStore = error else {
          Issue.record("\(file.lastPathComponent): \(told(error))")
          continue
        }
      }
      let tables = try await DatabaseQueue(path: other.path).read {
        try String.fetchAll($0, sql: "SELECT name FROM sqlite_master")
      }
      #expect(tables == ["t"])
      #expect(try Data(contentsOf: text).count == 2400)
    }
  }

  @Test("a store of a later version is refused")
  func newer() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      _ = try RunStore.open(file)
      try await DatabaseQueue(path: file.path).write {
        try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9999')")
      }
      #expect(throws: StoreError.newerStore(path: file.path)) { try RunStore.open(file) }
    }
  }

  @Test("a place that cannot be written is named")
  func unwritable() {
    for path in ["/proc/dpflsim.sqlite", "/proc/no/such/dpflsim.sqlite", "/dev/null/x.sqlite"] {
      let error = #expect(throws: StoreError.self) {
        try RunStore.open(URL(fileURLWithPath: path))
      }
      guard case .cannotWrite(let place, _) = error else {
        Issue.record("\(path): \(told(error))")
        continue
      }
      #expect(path.hasPrefix(place) || place.hasPrefix(path))
    }
  }

  @Test("other programs find a write-ahead log, foreign keys and version numbers")
  func pragmas() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      _ = try RunStore.open(file)
      let values = try await DatabaseQueue(path: file.path).read { database in
        try ["journal_mode", "user_version", "application_id"].map {
          try String.fetchOne(database, sql: "PRAGMA \($0)")
        }
      }
      #expect(values == ["wal", "9", "1685087852"])
      let tables = try await DatabaseQueue(path: file.path).read {
        try String.fetchAll(
          $0, sql: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      }
      #expect(
        tables == [
          "artifacts", "assignments", "audits", "client_partition", "client_results",
          "client_rounds", "cluster_rounds", "grdb_migrations", "privacy_clients",
          "privacy_histories", "rounds", "runs",
        ])
    }
  }

  @Test(
    "SQL refuses what makes no sense, whoever writes it",
    arguments: [
      "UPDATE runs SET status = 'finished'",
      "UPDATE runs SET status = 'done'",
      "UPDATE runs SET status = 'failed'",
      "UPDATE runs SET finished_at = '2026-01-01 00:00:00.000'",
      "UPDATE runs SET result_digest = 'abc'",
      "UPDATE runs SET result_json = '{}'",
      "UPDATE runs SET scenario_json = 'no json'",
      "UPDATE runs SET scenario_hash = 'abc'",
      "UPDATE runs SET workers = 0",
      "UPDATE runs SET ranks = 0",
      "UPDATE runs SET seed = -1",
      "UPDATE runs SET seed = 'seven'",
      "UPDATE runs SET client_mean_accuracy = 1.5",
      "INSERT INTO rounds VALUES ('x', 1, 'training', NULL, NULL, NULL, 0, 0, 0, '', 0, NULL, NULL)",
      "UPDATE rounds SET round = 0",
      "UPDATE rounds SET clusters_are_true = 2",
      "UPDATE rounds SET bytes_up = -1",
      "UPDATE client_rounds SET test_accuracy = -0.1",
      "UPDATE client_rounds SET round = 7",
      "UPDATE client_rounds SET participated = 3",
      "UPDATE cluster_rounds SET test_accuracy = 1.01",
      "UPDATE assignments SET model = -1",
      "UPDATE privacy_histories SET mechanism = 'magic'",
      "UPDATE privacy_histories SET noise_multiplier = NULL WHERE mechanism LIKE '%gaussian'",
      "UPDATE privacy_histories SET selection_epsilon = NULL WHERE mechanism LIKE 'exp%'",
      "UPDATE privacy_histories SET sample_rate = 1.5",
      "UPDATE privacy_histories SET count = 0",
      "INSERT INTO artifacts VALUES ((SELECT run_id FROM runs), 'model', 'x', '/etc/passwd', hex(zeroblob(32)), 1)",
      "INSERT INTO artifacts VALUES ('x', 'model', 'x', 'x', hex(zeroblob(32)), 1)",
    ])
  func constraints(_ sql: String) async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let recorder = try Sample.recorder(in: RunStore.open(file))
      for number in 1...2 { try await recorder.receive(.finishedRound(Sample.round(number))) }
      let error = await #expect(throws: DatabaseError.self) {
        try await DatabaseQueue(path: file.path).write { try $0.execute(sql: sql) }
      }
      #expect(error?.resultCode == .SQLITE_CONSTRAINT, "\(told(error))")
    }
  }
}
