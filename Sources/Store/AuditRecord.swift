// One row of the table `audits`: what an attack on a scenario's run showed.

public import Federation
public import Foundation
public import GRDB
public import Scenarios

/// An audit as it is stored.
public struct AuditRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
  public static let databaseTableName = "audits"

  public let auditID: String
  public let scenario: String
  public let scenarioHash: String
  /// The resolved scenario.
  public let scenarioJSON: String
  public let seed: Int
  /// What a canary was.
  public let kind: String
  public let canaries: Int
  /// Whether the claim was refuted.
  public let refuted: Bool
  public let createdAt: Date
  public let version: String
  public let build: String?
  public let machine: String
  /// An `AuditReport`.
  public let reportJSON: String

  enum CodingKeys: String, CodingKey {
    case auditID = "audit_id"
    case scenario
    case scenarioHash = "scenario_hash"
    case scenarioJSON = "scenario_json"
    case seed
    case kind
    case canaries
    case refuted
    case createdAt = "created_at"
    case version
    case build
    case machine
    case reportJSON = "report_json"
  }
}

/// An audit that was read back.
public struct StoredAudit: Sendable {
  public let record: AuditRecord
  public let report: AuditReport
}

extension RunStore {
  /// Enters an audit of a scenario.
  ///
  /// - Parameter machine: a line about the machine, for people.
  public func add(
    _ report: AuditReport, of scenario: Scenario, machine: String, at date: Date = Date()
  ) throws -> AuditRecord {
    var generator = SystemRandomNumberGenerator()
    let record = AuditRecord(
      auditID: RunID.make(scenario: scenario.name, at: date, using: &generator),
      scenario: scenario.name, scenarioHash: scenario.hash, scenarioJSON: scenario.resolvedJSON,
      seed: Int(clamping: scenario.seed), kind: report.plan.kind.rawValue,
      canaries: report.plan.canaries, refuted: report.isAlarm, createdAt: date,
      version: DPFLSimVersion.current, build: BuildIdentity.current, machine: machine,
      reportJSON: try StoredJSON.text(report))
    try write { try record.insert($0) }
    return record
  }

  /// All audits, the latest first.
  public func audits() throws(StoreError) -> [AuditRecord] {
    try read { try AuditRecord.order(sql: "created_at DESC, rowid DESC").fetchAll($0) }
  }

  /// What an audit said; nil where this version cannot read it any more.
  public func report(of audit: AuditRecord) -> AuditReport? {
    try? StoredJSON.value(AuditReport.self, from: audit.reportJSON)
  }

  /// The latest audit of every scenario with one of the names, settings, seed and kind of canary, the latest first.
  package func latestAudits(ofScenarios names: [String]) throws(StoreError) -> [StoredAudit] {
    var seen: Set<[String]> = []
    return try audits().compactMap { record in
      guard names.contains(record.scenario),
        seen.insert([record.scenarioHash, record.kind]).inserted,
        let report = report(of: record)
      else { return nil }
      return StoredAudit(record: record, report: report)
    }
  }
}
