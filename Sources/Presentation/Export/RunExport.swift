// A run as plain tables for other programs: rounds, clients, clusters, assignments and the ledger.

import Analysis
import Clustering
import Federation
import Formatting
public import Foundation
import GRDB
import Scenarios
public import Store

/// How tables are written.
public enum ExportFormat: String, Sendable, CaseIterable {
  /// A head line and a line a row.
  case csv
  /// One JSON object a line.
  case jsonl
}

/// The tables of one run.
public struct RunExport: Sendable {
  /// A table with equal columns in every row.
  struct Table: Sendable {
    let name: String
    let columns: [String]
    let rows: [[JSONValue]]
  }

  private let tables: [Table]

  /// Reads everything that is stored of a run, finished or not.
  public init(of run: RunRecord, in store: RunStore) throws(StoreError) {
    let stored: [(name: String, order: String)] = [
      ("rounds", "round"), ("client_rounds", "round, client"),
      ("cluster_rounds", "round, cluster"), ("assignments", "round, client"),
      ("privacy_events", "sequence"), ("client_partition", "client"),
    ]
    var tables = try store.read { database in
      try stored.map { table in
        let columns = try database.columns(in: table.name).map(\.name)
        let rows = try Row.fetchAll(
          database, sql: "SELECT * FROM \(table.name) WHERE run_id = ? ORDER BY \(table.order)",
          arguments: [run.runID])
        return Table(
          name: table.name, columns: columns,
          rows: rows.map { row in columns.map { Self.value(row[$0]) } })
      }
    }
    if let result = try store.result(of: run) { tables += Self.results(result, runID: run.runID) }
    self.tables = tables
  }

  /// Writes a file for each table into a folder, which is made if it is not there.
  ///
  /// - Returns: the files.
  /// - Throws: `StoreError.cannotWrite`.
  public func write(_ format: ExportFormat, to folder: URL) throws(StoreError) -> [URL] {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw .cannotWrite(path: folder.path, reason: StoreError.reason(of: error))
    }
    var files: [URL] = []
    for table in tables {
      let file = folder.appendingPathComponent("\(table.name).\(format.rawValue)")
      try AtomicFile.write(Data(table.text(format).utf8), to: file)
      files.append(file)
    }
    return files
  }

  private static func value(_ value: DatabaseValue) -> JSONValue {
    switch value.storage {
    case .null: .null
    // Only counts by label are stored so in these tables.
    case .blob(let data):
      .array((PackedNumbers.counts(in: data) ?? []).map { .integer(Int($0)) })
    case .int64(let number): .integer(Int(number))
    case .double(let number): .number(number)
    case .string(let text): .string(text)
    }
  }

  /// The final figures, which the store keeps in `client_results` and in the result of the run.
  private static func results(_ result: RunResult, runID: String) -> [Table] {
    [
      Table(
        name: "clients",
        columns: [
          "run_id", "client", "cluster", "model", "train_examples", "test_examples", "accuracy",
          "loss", "epsilon", "allowed", "delta", "target_epsilon", "noise_multiplier",
          "first_component",
          "second_component", "first_component_without_noise", "second_component_without_noise",
          "auc", "brier", "calibration_error",
        ],
        rows: result.clients.map { client in
          let allowed = AllowedText.field(client.epsilon == nil ? [] : result.allowedRules)
          let released = coordinates(result.clustering?.projection, of: client.client)
          let plain = coordinates(result.clustering?.projectionWithoutNoise, of: client.client)
          return [
            .string(runID), .integer(client.client), .integer(client.cluster),
            .integer(client.model), .integer(client.trainExamples), .integer(client.testExamples),
            .number(client.accuracy), .number(client.loss), JSONValue(client.epsilon), allowed,
            .number(client.delta), JSONValue(client.targetEpsilon),
            JSONValue(client.noiseMultiplier), released.first, released.second, plain.first,
            plain.second, JSONValue(client.scores?.auc), JSONValue(client.scores?.brier),
            JSONValue(client.scores?.calibrationError),
          ]
        }),
      Table(
        name: "clusters",
        columns: [
          "run_id", "cluster", "name", "clients", "samples", "accuracy", "loss", "minority",
          "auc", "brier", "calibration_error",
        ],
        rows: result.clusters.enumerated().map { index, cluster in
          [
            .string(runID), .integer(index), .string(cluster.name), .integer(cluster.clients),
            .integer(cluster.samples), .number(cluster.accuracy), .number(cluster.loss),
            .bool(cluster.minority), JSONValue(cluster.scores?.auc),
            JSONValue(cluster.scores?.brier), JSONValue(cluster.scores?.calibrationError),
          ]
        }),
    ] + groups(result, runID: runID)
  }

  /// The groups of people; no table without any.
  private static func groups(_ result: RunResult, runID: String) -> [Table] {
    guard let attributes = result.groups else { return [] }
    let columns = ["run_id", "attribute", "name", "clients", "train_examples", "test_examples"]
    return [
      Table(
        name: "groups", columns: columns + GroupFigure.all.map(\.name),
        rows: attributes.flatMap { attribute in
          attribute.groups.map { group in
            [
              .string(runID), .string(attribute.attribute), .string(group.name),
              .integer(group.clients), .integer(group.trainExamples), .integer(group.testExamples),
            ] + GroupFigure.all.map { JSONValue($0.value(group)) }
          }
        })
    ]
  }
}

/// A client's place in the two first components; null where there is none.
private func coordinates(
  _ projection: [[Double]]?, of client: Int
) -> (first: JSONValue, second: JSONValue) {
  guard let projection, projection.indices.contains(client) else { return (.null, .null) }
  let place = projection[client]
  return (JSONValue(place.first), JSONValue(place.count > 1 ? place[1] : nil))
}

extension RunExport.Table {
  func text(_ format: ExportFormat) -> String {
    switch format {
    case .csv:
      var table = CSVTable(columns)
      for row in rows { table.add(row) }
      return table.text
    case .jsonl:
      return rows.map { row in
        JSONValue.object(Dictionary(uniqueKeysWithValues: zip(columns, row))).text + "\n"
      }.joined()
    }
  }
}
