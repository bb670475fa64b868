// Writes one run while it goes: a row at the start, one transaction a round, the result at the end.

import Clustering
import Datasets
public import Federation
public import Foundation
import GRDB
import Privacy
public import Scenarios

/// The writer of one run.
public actor RunRecorder: RunObserver {
  public nonisolated let runID: String
  let store: RunStore
  private let findings: [CheckReport.Finding]
  private let scenarioHash: String
  private let clusterNames: [String]
  private let trueClusters: [Int]
  private var ledger = LedgerHistories()
  /// What the round that goes has announced; it stands in the ledger already.
  var announced: [LedgerEntry] = []
  /// Whether a round that is done again releases the same bits.
  private let isReproducible: Bool
  private let hasGeneratedData: Bool
  /// What the results depend on beside scenario and data.
  let build: String?
  /// The model of every client as last stored; -1 before the first time.
  private var models: [Int]
  /// The rows of the partition, one for each client, which the first rounds do not wait for.
  var partition: WriteBehind?
  /// What the rounds took that are kept from before an interruption.
  let earlierSeconds: Double
  /// The run as it was found and the round of its checkpoint, until it really goes on.
  var found: (run: RunRecord, round: Int)?

  /// Enters a run as running.
  ///
  /// - Parameters:
  ///   - place: the processes that share the run.
  ///   - machine: a line about the machine, for people.
  ///   - findings: what the check said before the run.
  ///   - identity: if nobody else may have run the same to its end, or be running the same scenario.
  ///   - startedAt: the time of day; only the name of the run and the table say it again.
  /// - Throws: `StoreError.runInProgress` if somebody else has, or is.
  public init(
    store: RunStore, scenario: Scenario, workers: Int, place: RunPlace = RunPlace(),
    machine: String,
    findings: [CheckReport.Finding] = [], alone identity: RunIdentity? = nil,
    startedAt: Date = Date()
  ) throws(StoreError) {
    self.store = store
    self.findings = findings
    scenarioHash = scenario.hash
    clusterNames = scenario.population.clusters.map(\.name)
    trueClusters = scenario.trueClusters
    isReproducible = scenario.isReproducible
    hasGeneratedData = scenario.hasGeneratedData
    build = BuildIdentity.of(scenario.arithmetic)
    earlierSeconds = 0
    models = [Int](repeating: -1, count: trueClusters.count)
    let process = ProcessIdentity.current
    var generator = SystemRandomNumberGenerator()
    runID = try store.write { database in
      if let identity {
        let competitors = try RunRecord.filter(
          sql: "scenario_hash = ? AND status IN ('running', 'done') AND version = ?",
          arguments: [scenario.hash, DPFLSimVersion.current]
        ).fetchAll(database)
        let isDone = { (run: RunRecord) in
          run.status == .done
            && identity
              == RunIdentity(
                scenarioHash: run.scenarioHash, dataHash: run.dataHash, build: run.build)
        }
        if let competitor = competitors.first(where: { isDone($0) || $0.process.isAlive == true }) {
          throw StoreError.runInProgress(id: competitor.runID)
        }
      }
      var runID: String
      repeat {
        runID = RunID.make(scenario: scenario.name, at: startedAt, using: &generator)
      } while try RunRecord.exists(database, key: runID)
      try RunRecord(
        runID: runID, scenario: scenario.name, scenarioHash: scenario.hash,
        scenarioJSON: scenario.resolvedJSON, method: scenario.method.name,
        variant: scenario.method.traits.variant,
        seed: Int(clamping: scenario.seed), rounds: scenario.rounds, status: .running,
        startedAt: startedAt, workers: workers, ranks: place.ranks, nodes: place.nodes,
        slurmJob: place.slurmJob, version: DPFLSimVersion.current,
        folder: scenario.folder, machine: machine,
        host: process.host, processID: process.processID, processStart: process.startTicks
      ).insert(database)
      return runID
    }
  }

  /// Takes over a run whose process is gone. Once it has started it forgets the rounds behind the checkpoint,
  /// which it does again; should it end before that, it stays as it was.
  ///
  /// - Parameters:
  ///   - round: the checkpoint's; 0 begins anew.
  ///   - fromElsewhere: whether a run counts as ended that a process of another machine seems to write.
  /// - Throws: `StoreError.runInProgress` if somebody else is at it, `notResumable` if it has ended or
  ///   belongs to another version.
  public init(
    resuming runID: String, in store: RunStore, after round: Int, scenario: Scenario, workers: Int,
    place: RunPlace = RunPlace(),
    findings: [CheckReport.Finding] = [], fromElsewhere: Bool = false
  ) throws(StoreError) {
    self.store = store
    self.findings = findings
    self.runID = runID
    scenarioHash = scenario.hash
    clusterNames = scenario.population.clusters.map(\.name)
    trueClusters = scenario.trueClusters
    isReproducible = scenario.isReproducible
    hasGeneratedData = scenario.hasGeneratedData
    build = BuildIdentity.of(scenario.arithmetic)
    let before: RunRecord
    let assignments: [AssignmentRecord]
    (ledger, assignments, earlierSeconds, before) = try store.write { database in
      guard var run = try RunRecord.fetchOne(database, key: runID) else {
        throw StoreError.unknownRun(name: runID)
      }
      try run.checkResumable(fromElsewhere: fromElsewhere)
      let before = run
      run.status = .running
      run.finishedAt = nil
      run.error = nil
      run.workers = workers
      run.place = place
      run.process = .current
      try run.update(database)
      let kept: StatementArguments = [runID, round]
      let stored = try Int.fetchOne(
        database, sql: "SELECT count(*) FROM rounds WHERE run_id = ? AND round <= ?",
        arguments: kept)
      guard stored == round else {
        throw StoreError.notResumable(
          id: runID, reason: "rounds before its checkpoint are missing; run the scenario again")
      }
      let assignments = try AssignmentRecord.filter(
        sql: "run_id = ? AND round <= ?", arguments: kept
      )
      .order(sql: "round").fetchAll(database)
      return (
        try LedgerHistories(of: runID, in: database),
        assignments,
        try Double.fetchOne(
          database,
          sql: "SELECT ifnull(sum(seconds), 0) FROM rounds WHERE run_id = ? AND round <= ?",
          arguments: kept) ?? 0,
        before
      )
    }
    models = [Int](repeating: -1, count: trueClusters.count)
    for row in assignments where models.indices.contains(row.client) {
      models[row.client] = row.model
    }
    found = (before, round)
    try store.removeStrayFiles(of: runID)
  }

  public func receive(_ event: RunEvent) throws {
    if case .preparing = event { return }
    try prepareResume()
    switch event {
    case .preparing: break
    case .started(let start):
      try store.write { database in
        let text = try StoredJSON.text(StoredStart(start, findings: findings))
        try update(database) { run in
          run.startJSON = text
          run.build = build
          run.dataHash = hasGeneratedData ? nil : start.partition.datasetHash
        }
      }
      partition = store.writeBehind { [runID] database in
        try ClientPartitionTable.replace(start.partition.clients, runID: runID, in: database)
      }
    case .announced(let round, let entries): try announce(entries, round: round)
    case .released(let updates):
      try store.write(updates, of: runID, scenarioHash: scenarioHash, repeats: isReproducible)
    case .finishedRound(let report): try record(report)
    case .checkpoint(let checkpoint): try store.write(checkpoint, of: runID)
    }
  }

  /// Forgets the rounds that are done again. What they released is forgotten only if the same bits are released
  /// again: whatever else left a client stays in the ledger.
  func prepareResume() throws(StoreError) {
    guard let found else { return }
    try store.write { database in
      for table in ["rounds"] + (isReproducible ? ["privacy_histories"] : []) {
        try database.execute(
          sql: "DELETE FROM \(table) WHERE run_id = ? AND round > ?",
          arguments: [runID, found.round])
      }
    }
    self.found = nil
  }

  /// A client of which the round says nothing takes no room.
  private func insert(_ client: ClientRound, round: Int, in database: Database) throws {
    guard client.participated || client.testAccuracy != nil || client.testLoss != nil else {
      return
    }
    try database.cachedStatement(
      sql: """
        INSERT INTO client_rounds (
          run_id, round, client, model, participated, steps, update_norm, train_loss, test_accuracy,
          test_loss
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      runID, round, client.client, client.model, client.participated, client.steps,
      client.updateNorm, client.trainLoss, client.testAccuracy, client.testLoss,
    ])
  }

  private func insertAssignment(
    of client: ClientRound, round: Int, in database: Database
  ) throws {
    try database.cachedStatement(
      sql: """
        INSERT INTO assignments (run_id, round, client, true_cluster, model)
        VALUES (?, ?, ?, ?, ?)
        """
    ).execute(arguments: [runID, round, client.client, trueClusters[client.client], client.model])
  }

  /// Enters what is about to be released; on the disk before it is.
  private func announce(_ entries: [LedgerEntry], round: Int) throws(StoreError) {
    ledger = try store.write { try ledger.adding(entries, of: runID, in: $0) }
    announced += entries
  }

  private func record(_ report: RoundReport) throws(StoreError) {
    let moved = report.clients.filter { models[$0.client] != $0.model }
    let unannounced = report.ledger.without(announced)
    let ledger = try store.write { database in
      try partition?.check()
      try RoundRecord(report, runID: runID, finishedAt: Date()).insert(database)
      for client in report.clients {
        try insert(client, round: report.round, in: database)
      }
      for client in moved {
        try insertAssignment(of: client, round: report.round, in: database)
      }
      for cluster in report.clusters {
        try ClusterRoundRecord(
          cluster, name: clusterNames[cluster.cluster], runID: runID, round: report.round)?
          .insert(database)
      }
      return try self.ledger.adding(unannounced, of: runID, in: database)
    }
    // Only what was committed counts.
    self.ledger = ledger
    announced = []
    for client in moved { models[client.client] = client.model }
  }
}

extension [LedgerEntry] {
  /// The entries that are not among others, each of which stands for one.
  fileprivate func without(_ others: [LedgerEntry]) -> [LedgerEntry] {
    var left = Dictionary(others.map { ($0, 1) }, uniquingKeysWith: +)
    return filter { entry in
      guard let count = left[entry], count > 0 else { return true }
      left[entry] = count - 1
      return false
    }
  }
}
