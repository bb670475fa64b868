// Why an accountant, a calibration or a ledger says no.

/// A refusal, in one sentence: where, what, how to fix.
public enum AccountingError: Error, Hashable, Sendable {
  /// The accountant cannot bound this (sub)event.
  case unsupported(event: PrivacyEvent, reason: String)
  /// A number in the event is outside its range.
  case invalid(reason: String)
  /// No noise multiplier meets the budget; `epsilon` is what the plan costs with the largest one.
  case unreachableBudget(target: Double, epsilon: Double, noiseMultiplier: Double)
}

extension AccountingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unsupported(_, let reason): return "no epsilon can be stated, because \(reason)"
    case .invalid(let reason): return reason
    case .unreachableBudget(let target, let epsilon, let noiseMultiplier):
      return "target epsilon \(target): even noise multiplier \(noiseMultiplier) costs \(epsilon); "
        + "raise the target, or release less (fewer selections, fewer steps)"
    }
  }
}
