// Runs from one store into another: tasks of a cluster write stores of their own, which are brought together here.

import Foundation
import GRDB

extension RunStore {
  /// Copies the runs of another store that have ended, done or not, and that this one does not know by name, and its
  /// audits.
  /// Doing it again changes nothing.
  ///
  /// - Returns: the names of the runs that came, the oldest first.
  /// - Throws: `StoreError`; then nothing has come, files apart.
  public func importRuns(from other: RunStore) throws(StoreError) -> [String] {
    let known = Set(try runs().map(\.runID))
    let ended: Set<RunStatus> = [.done, .failed, .stopped]
    let coming = try other.runs().reversed().filter {
      ended.contains($0.status) && !known.contains($0.runID)
    }
    for run in coming { try copyFiles(of: run.runID, from: other) }
    let audits = try other.audits()
    let (theirs, ours) = (
      other.filesFolder.lastPathComponent + "/", filesFolder.lastPathComponent + "/"
    )
    try write { database in
      for run in coming {
        for table in try Self.tablesOfRuns(database) {
          try other.copyRows(of: table, runID: run.runID, into: database)
        }
        try database.execute(
          sql: "UPDATE artifacts SET path = ? || substr(path, ?) WHERE run_id = ?",
          arguments: [ours, theirs.count + 1, run.runID])
      }
    }
    try write { database in
      for audit in audits.reversed() { try audit.insert(database, onConflict: .ignore) }
    }
    return coming.map(\.runID)
  }

  /// All tables with rows of runs, each after those it refers to.
  private static func tablesOfRuns(_ database: Database) throws -> [String] {
    let tables = try String.fetchAll(
      database,
      sql: """
        SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'run_id'
        WHERE m.type = 'table' ORDER BY m.rowid
        """)
    return ["runs"] + tables.filter { $0 != "runs" }
  }

  private func copyRows(of table: String, runID: String, into database: Database) throws {
    try read { source in
      let rows = try Row.fetchCursor(
        source, sql: "SELECT * FROM \(table) WHERE run_id = ?", arguments: [runID])
      while let row = try rows.next() {
        let columns = row.columnNames.map { "\"\($0)\"" }
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        try database.cachedStatement(
          sql: "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(places))"
        ).execute(arguments: StatementArguments(row.databaseValues))
      }
    }
  }

  private func copyFiles(of runID: String, from other: RunStore) throws(StoreError) {
    let (source, target) = (other.folder(of: runID), folder(of: runID))
    guard FileManager.default.fileExists(atPath: source.path) else { return }
    do {
      try FileManager.default.createDirectory(at: filesFolder, withIntermediateDirectories: true)
      // What an import that was interrupted has left.
      try? FileManager.default.removeItem(at: target)
      try FileManager.default.copyItem(at: source, to: target)
    } catch {
      throw .cannotWrite(path: target.path, reason: StoreError.reason(of: error))
    }
  }
}
