// The auditor's verdicts on many runs with one canary each.

public import Privacy
public import Scenarios

public struct RepeatedAuditReport: Sendable, Hashable, Codable {
  public struct Row: Sendable, Hashable, Codable {
    public let surface: AuditSurface
    /// The largest ε that the accountant states for a client.
    public let claimedEpsilon: Double
    public let verdict: RepeatedVerdict

    public var isAlarm: Bool { verdict.refutesClaim || verdict.lowerBound > claimedEpsilon }
  }
  public let kind: AuditPlan.Kind
  public let scenario: String
  public let firstSeed: UInt64
  public let runs: Int
  public let rows: [Row]

  public var isAlarm: Bool { rows.contains(where: \.isAlarm) }

  /// Judges what the runs left; all rows hold together with the confidence of `AuditReport`.
  ///
  /// - Parameters:
  ///   - evidence: of each run, with one canary.
  ///   - scenario: of the first run.
  /// - Throws: what the accountant throws.
  public init(
    _ evidence: [AuditEvidence], kind: AuditPlan.Kind, scenario: Scenario
  ) throws(AccountingError) {
    self.kind = kind
    self.scenario = scenario.name
    firstSeed = scenario.seed
    runs = evidence.count
    let accountant = BestAccountant()
    let costs = evidence.reduce(into: Set<AuditedCost>()) { $0.formUnion($1.costs) }
    let events = Set(costs.map(\.event))
    guard let delta = costs.map(\.delta).max() else {
      rows = []
      return
    }
    var claimed = 0.0
    for event in events {
      claimed = max(claimed, try accountant.bound(for: event, delta: delta).epsilon)
    }
    let claim = try PrivacyClaim(covering: Array(events), accountant: accountant)
    let canaries = evidence.flatMap(\.canaries)
    rows = AuditSurface.allCases.map { surface in
      Row(
        surface: surface, claimedEpsilon: claimed,
        verdict: RepeatedVerdict(
          on: canaries.map { ($0.isIncluded, $0.scores[surface] ?? 0) }, delta: delta, claim: claim,
          significance: AuditReport.significance / Double(AuditSurface.allCases.count)))
    }
  }
}
