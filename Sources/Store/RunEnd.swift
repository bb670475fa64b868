// The end of a run: its models and result, why it ended early, or that it never began.

import Clustering
public import Federation
public import Foundation
import GRDB
public import Tensors

extension RunRecorder {
  /// What a run took.
  public struct Cost: Sendable, Hashable {
    public let wallSeconds: Double
    public let peakRSSBytes: Int?
    /// When the whole began, the start of the program included; nil if nobody knows.
    public let begun: ContinuousClock.Instant?

    public init(
      wallSeconds: Double, peakRSSBytes: Int?, begun: ContinuousClock.Instant? = nil
    ) {
      self.begun = begun
      self.wallSeconds = wallSeconds
      self.peakRSSBytes = peakRSSBytes
    }
  }

  /// Stores models and result. The run counts as done only when everything is on the disk.
  public func finish(
    _ result: RunResult, models: [String: Safetensors], cost: Cost, finishedAt: Date = Date()
  ) throws {
    try prepareResume()
    var artifacts: [ArtifactRecord] = []
    for (name, model) in models.sorted(by: { $0.key < $1.key }) {
      artifacts.append(try store.write(model, kind: "model", name: name, runID: runID))
    }
    let text = try StoredJSON.text(result.withoutClients)
    try store.write { database in
      try partition?.check()
      try ClientResultTable.replace(result, runID: runID, in: database)
      for artifact in artifacts { try artifact.insert(database, onConflict: .replace) }
      try store.removeCheckpoints(of: runID, keeping: 0, in: database)
      try update(database) { run in
        run.status = .done
        run.finishedAt = finishedAt
        run.wallSeconds = earlierSeconds + cost.wallSeconds
        run.peakRSSBytes = cost.peakRSSBytes
        run.clientMeanAccuracy = result.clientAccuracies.mean
        run.worstClusterAccuracy = result.clusterAccuracies.min
        run.epsilonMax = result.epsilonMax
        run.resultDigest = result.resultDigest
        run.resultJSON = text
        run.build = run.build ?? build
      }
    }
    try store.removeStrayFiles(of: runID)
    if let total = total(cost) {
      try store.write { database in try update(database) { $0.totalSeconds = total } }
    }
  }

  /// From the beginning to now, and the rounds of before.
  private func total(_ cost: Cost) -> Double? {
    cost.begun.map { earlierSeconds + ($0.duration(to: .now) / .seconds(1)) }
  }

  /// Stores why a run ended early; a run that was to go on and did not stays as it was.
  ///
  /// - Parameter reason: one sentence.
  public func end(
    as status: RunStatus, reason: String, cost: Cost, finishedAt: Date = Date()
  ) throws(StoreError) {
    precondition(status != .done && status != .running, "a run that ended early is not done")
    let before = found?.run
    try store.write { database in
      try update(database) { run in
        if let before {
          run = before
          return
        }
        run.status = status
        run.finishedAt = finishedAt
        run.wallSeconds = earlierSeconds + cost.wallSeconds
        run.totalSeconds = total(cost)
        run.peakRSSBytes = cost.peakRSSBytes
        run.error = reason
      }
    }
  }

  /// Takes back a run that was refused before it began: a new one leaves nothing in the store, one that was to go
  /// on stays as it was. A run that has begun, or announced a release, is left alone.
  public func withdraw() throws(StoreError) {
    guard partition == nil, announced.isEmpty else { return }
    let before = found?.run
    try store.write { database in
      guard let before else {
        try RunRecord.deleteOne(database, key: runID)
        return
      }
      try before.update(database)
    }
  }

  func update(_ database: Database, _ change: (inout RunRecord) -> Void) throws {
    guard var run = try RunRecord.fetchOne(database, key: runID) else {
      throw StoreError.unknownRun(name: runID)
    }
    change(&run)
    try run.update(database)
  }
}
