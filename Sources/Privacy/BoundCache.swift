// Bounds that were asked for before: many clients release the same under the same budget.

/// Asks an accountant once for equal costs.
public struct BoundCache: Sendable {
  private struct Question: Hashable {
    let cost: PrivacyEvent
    let delta: Double
  }
  private let accountant: any PrivacyAccountant
  private var known: [Question: EpsilonBound] = [:]

  public init(_ accountant: any PrivacyAccountant) { self.accountant = accountant }

  /// The ε of a ledger at `delta`.
  public mutating func bound(
    of ledger: PrivacyLedger, delta: Double
  ) throws(AccountingError) -> EpsilonBound {
    let question = Question(cost: ledger.cost, delta: delta)
    if let earlier = known[question] { return earlier }
    let bound = try accountant.bound(for: question.cost, delta: delta)
    known[question] = bound
    return bound
  }
}
