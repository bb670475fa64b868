// What every accountant answers: the smallest epsilon it can prove for an event at a given delta.

/// The accountants on offer.
public enum AccountantKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// Rényi differential privacy: fast, close to tight for many steps.
  case rdp
  /// Privacy-loss distributions: tight up to a stated grid.
  case pld
  /// Gaussian differential privacy: exact for full-batch Gaussian releases, silent on anything else.
  case gdp
  /// The smallest of the bounds above that are valid for the event.
  case best
}

/// An epsilon with its proof's particulars.
public struct EpsilonBound: Codable, Hashable, Sendable {
  /// In nats; infinite if nothing finite can be proved.
  public var epsilon: Double
  public var delta: Double
  /// Which accountant proved it; never `.best`.
  public var accountant: AccountantKind
  /// The Rényi order at which the bound was attained (RDP only).
  public var order: Double?
  /// What a reader of the number should know, one sentence each.
  public var warnings: [String]

  public init(
    epsilon: Double, delta: Double, accountant: AccountantKind, order: Double? = nil,
    warnings: [String] = []
  ) {
    self.epsilon = epsilon
    self.delta = delta
    self.accountant = accountant
    self.order = order
    self.warnings = warnings
  }
}

/// Turns events into upper bounds on ε, for the add-or-remove-one relation.
public protocol PrivacyAccountant: Sendable {
  var kind: AccountantKind { get }

  /// The smallest ε this accountant proves at `delta` (a probability; 0 gives ∞ for Gaussian noise).
  func bound(for event: PrivacyEvent, delta: Double) throws(AccountingError) -> EpsilonBound
}

extension PrivacyAccountant {
  public func epsilon(of event: PrivacyEvent, delta: Double) throws(AccountingError) -> Double {
    try bound(for: event, delta: delta).epsilon
  }

  /// Checks `delta` and answers the events that need no mathematics.
  func trivialBound(for releases: CountedReleases, delta: Double) throws(AccountingError)
    -> EpsilonBound?
  {
    guard delta >= 0, delta <= 1 else {
      throw .invalid(reason: "delta \(delta): must be a probability, from 0 to 1")
    }
    if releases.isEmpty || delta == 1 {
      return EpsilonBound(epsilon: 0, delta: delta, accountant: kind)
    }
    if releases.isNonPrivate {
      return EpsilonBound(epsilon: .infinity, delta: delta, accountant: kind)
    }
    return nil
  }
}
