// The auditor's verdicts on a run, for all clients and for each true cluster, surface by surface.

public import Privacy
public import Scenarios

public struct AuditReport: Sendable, Codable {
  public struct Row: Sendable, Hashable, Codable {
    public let surface: AuditSurface
    /// Nil for all clients together.
    public let cluster: Int?
    /// The ε that is stated for these clients: by the scenario's accountant, at the verdict's δ.
    public let claimedEpsilon: Double
    /// The least ε at the same δ that any accountant proves of the same ledgers; nil in audits from before it was kept,
    /// whose claim it was.
    public let provenEpsilon: Double?
    public let verdict: AuditVerdict
    /// Of made gradients in every noisy sum; nil elsewhere.
    public let engine: EngineTest?
    /// Of the same in differences of noisy sums; empty elsewhere.
    public let contrasts: [ContrastTest]

    /// Whether the run is shown to be less private than it claims, or than follows from the ledgers on which the claim
    /// rests: what every accountant proves of them is proven, whichever of them the scenario asks.
    public var isAlarm: Bool {
      verdict.refutesClaim || verdict.lowerBound > min(claimedEpsilon, provenEpsilon ?? .infinity)
        || engine?.isRefuted == true
        || contrasts.contains(where: \.test.isRefuted)
    }
  }

  /// The engine test on differences, in which shared noise falls out.
  public struct ContrastTest: Sendable, Hashable, Codable {
    public let contrast: AuditContrast
    public let test: EngineTest
  }
  public let plan: AuditPlan
  public let scenario: String
  public let seed: UInt64
  public let clusterNames: [String]
  /// All clients first.
  public let rows: [Row]
  /// Clients that released more than their ledgers say.
  public let unpaid: [ReleaseCount]
  /// Of the private choices of a model, all clients' together; nil where there are none that could be weighed, and in
  /// audits from before they were.
  public let choices: ChoiceTest?
  /// Nil where there are none, as in audits from before they were kept.
  private let allowed: [CheckReport.Finding]?

  /// The probability, at most, that any row is wrong.
  public static let significance = 0.05

  public var isAlarm: Bool {
    rows.contains(where: \.isAlarm) || !unpaid.isEmpty || choices?.isRefuted == true
  }

  /// Critical findings of the check that were allowed by name; they belong beside every claimed ε.
  public var allowedFindings: [CheckReport.Finding] { allowed ?? [] }

  /// Whose row it is, for people.
  public func name(of row: Row) -> String { row.cluster.map { clusterNames[$0] } ?? "all" }

  /// The probability with which the bounds of one row may be wrong: rows and engine tests take one half of what may go
  /// wrong each, and all clients together one half of that.
  ///
  /// - Parameter clusters: among which the row is one; nil for all clients together.
  package static func rowSignificance(clusters: Int? = nil) -> Double {
    significance / 4 / Double(clusters ?? 1) / Double(AuditSurface.allCases.count)
  }

  /// The same of engine tests. Three of them share what three surfaces have; among all clients together the test of
  /// choices is a fourth.
  private static func engineSignificance(clusters: Int?) -> Double {
    rowSignificance(clusters: clusters) * (clusters == nil ? 0.75 : 1)
  }

  /// Judges what a run left.
  ///
  /// - Parameters:
  ///   - allowed: critical findings of the check that were allowed by name.
  ///   - claims: shared by audits of runs that may have equal releases.
  /// - Throws: what the accountant throws.
  public init(
    _ evidence: AuditEvidence, plan: AuditPlan, scenario: Scenario,
    allowed: [CheckReport.Finding] = [], claims: ClaimCache = ClaimCache()
  ) throws(AccountingError) {
    self.plan = plan
    self.scenario = scenario.name
    seed = scenario.seed
    clusterNames = scenario.population.clusters.map(\.name)
    unpaid = evidence.counts.filter(\.isUnpaid)
    choices =
      evidence.choices.isEmpty
      ? nil
      : ChoiceTest(
        on: evidence.choices.map { ($0.scores, $0.chosen) },
        significance: Self.engineSignificance(clusters: nil))
    self.allowed = allowed.isEmpty ? nil : allowed
    let stating = scenario.privacy.accountant.kind
    var rows: [Row] = []
    let clusters: [Int?] = [nil] + (clusterNames.count > 1 ? clusterNames.indices.map { $0 } : [])
    for cluster in clusters {
      let costs = evidence.costs.filter { cluster == nil || $0.cluster == cluster }
      let canaries = evidence.canaries.filter { cluster == nil || $0.cluster == cluster }
      guard let delta = costs.map(\.delta).max(), !canaries.isEmpty else { continue }
      var (claimed, proven) = (0.0, 0.0)
      var parts: [PrivacyClaim] = []
      for event in Set(costs.map(\.event)) {
        claimed = max(claimed, try claims.epsilon(of: event, delta: delta, by: stating))
        proven = max(proven, try claims.epsilon(of: event, delta: delta))
        parts.append(try claims.claim(of: event))
      }
      let claim = PrivacyClaim(joining: parts)
      let among = cluster == nil ? nil : clusterNames.count
      let share = Self.rowSignificance(clusters: among)
      let engineShare = Self.engineSignificance(clusters: among)
      for surface in AuditSurface.allCases {
        let scores = canaries.map { ($0.isIncluded, $0.scores[surface] ?? 0) }
        let verdict = OneRunAudit.verdict(
          on: scores, delta: delta, claim: claim,
          significance: share)
        let isTested = surface == .steps && plan.kind == .gradient
        let engine =
          isTested ? EngineTest(on: scores, claim: claim, significance: engineShare) : nil
        let contrasts =
          isTested
          ? AuditContrast.allCases.compactMap { contrast -> ContrastTest? in
            let scores = canaries.compactMap { canary in
              canary.contrasts[contrast].map { (canary.isIncluded, $0) }
            }
            guard scores.count > 1 else { return nil }
            return ContrastTest(
              contrast: contrast,
              test: EngineTest(on: scores, claim: claim, significance: engineShare))
          } : []
        rows.append(
          Row(
            surface: surface, cluster: cluster, claimedEpsilon: claimed, provenEpsilon: proven,
            verdict: verdict, engine: engine, contrasts: contrasts))
      }
    }
    self.rows = rows
  }
}
