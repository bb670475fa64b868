// The scenario's word for an accountant, as the privacy room's.

public import Privacy
public import Scenarios

extension Scenario.Privacy.Accountant {
  /// The accountant that this names.
  public var kind: AccountantKind {
    switch self {
    case .rdp: .rdp
    case .pld: .pld
    case .best: .best
    }
  }
}

/// Bounds that were asked for before; many clients release the same under the same budget.
struct RememberedBounds {
  private struct Question: Hashable {
    let event: PrivacyEvent
    let delta: Double
  }
  private let accountant: any PrivacyAccountant
  private var known: [Question: EpsilonBound] = [:]

  init(_ accountant: any PrivacyAccountant) { self.accountant = accountant }

  mutating func bound(
    for event: PrivacyEvent, delta: Double
  ) throws(AccountingError) -> EpsilonBound {
    let question = Question(event: event, delta: delta)
    if let earlier = known[question] { return earlier }
    let bound = try accountant.bound(for: event, delta: delta)
    known[question] = bound
    return bound
  }
}
