// The auditor's verdicts on many runs with one canary each.

public import Privacy
public import Scenarios

public struct RepeatedAuditReport: Sendable, Hashable, Codable {
  public struct Row: Sendable, Hashable, Codable {
    public let surface: AuditSurface
    /// The largest ε that the scenario's accountant states for a client.
    public let claimedEpsilon: Double
    /// The least that any accountant proves of the same ledgers at the same δ.
    public let provenEpsilon: Double
    public let verdict: RepeatedVerdict

    /// Against what is stated, or against what its ledgers prove.
    public var isAlarm: Bool {
      verdict.refutesClaim || verdict.lowerBound > min(claimedEpsilon, provenEpsilon)
    }
  }
  public let kind: AuditPlan.Kind
  public let scenario: String
  public let firstSeed: UInt64
  public let runs: Int
  public let rows: [Row]
  /// Critical findings of the check that were allowed by name, each rule once.
  public let allowedFindings: [CheckReport.Finding]

  public var isAlarm: Bool { rows.contains(where: \.isAlarm) }

  /// Judges what the runs left; all rows hold together with the confidence of `AuditReport`.
  ///
  /// - Parameters:
  ///   - evidence: of each run, with one canary.
  ///   - scenario: of the first run.
  ///   - allowed: critical findings of the check that were allowed by name.
  /// - Throws: what the accountant throws.
  public init(
    _ evidence: [AuditEvidence], kind: AuditPlan.Kind, scenario: Scenario,
    allowed: [CheckReport.Finding] = []
  ) throws(AccountingError) {
    self.kind = kind
    self.scenario = scenario.name
    firstSeed = scenario.seed
    runs = evidence.count
    allowedFindings = allowed
    let (accountant, stating) = (BestAccountant(), scenario.privacy.accountant.kind.accountant)
    let costs = evidence.reduce(into: Set<AuditedCost>()) { $0.formUnion($1.costs) }
    let events = Set(costs.map(\.event))
    guard let delta = costs.map(\.delta).max() else {
      rows = []
      return
    }
    var (claimed, proven) = (0.0, 0.0)
    for event in events {
      claimed = max(claimed, try stating.epsilon(of: event, delta: delta))
      proven = max(proven, try accountant.epsilon(of: event, delta: delta))
    }
    let claim = try PrivacyClaim(covering: Array(events), accountant: accountant)
    let canaries = evidence.flatMap(\.canaries)
    rows = AuditSurface.allCases.map { surface in
      Row(
        surface: surface, claimedEpsilon: claimed, provenEpsilon: proven,
        verdict: RepeatedVerdict(
          on: canaries.map { ($0.isIncluded, $0.scores[surface] ?? 0) }, delta: delta, claim: claim,
          significance: AuditReport.significance / Double(AuditSurface.allCases.count)))
    }
  }
}
