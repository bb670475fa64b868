// What an audit of the scenario could show: the power of `dpflsim audit` with its usual number of canaries.

import Privacy
import Scenarios

extension AuditPlan {
  /// Canaries for so many clients where nobody says how many.
  public static func usualCanaries(clients: Int) -> Int { 40 * clients }
}

extension CheckFacts {
  /// Most canaries that a forecast looks at: more take longer to weigh than a note is worth.
  private static let most = 1000

  /// Nil for scenarios that cannot be audited, and where no ε is known.
  var auditForecast: AuditForecast? {
    guard AuditPlan.refusal(of: scenario) == nil, !groups.isEmpty,
      clients.allSatisfy({ $0.budget.targetEpsilon != nil }),
      let epsilon = groups.compactMap(\.epsilon).max(), epsilon > 0, epsilon.isFinite,
      let delta = groups.map(\.budget.targetDelta).max(), delta > 0, delta < 1
    else { return nil }
    return AuditForecast(
      canaries: min(AuditPlan.usualCanaries(clients: clients.count), Self.most),
      claimedEpsilon: epsilon, delta: delta, significance: AuditReport.rowSignificance())
  }
}
