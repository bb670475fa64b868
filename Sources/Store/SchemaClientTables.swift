// Version 4 of the store: what is about single clients leaves the JSON of a run and becomes rows.

import Foundation
import GRDB

extension Schema {
  static let clientTables = """
    CREATE TABLE client_results (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      client INTEGER NOT NULL CHECK (client >= 0),
      cluster INTEGER NOT NULL CHECK (cluster >= 0),
      model INTEGER NOT NULL CHECK (model >= 0),
      train_examples INTEGER NOT NULL CHECK (train_examples >= 0),
      test_examples INTEGER NOT NULL CHECK (test_examples >= 0),
      accuracy REAL NOT NULL CHECK (accuracy BETWEEN 0 AND 1),
      loss REAL,
      epsilon REAL CHECK (epsilon >= 0),
      delta REAL NOT NULL CHECK (delta BETWEEN 0 AND 1),
      target_epsilon REAL CHECK (target_epsilon > 0),
      noise_multiplier REAL CHECK (noise_multiplier >= 0),
      first_round_noise_multiplier REAL CHECK (first_round_noise_multiplier >= 0),
      accountant TEXT,
      classes INTEGER NOT NULL CHECK (classes >= 1),
      confusion BLOB NOT NULL CHECK (length(confusion) % 12 = 0),
      misassigned INTEGER CHECK (misassigned IN (0, 1)),
      projection BLOB CHECK (length(projection) % 8 = 0),
      projection_without_noise BLOB CHECK (length(projection_without_noise) % 8 = 0),
      posteriors BLOB CHECK (length(posteriors) % 8 = 0),
      PRIMARY KEY (run_id, client)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE client_partition (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      client INTEGER NOT NULL CHECK (client >= 0),
      cluster INTEGER NOT NULL CHECK (cluster >= 0),
      train_examples INTEGER NOT NULL CHECK (train_examples >= 0),
      test_examples INTEGER NOT NULL CHECK (test_examples >= 0),
      raw_labels BLOB NOT NULL CHECK (length(raw_labels) % 4 = 0),
      seen_labels BLOB NOT NULL CHECK (length(seen_labels) % 4 = 0),
      raw_test_labels BLOB NOT NULL CHECK (length(raw_test_labels) % 4 = 0),
      PRIMARY KEY (run_id, client)
    ) STRICT, WITHOUT ROWID;
    """

  /// Moves the clients of earlier runs from their JSON to the tables. A run whose JSON cannot be read stays as
  /// it is, and is named when somebody asks for it.
  static func moveClientsToTables(_ database: Database) throws {
    let runs = try String.fetchAll(database, sql: "SELECT run_id FROM runs")
    for runID in runs {
      let texts = try Row.fetchOne(
        database, sql: "SELECT result_json, start_json FROM runs WHERE run_id = ?",
        arguments: [runID])
      if let text = String.fromDatabaseValue(texts?["result_json"] ?? .null),
        let result = try? StoredJSON.value(ResultOfVersion3.self, from: text)
      {
        try insert(result, runID: runID, in: database)
        try database.execute(
          sql: """
            UPDATE runs SET result_json = json_replace(
              result_json, '$.clients', json('[]'), '$.clustering.projection', json('[]'),
              '$.clustering.projection_without_noise', json('[]'),
              '$.clustering.posteriors', json('[]'),
              '$.agreement.misassigned_clients', json('[]'))
            WHERE run_id = ?
            """, arguments: [runID])
      }
      if let text = String.fromDatabaseValue(texts?["start_json"] ?? .null),
        let start = try? StoredJSON.value(StartOfVersion3.self, from: text)
      {
        try insert(start, runID: runID, in: database)
        try database.execute(
          sql: """
            UPDATE runs SET start_json = json_replace(start_json, '$.partition.clients', json('[]'))
            WHERE run_id = ?
            """, arguments: [runID])
      }
    }
  }

  private static func insert(
    _ result: ResultOfVersion3, runID: String, in database: Database
  ) throws {
    let statement = try database.makeStatement(
      sql: "INSERT INTO client_results VALUES (\(marks(20)))")
    let missed = result.agreement.map { Set($0.misassignedClients) }
    func row(_ rows: [[Double]]?, _ place: Int) -> Data? {
      guard let rows, rows.indices.contains(place) else { return nil }
      return PackedNumbers.data(rows[place])
    }
    for (place, client) in result.clients.enumerated() {
      var triples: [UInt32] = []
      for (label, counts) in client.confusion.enumerated() {
        for (predicted, count) in counts.enumerated() where count > 0 {
          triples += [
            UInt32(clamping: label), UInt32(clamping: predicted), UInt32(clamping: count),
          ]
        }
      }
      try statement.execute(arguments: [
        runID, client.client, client.cluster, client.model, client.trainExamples,
        client.testExamples, client.accuracy, client.loss, client.epsilon, client.delta,
        client.targetEpsilon, client.noiseMultiplier, client.firstRoundNoiseMultiplier,
        client.accountant, max(1, client.confusion.count), PackedNumbers.data(triples),
        missed?.contains(client.client), row(result.clustering?.projection, place),
        row(result.clustering?.projectionWithoutNoise, place),
        row(result.clustering?.posteriors, place),
      ])
    }
  }

  private static func insert(
    _ start: StartOfVersion3, runID: String, in database: Database
  ) throws {
    let statement = try database.makeStatement(
      sql: "INSERT INTO client_partition VALUES (\(marks(8)))")
    func packed(_ counts: [Int]) -> Data { PackedNumbers.data(counts.map { UInt32(clamping: $0) }) }
    for client in start.partition.clients {
      try statement.execute(arguments: [
        runID, client.client, client.cluster, client.trainExamples, client.testExamples,
        packed(client.rawLabels), packed(client.seenLabels), packed(client.rawTestLabels),
      ])
    }
  }

  private static func marks(_ count: Int) -> String {
    Array(repeating: "?", count: count).joined(separator: ", ")
  }
}

/// What version 3 kept of single clients in `result_json`.
private struct ResultOfVersion3: Decodable {
  struct Client: Decodable {
    let client: Int
    let cluster: Int
    let model: Int
    let trainExamples: Int
    let testExamples: Int
    let accuracy: Double
    let loss: Double
    let epsilon: Double?
    let delta: Double
    let targetEpsilon: Double?
    let noiseMultiplier: Double?
    let firstRoundNoiseMultiplier: Double?
    let accountant: String?
    let confusion: [[Int]]
  }
  struct Clustering: Decodable {
    let projection: [[Double]]
    let projectionWithoutNoise: [[Double]]?
    let posteriors: [[Double]]
  }
  struct Agreement: Decodable {
    let misassignedClients: [Int]
  }
  let clients: [Client]
  let clustering: Clustering?
  let agreement: Agreement?
}

/// What version 3 kept of single clients in `start_json`.
private struct StartOfVersion3: Decodable {
  struct Partition: Decodable {
    struct Client: Decodable {
      let client: Int
      let cluster: Int
      let trainExamples: Int
      let testExamples: Int
      let rawLabels: [Int]
      let seenLabels: [Int]
      let rawTestLabels: [Int]
    }
    let clients: [Client]
  }
  let partition: Partition
}
