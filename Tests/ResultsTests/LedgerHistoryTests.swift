// Ledgers in the store: clients that released the same share rows, and nobody can tell from what is read.

import Analysis
import Federation
import Formatting
import Foundation
import GRDB
import Presentation
import Privacy
import Store
import Testing

@Suite("Ledgers by history")
struct LedgerHistoryTests {
  /// Rounds in which some clients release once or more, some of them in a second pass.
  private static func rounds(
    clients: Int, using generator: inout some RandomNumberGenerator
  ) -> [[LedgerEntry]] {
    (1...6).map { round in
      (0..<Int.random(in: 1...2, using: &generator)).flatMap { _ in
        (0..<clients).filter { _ in Bool.random(using: &generator) }.flatMap { client in
          (0..<Int.random(in: 1...2, using: &generator)).map { _ in
            LedgerEntry.gaussian(
              round: round, client: client,
              noiseMultiplier: [1, 1.5][Int.random(in: 0...1, using: &generator)],
              sampleRate: 0.1, maxGradNorm: 1, sensitivity: 1, count: 3)
          }
        }
      }
    }
  }

  private static func store(
    _ rounds: [[LedgerEntry]], in store: RunStore
  ) async throws -> RunRecorder {
    let recorder = try Sample.recorder(in: store)
    for (place, entries) in rounds.enumerated() {
      var report = Sample.round(place + 1)
      report.ledger = entries
      try await recorder.receive(.finishedRound(report))
    }
    return recorder
  }

  @Test("releases come back in their order, and as many histories are kept as there are")
  func order() async throws {
    try await withFolder { folder in
      var generator = SystemRandomNumberGenerator()
      for clients in [1, 3, 8] {
        let rounds = Self.rounds(clients: clients, using: &generator)
        let file = folder.appendingPathComponent("\(clients).sqlite")
        let store = try RunStore.open(file)
        let recorder = try await Self.store(rounds, in: store)
        #expect(try store.ledgerEntries(of: recorder.runID) == rounds.flatMap { $0 })

        // By brute force: what every client released in which uninterrupted ascent of clients.
        var own: [Int: [String]] = [:]
        var (ascent, last) = (0, -1)
        for entries in rounds {
          (ascent, last) = (ascent + 1, -1)
          for entry in entries {
            let client = entry.client ?? -1
            if client < last { ascent += 1 }
            last = client
            own[client, default: []].append("\(ascent) \(entry.noiseMultiplier ?? 0)")
          }
        }
        let histories = try await DatabaseQueue(path: file.path).read {
          try Int.fetchOne($0, sql: "SELECT count(DISTINCT history) FROM privacy_histories")
        }
        #expect(histories == Set(own.values).count)
      }
    }
  }

  @Test("what left through a random projection comes back with it")
  func projections() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let rounds = [nil, RandomProjection(rank: 2, dimension: 9), nil].enumerated().map {
        place, projection in
        [
          LedgerEntry.gaussian(
            round: place + 1, client: 0, noiseMultiplier: 1, sampleRate: 0.1, maxGradNorm: 1,
            sensitivity: 1, projection: projection, count: 3)
        ]
      }
      let recorder = try await Self.store(rounds, in: store)
      let entries = try store.ledgerEntries(of: recorder.runID)
      #expect(entries == rounds.flatMap { $0 } && entries.map(\.dimension) == [nil, 9, nil])
    }
  }

  @Test("a thousand clients that release the same take a row a round")
  func rows() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let store = try RunStore.open(file)
      let rounds = (1...5).map { round in
        (0..<1000).map {
          LedgerEntry.gaussian(
            round: round, client: $0, noiseMultiplier: 1, sampleRate: 0.1, maxGradNorm: 1,
            sensitivity: 1, count: 3)
        }
      }
      let recorder = try await Self.store(rounds, in: store)
      let rows = try await DatabaseQueue(path: file.path).read {
        try Int.fetchOne($0, sql: "SELECT count(*) FROM privacy_histories")
      }
      #expect(rows == 5)
      #expect(try store.ledgerEntries(of: recorder.runID).count == 5000)
    }
  }

  @Test("a store of version 5 keeps its ledgers")
  func migration() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      var generator = SystemRandomNumberGenerator()
      let rounds = Self.rounds(clients: 5, using: &generator)
      let runID = try await Self.store(rounds, in: RunStore.open(file)).runID
      try await DatabaseQueue(path: file.path).write { try $0.execute(sql: EarlierStore.version5) }
      let kind = try await DatabaseQueue(path: file.path).read {
        try String.fetchOne($0, sql: "SELECT type FROM sqlite_master WHERE name = 'privacy_events'")
      }
      #expect(kind == "table")
      let store = try RunStore.openExisting(file)
      #expect(try store.ledgerEntries(of: runID) == rounds.flatMap { $0 })
      #expect(try store.runs().map { [$0.ranks, $0.nodes] } == [[1, 1]])
    }
  }
}

/// What makes a store of today one of an earlier version.
enum EarlierStore {
  static let version5 = """
    CREATE TABLE earlier_events (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      sequence INTEGER NOT NULL CHECK (sequence >= 0),
      round INTEGER NOT NULL CHECK (round >= 0),
      client INTEGER CHECK (client >= 0),
      purpose TEXT NOT NULL,
      mechanism TEXT NOT NULL,
      noise_multiplier REAL,
      sample_rate REAL NOT NULL CHECK (sample_rate BETWEEN 0 AND 1),
      selection_epsilon REAL,
      sensitivity REAL NOT NULL,
      max_grad_norm REAL,
      rank INTEGER,
      count INTEGER NOT NULL CHECK (count >= 1),
      threshold_noise_multiplier REAL,
      PRIMARY KEY (run_id, sequence)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO earlier_events
    SELECT run_id, sequence, round, client, purpose, mechanism, noise_multiplier, sample_rate,
      selection_epsilon, sensitivity, max_grad_norm, rank, count, threshold_noise_multiplier
    FROM privacy_events;
    DROP VIEW privacy_events;
    DROP TABLE privacy_histories;
    DROP TABLE privacy_clients;
    ALTER TABLE earlier_events RENAME TO privacy_events;
    ALTER TABLE runs DROP COLUMN ranks;
    ALTER TABLE runs DROP COLUMN nodes;
    ALTER TABLE runs DROP COLUMN slurm_job;
    ALTER TABLE rounds DROP COLUMN evaluated_clients;
    ALTER TABLE rounds DROP COLUMN client_mean_error;
    ALTER TABLE cluster_rounds DROP COLUMN standard_error;
    DROP TABLE audits;
    ALTER TABLE client_results DROP COLUMN auc;
    ALTER TABLE client_results DROP COLUMN brier;
    ALTER TABLE client_results DROP COLUMN calibration_error;
    DELETE FROM grdb_migrations WHERE identifier IN ('6', '7', '8', '9');
    PRAGMA user_version = 5;
    """
}
