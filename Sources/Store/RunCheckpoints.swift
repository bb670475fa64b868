// Checkpoints of a run: files beside the store, entered with their hashes, the last two of which are kept.

public import Federation
public import Foundation
import GRDB
import Hashing

extension ArtifactRecord {
  static let checkpointKind = "checkpoint"
}

extension RunStore {
  /// Checkpoints kept: one to go on from, and one before it should that file be damaged.
  static let keptCheckpoints = 2

  /// Writes a checkpoint, enters it, and removes those that it makes superfluous.
  ///
  /// The file is on the disk before the transaction that names its hash, and an old one is removed after
  /// it: whenever the process ends, what the store names is there.
  package func write(_ checkpoint: RunCheckpoint, of runID: String) throws {
    let name = String(format: "round-%06d", checkpoint.round)
    let artifact = try write(
      Self.data(of: checkpoint), kind: ArtifactRecord.checkpointKind, name: name,
      fileName: "checkpoint-\(name).json", runID: runID)
    try write { database in
      try artifact.insert(database, onConflict: .replace)
      try removeCheckpoints(of: runID, keeping: Self.keptCheckpoints, in: database)
    }
    try removeStrayFiles(of: runID)
  }

  /// A checkpoint as its file holds it.
  public static func data(of checkpoint: RunCheckpoint) throws -> Data {
    try StoredJSON.data(checkpoint)
  }

  /// Reads what `data(of:)` wrote. Whether it fits its scenario is seen when a run goes on from it.
  ///
  /// - Throws: `DecodingError`.
  public static func checkpoint(in data: Data) throws -> RunCheckpoint {
    try StoredJSON.value(RunCheckpoint.self, from: data)
  }

  /// Removes all but the latest from the table; their files go with `removeStrayFiles`.
  func removeCheckpoints(of runID: String, keeping count: Int, in database: Database) throws {
    try database.execute(
      sql: """
        DELETE FROM artifacts WHERE run_id = :run AND kind = :kind AND name NOT IN (
          SELECT name FROM artifacts WHERE run_id = :run AND kind = :kind
          ORDER BY name DESC LIMIT :count)
        """,
      arguments: ["run": runID, "kind": ArtifactRecord.checkpointKind, "count": count])
  }

  /// Removes checkpoints that the store does not name, and files whose writing was interrupted.
  func removeStrayFiles(of runID: String) throws(StoreError) {
    let folder = folder(of: runID)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let known = Set(try artifacts(of: runID).map { $0.path.split(separator: "/").last ?? "" })
    for name in names where !known.contains(Substring(name)) {
      guard name.hasPrefix("checkpoint-") || (name.hasPrefix(".") && name.hasSuffix(".tmp")) else {
        continue
      }
      // What cannot be removed is only in the way.
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
  }

  /// Where an interrupted run goes on; nil if it begins anew as if it had never begun: it made no checkpoint, and
  /// released nothing that counts.
  ///
  /// - Throws: `StoreError.noUsableCheckpoint` if it made some and none can be read.
  public func resumePoint(of runID: String) throws(StoreError) -> ResumePoint? {
    let run = try run(named: runID)
    let scenario = try scenario(of: run)
    let saved = try artifacts(of: runID).filter { $0.kind == ArtifactRecord.checkpointKind }
    var trouble = ""
    for artifact in saved.sorted(by: { $0.name > $1.name }) {
      do {
        let checkpoint = try Self.checkpoint(in: data(of: artifact))
        return ResumePoint(
          checkpoint: checkpoint, ledger: try ledgerEntries(of: runID), of: scenario,
          datasetHash: run.dataHash)
      } catch let error as StoreError {
        if case .cannotRead(_, let reason) = error { trouble = reason } else { throw error }
      } catch {
        trouble = "it is no checkpoint of this version"
      }
    }
    guard saved.isEmpty else { throw .noUsableCheckpoint(id: runID, reason: trouble) }
    let entries = try ledgerEntries(of: runID)
    // Updates can have left before their round was recorded: the data must be the same then too.
    guard !entries.isEmpty || (run.dataHash != nil && scenario.isReproducible) else { return nil }
    return ResumePoint(
      checkpoint: nil, ledger: entries, of: scenario, datasetHash: run.dataHash)
  }
}
