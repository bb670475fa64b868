// The smallest of the valid bounds, and which accountant proved it.

/// Asks every accountant that can interpret the event and reports the smallest ε.
public struct BestAccountant: PrivacyAccountant {
  public init() {}

  public var kind: AccountantKind { .best }

  /// The bound of the accountant that proved the least; `accountant` says which one it was.
  public func bound(for event: PrivacyEvent, delta: Double) throws(AccountingError) -> EpsilonBound
  {
    let releases = try CountedReleases(event)
    // Exact, so nothing can be below it.
    if releases.hasOnlyGaussians { return try GDPAccountant().bound(for: event, delta: delta) }
    let renyi = try RDPAccountant().bound(for: event, delta: delta)
    let loss = try PLDAccountant().bound(for: event, delta: delta)
    return loss.epsilon <= renyi.epsilon ? loss : renyi
  }

  /// Every accountant's answer side by side; accountants that cannot interpret the event are left out.
  public static func comparison(of event: PrivacyEvent, delta: Double) throws(AccountingError)
    -> [EpsilonBound]
  {
    let releases = try CountedReleases(event)
    var bounds = [
      try RDPAccountant().bound(for: event, delta: delta),
      try PLDAccountant().bound(for: event, delta: delta),
    ]
    if releases.hasOnlyGaussians {
      bounds.append(try GDPAccountant().bound(for: event, delta: delta))
    }
    return bounds
  }

  /// Accountants that `comparison` leaves out, each with its reason.
  public static func refusals(
    of event: PrivacyEvent, delta: Double
  ) -> [(accountant: AccountantKind, reason: String)] {
    do throws(AccountingError) {
      _ = try GDPAccountant().bound(for: event, delta: delta)
      return []
    } catch {
      guard case .unsupported(_, let reason) = error else { return [] }
      return [(.gdp, reason)]
    }
  }
}

extension AccountantKind {
  /// The accountant itself, with its standard settings.
  public var accountant: any PrivacyAccountant {
    switch self {
    case .rdp: RDPAccountant()
    case .pld: PLDAccountant()
    case .gdp: GDPAccountant()
    case .best: BestAccountant()
    }
  }
}
