// Privacy curves that were worked out before: a curve takes longer than the audit of a small run.

import Synchronization

/// Works out the claim of equal releases once, for the clients of a run and for runs that are audited with the same cache.
public final class ClaimCache: Sendable {
  private struct Question: Hashable {
    let event: PrivacyEvent
    let delta: Double
    let kind: AccountantKind
  }
  private struct Known {
    var claims: [PrivacyEvent: PrivacyClaim] = [:]
    var epsilons: [Question: Double] = [:]
  }
  private let accountant: any PrivacyAccountant
  private let known = Mutex(Known())

  public init(_ accountant: any PrivacyAccountant = BestAccountant()) {
    self.accountant = accountant
  }

  /// - Throws: what the accountant throws.
  public func claim(of event: PrivacyEvent) throws(AccountingError) -> PrivacyClaim {
    if let claim = known.withLock({ $0.claims[event] }) { return claim }
    let claim = try PrivacyClaim(covering: [event], accountant: accountant)
    known.withLock { $0.claims[event] = claim }
    return claim
  }

  /// - Parameter kind: who states it; nil for the accountant of the curves.
  /// - Throws: what the accountant throws.
  public func epsilon(
    of event: PrivacyEvent, delta: Double, by kind: AccountantKind? = nil
  ) throws(AccountingError) -> Double {
    let teller =
      kind.flatMap { $0 == accountant.kind ? nil : $0.accountant } ?? accountant
    let question = Question(event: event, delta: delta, kind: teller.kind)
    if let epsilon = known.withLock({ $0.epsilons[question] }) { return epsilon }
    let epsilon = try teller.epsilon(of: event, delta: delta)
    known.withLock { $0.epsilons[question] = epsilon }
    return epsilon
  }
}
