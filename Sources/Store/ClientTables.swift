// What a run says of every single client at its end, and how the data were dealt: rows of tables, since a
// text with everything in it outgrows what SQLite takes for JSON.

import Clustering
import Datasets
import Federation
import Foundation
import GRDB

// MARK: - client_results

extension RunResult {
  /// What is about the run as a whole; `ClientResultTable` has the rest.
  var withoutClients: RunResult {
    var result = self
    result.clients = []
    result.clustering?.projection = []
    if result.clustering?.projectionWithoutNoise != nil {
      result.clustering?.projectionWithoutNoise = []
    }
    result.clustering?.posteriors = []
    result.agreement?.misassignedClients = []
    return result
  }
}

enum ClientResultTable {
  /// Enters the clients of a result in place of any that the run has.
  static func replace(_ result: RunResult, runID: String, in database: Database) throws {
    try database.execute(sql: "DELETE FROM client_results WHERE run_id = ?", arguments: [runID])
    let statement = try database.makeStatement(
      sql: """
        INSERT INTO client_results (
          run_id, client, cluster, model, train_examples, test_examples, accuracy, loss, epsilon,
          delta, target_epsilon, noise_multiplier, first_round_noise_multiplier, accountant, classes,
          confusion, misassigned, projection, projection_without_noise, posteriors, auc, brier,
          calibration_error
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    let misassigned = result.agreement.map { Set($0.misassignedClients) }
    let clustering = result.clustering
    for (place, client) in result.clients.enumerated() {
      try statement.execute(arguments: [
        runID, client.client, client.cluster, client.model, client.trainExamples,
        client.testExamples, client.accuracy, client.loss, client.epsilon, client.delta,
        client.targetEpsilon, client.noiseMultiplier, client.firstRoundNoiseMultiplier,
        client.accountant, client.confusion.classes, PackedNumbers.data(client.confusion.triples),
        misassigned?.contains(client.client), packed(clustering?.projection, place),
        packed(clustering?.projectionWithoutNoise, place),
        client.mixtureWeights.map(PackedNumbers.data) ?? packed(clustering?.posteriors, place),
        client.scores?.auc, client.scores?.brier, client.scores?.calibrationError,
      ])
    }
  }

  private static func packed(_ rows: [[Double]]?, _ place: Int) -> Data? {
    guard let rows, rows.indices.contains(place) else { return nil }
    return PackedNumbers.data(rows[place])
  }

  /// Gives a result back its clients.
  ///
  /// - Throws: `StoreError.unreadableRun`.
  static func fill(_ result: inout RunResult, runID: String, from database: Database) throws {
    let rows = try Row.fetchCursor(
      database,
      sql: """
        SELECT client, cluster, model, train_examples, test_examples, accuracy, loss, epsilon, delta,
          target_epsilon, noise_multiplier, first_round_noise_multiplier, accountant, classes,
          confusion, misassigned, projection, projection_without_noise, posteriors, auc, brier,
          calibration_error
        FROM client_results WHERE run_id = ? ORDER BY client
        """, arguments: [runID])
    while let row = try rows.next() {
      let reader = RowReader(row: row, runID: runID)
      guard
        let confusion = ConfusionCounts(
          classes: try reader.value(13), triples: try reader.numbers(14, PackedNumbers.counts) ?? []
        )
      else { throw StoreError.unreadableRun(id: runID, reason: "the confusion of a client") }
      let client: Int = try reader.value(0)
      var scores: BinaryFigures?
      if let brier: Double = try reader.optional(20),
        let calibrationError: Double = try reader.optional(21)
      {
        scores = BinaryFigures(
          auc: try reader.optional(19), brier: brier, calibrationError: calibrationError)
      }
      // Shares of a mixture that serves it, where nothing was clustered.
      let shares = try reader.numbers(18, PackedNumbers.doubles)
      result.clients.append(
        ClientResult(
          client: client, cluster: try reader.value(1), model: try reader.value(2),
          trainExamples: try reader.value(3), testExamples: try reader.value(4),
          accuracy: try reader.value(5), loss: try reader.optional(6) ?? .nan,
          epsilon: try reader.optional(7), delta: try reader.value(8),
          targetEpsilon: try reader.optional(9), noiseMultiplier: try reader.optional(10),
          firstRoundNoiseMultiplier: try reader.optional(11), accountant: try reader.optional(12),
          confusion: confusion, mixtureWeights: result.clustering == nil ? shares : nil,
          scores: scores))
      if try reader.optional(15) == true { result.agreement?.misassignedClients.append(client) }
      if let place = try reader.numbers(16, PackedNumbers.doubles) {
        result.clustering?.projection.append(place)
      }
      if let place = try reader.numbers(17, PackedNumbers.doubles) {
        result.clustering?.projectionWithoutNoise?.append(place)
      }
      if let shares { result.clustering?.posteriors.append(shares) }
    }
  }
}

/// Reads columns of a row by their places. GRDB's own subscripts end the program where a value is missing.
private struct RowReader {
  let row: Row
  let runID: String

  package func value<Value: DatabaseValueConvertible>(_ column: Int) throws(StoreError) -> Value {
    guard let value: Value = try optional(column) else { throw unreadable(column) }
    return value
  }

  func optional<Value: DatabaseValueConvertible>(_ column: Int) throws(StoreError) -> Value? {
    let stored: DatabaseValue = row[column]
    guard !stored.isNull else { return nil }
    guard let value = Value.fromDatabaseValue(stored) else { throw unreadable(column) }
    return value
  }

  func numbers<Number>(
    _ column: Int, _ read: (Data) -> [Number]?
  ) throws(StoreError) -> [Number]? {
    guard let data: Data = try optional(column) else { return nil }
    guard let numbers = read(data) else { throw unreadable(column) }
    return numbers
  }

  private func unreadable(_ column: Int) -> StoreError {
    .unreadableRun(id: runID, reason: "the \(Array(row.columnNames)[column]) of a client")
  }
}

// MARK: - client_partition

enum ClientPartitionTable {
  /// Enters how the data were dealt in place of what the run has.
  static func replace(
    _ clients: PartitionReport.Clients, runID: String, in database: Database
  ) throws {
    try database.execute(sql: "DELETE FROM client_partition WHERE run_id = ?", arguments: [runID])
    let statement = try database.makeStatement(
      sql: """
        INSERT INTO client_partition (
          run_id, client, cluster, train_examples, test_examples, raw_labels, seen_labels,
          raw_test_labels
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """)
    func packed(_ counts: [Int]) -> Data { PackedNumbers.data(counts.map { UInt32(clamping: $0) }) }
    for client in clients {
      try statement.execute(arguments: [
        runID, client.client, client.cluster, client.trainExamples, client.testExamples,
        packed(client.rawLabels), packed(client.seenLabels), packed(client.rawTestLabels),
      ])
    }
  }
}
