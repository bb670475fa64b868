// What a list of runs says of the guarantee behind an ε, without reading whole results.

public import Federation
import GRDB
public import Privacy

/// What stands beside the headlines of a finished run.
public struct RunHeadlines: Sendable, Hashable {
  public let unit: PrivacyUnit
  public let relation: Adjacency
  /// The largest of the clients.
  public let delta: Double?
  /// Findings that were allowed by name, without which there would be no run and no ε, and why the run's scenario is
  /// refused today.
  public let allowedFindings: [CheckReport.Finding]
  public let trueClusters: Int
  public let worstClientAccuracy: Double?
}

extension RunStore {
  /// Of the finished runs among these whose results can be read, by name.
  public func headlines(of runs: [RunRecord]) throws(StoreError) -> [String: RunHeadlines] {
    var headlines: [String: RunHeadlines] = [:]
    for run in runs {
      guard let text = run.resultJSON else { continue }
      // A list is of all runs: one that cannot be read stands in it without these.
      guard let stored = try? StoredJSON.value(StoredGuarantee.self, from: text) else { continue }
      let (delta, worst) = try extremes(of: run.runID)
      headlines[run.runID] = RunHeadlines(
        unit: stored.unit, relation: stored.relation, delta: delta,
        allowedFindings: (stored.allowedFindings ?? [])
          + [Self.withdrawal(of: run)].compactMap { $0 },
        trueClusters: stored.clusters.count,
        worstClientAccuracy: worst)
    }
    return headlines
  }

  /// The largest δ, and the lowest accuracy of a client that has test examples.
  private func extremes(of runID: String) throws(StoreError) -> (delta: Double?, worst: Double?) {
    try read { database in
      let row = try Row.fetchOne(
        database,
        sql: """
          SELECT max(delta), min(CASE WHEN test_examples > 0 THEN accuracy END)
          FROM client_results WHERE run_id = ?
          """, arguments: [runID])
      return (
        row.flatMap { Double.fromDatabaseValue($0[0]) },
        row.flatMap { Double.fromDatabaseValue($0[1]) }
      )
    }
  }
}

/// The part of a stored `RunResult` that lists need.
private struct StoredGuarantee: Decodable {
  struct Cluster: Decodable {}

  let unit: PrivacyUnit
  let relation: Adjacency
  let allowedFindings: [CheckReport.Finding]?
  let clusters: [Cluster]
}
