// Writes one run while it goes: a row at the start, one transaction a round, the result at the end.

import Clustering
public import Federation
public import Foundation
import GRDB
import Privacy
public import Scenarios

/// The writer of one run.
public actor RunRecorder: RunObserver {
  public nonisolated let runID: String
  private let store: RunStore
  private let clusterNames: [String]
  private let trueClusters: [Int]
  private var ledgerCount = 0
  /// The model of every client as last stored.
  private var models: [Int: Int] = [:]

  /// Enters a run as running.
  ///
  /// - Parameters:
  ///   - machine: a line about the machine, for people.
  ///   - startedAt: the time of day; only the name of the run and the table say it again.
  public init(
    store: RunStore, scenario: Scenario, workers: Int, machine: String, startedAt: Date = Date()
  ) throws(StoreError) {
    self.store = store
    clusterNames = scenario.population.clusters.map(\.name)
    trueClusters = scenario.trueClusters
    let process = ProcessIdentity.current
    var variant: String?
    if case .robustClustered(let settings) = scenario.method { variant = settings.variant.rawValue }
    var generator = SystemRandomNumberGenerator()
    runID = try store.write { database in
      var runID: String
      repeat {
        runID = RunID.make(scenario: scenario.name, at: startedAt, using: &generator)
      } while try RunRecord.exists(database, key: runID)
      try RunRecord(
        runID: runID, scenario: scenario.name, scenarioHash: scenario.hash,
        scenarioJSON: scenario.resolvedJSON, method: scenario.method.name, variant: variant,
        seed: Int(clamping: scenario.seed), rounds: scenario.rounds, status: .running,
        startedAt: startedAt, workers: workers, version: DPFLSimVersion.current, machine: machine,
        host: process.host, processID: process.processID, processStart: process.startTicks
      ).insert(database)
      return runID
    }
  }

  public func receive(_ event: RunEvent) throws(StoreError) {
    switch event {
    case .preparing: break
    case .started(let start):
      try store.write { database in
        let text = try StoredJSON.text(StoredStart(start))
        try update(database) { $0.startJSON = text }
      }
    case .finishedRound(let report): try record(report)
    }
  }

  private func record(_ report: RoundReport) throws(StoreError) {
    var ledgerCount = ledgerCount
    var models = models
    try store.write { database in
      try RoundRecord(report, runID: runID, finishedAt: Date()).insert(database)
      for client in report.clients {
        try ClientRoundRecord(client, runID: runID, round: report.round)?.insert(database)
        guard models.updateValue(client.model, forKey: client.client) != client.model else {
          continue
        }
        try AssignmentRecord(
          runID: runID, round: report.round, client: client.client,
          trueCluster: trueClusters[client.client], model: client.model
        ).insert(database)
      }
      for cluster in report.clusters {
        try ClusterRoundRecord(
          cluster, name: clusterNames[cluster.cluster], runID: runID, round: report.round)?
          .insert(database)
      }
      for entry in report.ledger where entry.count > 0 {
        try LedgerRecord(entry, runID: runID, sequence: ledgerCount).insert(database)
        ledgerCount += 1
      }
    }
    // Only what was committed counts.
    self.ledgerCount = ledgerCount
    self.models = models
  }
}

// MARK: - The end of a run

extension RunRecorder {
  /// What a run took.
  public struct Cost: Sendable, Hashable {
    public let wallSeconds: Double
    public let peakRSSBytes: Int?

    public init(wallSeconds: Double, peakRSSBytes: Int?) {
      self.wallSeconds = wallSeconds
      self.peakRSSBytes = peakRSSBytes
    }
  }

  /// Stores models and result. The run counts as done only when everything is on the disk.
  public func finish(
    _ result: RunResult, models: [String: Safetensors], cost: Cost, finishedAt: Date = Date()
  ) throws {
    var artifacts: [ArtifactRecord] = []
    for (name, model) in models.sorted(by: { $0.key < $1.key }) {
      artifacts.append(try store.write(model, kind: "model", name: name, runID: runID))
    }
    let text = try StoredJSON.text(result)
    try store.write { database in
      for artifact in artifacts { try artifact.insert(database) }
      try update(database) { run in
        run.status = .done
        run.finishedAt = finishedAt
        run.wallSeconds = cost.wallSeconds
        run.peakRSSBytes = cost.peakRSSBytes
        run.clientMeanAccuracy = result.clientAccuracies.mean
        run.worstClusterAccuracy = result.clusterAccuracies.min
        run.epsilonMax = result.epsilonMax
        run.resultDigest = result.resultDigest
        run.resultJSON = text
      }
    }
  }

  /// Stores why a run ended early.
  ///
  /// - Parameter reason: one sentence.
  public func end(
    as status: RunStatus, reason: String, cost: Cost, finishedAt: Date = Date()
  ) throws(StoreError) {
    precondition(status != .done && status != .running, "a run that ended early is not done")
    try store.write { database in
      try update(database) { run in
        run.status = status
        run.finishedAt = finishedAt
        run.wallSeconds = cost.wallSeconds
        run.peakRSSBytes = cost.peakRSSBytes
        run.error = reason
      }
    }
  }

  private func update(_ database: Database, _ change: (inout RunRecord) -> Void) throws {
    guard var run = try RunRecord.fetchOne(database, key: runID) else {
      throw StoreError.unknownRun(name: runID)
    }
    change(&run)
    try run.update(database)
  }
}
