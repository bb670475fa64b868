// What is asked of the store: lists, single runs, their rounds and ledgers; and how a run is removed.

public import Federation
import Foundation
import GRDB
public import Privacy
public import Scenarios
import Synchronization

extension RunStore {
  /// All runs, the latest first: in the order in which they were entered, since a clock may go back.
  public func runs() throws(StoreError) -> [RunRecord] {
    try read { database in
      try RunRecord.order(sql: "rowid DESC").fetchAll(database)
    }
  }

  /// The run with that name, or with the only name that begins so, or the latest for `latest`.
  public func run(named name: String) throws(StoreError) -> RunRecord {
    let found = try read { database in
      if name == "latest" {
        return try RunRecord.order(sql: "rowid DESC").limit(1).fetchAll(database)
      }
      if let run = try RunRecord.fetchOne(database, key: name) { return [run] }
      return
        try RunRecord
        .filter(sql: "substr(run_id, 1, ?) = ?", arguments: [name.unicodeScalars.count, name])
        .order(sql: "run_id").limit(5).fetchAll(database)
    }
    guard let run = found.first, !name.isEmpty else { throw .unknownRun(name: name) }
    guard found.count == 1 else { throw .ambiguousRun(name: name, matches: found.map(\.runID)) }
    return run
  }

  /// The scenario as it was run.
  public func scenario(of run: RunRecord) throws(StoreError) -> Scenario {
    do throws(ScenarioError) {
      return try Scenario(json: Data(run.scenarioJSON.utf8), folder: run.folder)
    } catch {
      throw .unreadableRun(
        id: run.runID, reason: error.problems.first?.description ?? "its scenario")
    }
  }

  /// What a finished run said; nil for a run that did not finish.
  public func result(of run: RunRecord) throws(StoreError) -> RunResult? {
    guard let stored = try decode(RunResult.self, run.resultJSON, of: run) else { return nil }
    return try read { database in
      var result = stored
      try ClientResultTable.fill(&result, runID: run.runID, from: database)
      if let withdrawal = Self.withdrawal(of: run) {
        result.allowedFindings = (result.allowedFindings ?? []) + [withdrawal]
      }
      return result
    }
  }

  /// Why this version refuses the scenario of a run, so that the ε which it stated need not hold; nil where it does not.
  static func withdrawal(of run: RunRecord) -> CheckReport.Finding? {
    // What this program ran it does not refuse; reading a scenario takes milliseconds, and a list may be long.
    guard !BuildIdentity.isOurs(run.build) else { return nil }
    // Runs of a sweep that differ in their seeds alone are refused alike.
    let question = WithdrawalQuestion(
      scenario: run.scenarioJSON.replacing("\"seed\":\(run.seed)", with: "\"seed\":0"),
      folder: run.folder)
    if let known = withdrawals.withLock({ $0[question] }) { return known }
    var found: CheckReport.Finding?
    do throws(ScenarioError) {
      _ = try Scenario(json: Data(run.scenarioJSON.utf8), folder: run.folder)
    } catch {
      found = error.problems.first.map(CheckReport.Finding.withdrawal)
    }
    withdrawals.withLock { $0[question] = .some(found) }
    return found
  }

  private struct WithdrawalQuestion: Hashable {
    let scenario: String
    let folder: String?
  }

  /// What was found of scenarios that earlier builds ran.
  private static let withdrawals = Mutex<[WithdrawalQuestion: CheckReport.Finding?]>([:])

  /// What was fixed when the training of a run started; nil if it never did.
  public func start(of run: RunRecord) throws(StoreError) -> StoredStart? {
    try decode(StoredStart.self, run.startJSON, of: run)
  }

  public func rounds(of runID: String) throws(StoreError) -> [RoundRecord] {
    try rows(of: runID, "round")
  }

  public func clientRounds(of runID: String) throws(StoreError) -> [ClientRoundRecord] {
    try rows(of: runID, "round, client")
  }

  public func clusterRounds(of runID: String) throws(StoreError) -> [ClusterRoundRecord] {
    try rows(of: runID, "round, cluster")
  }

  /// Changes of assignment: a client's model in a round is that of its last row up to there.
  public func assignments(of runID: String) throws(StoreError) -> [AssignmentRecord] {
    try rows(of: runID, "round, client")
  }

  public func artifacts(of runID: String) throws(StoreError) -> [ArtifactRecord] {
    try rows(of: runID, "kind, name")
  }

  /// The entries of the ledgers of all clients as they happened.
  public func ledgerEntries(of runID: String) throws(StoreError) -> [LedgerEntry] {
    let records = try read { database in
      try LedgerRecord.fetchAll(database, sql: LedgerRecord.ordered, arguments: [runID])
    }
    return try records.map { record throws(StoreError) in try record.entry() }
  }

  /// Removes a run with its rounds, its ledger and its files.
  ///
  /// - Throws: `runInProgress` while its process goes on.
  public func delete(_ run: RunRecord) throws(StoreError) {
    guard run.presentStatus != .running else { throw .runInProgress(id: run.runID) }
    try write { database in
      guard try RunRecord.deleteOne(database, key: run.runID) else {
        throw StoreError.unknownRun(name: run.runID)
      }
    }
    // After the rows: files without rows waste room, rows without files would be wrong.
    try removeFiles(of: run.runID)
  }

  private func rows<Record: FetchableRecord & TableRecord>(
    of runID: String, _ order: String
  ) throws(StoreError) -> [Record] {
    try read { database in
      try Record.filter(sql: "run_id = ?", arguments: [runID]).order(sql: order).fetchAll(database)
    }
  }

  private func decode<Value: Decodable>(
    _ type: Value.Type, _ text: String?, of run: RunRecord
  ) throws(StoreError) -> Value? {
    guard let text else { return nil }
    do {
      return try StoredJSON.value(type, from: text)
    } catch {
      throw .unreadableRun(id: run.runID, reason: "\(type): \(error)")
    }
  }
}
