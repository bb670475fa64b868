// Whom a guarantee protects, against which change of the data, and how to pass between the notions.

import Kernels

/// Which pairs of data sets a mechanism must make hard to tell apart.
public enum Adjacency: String, Codable, Hashable, Sendable, CaseIterable {
  /// One record (or client) is present in one data set and absent from the other.
  case addOrRemoveOne = "add-or-remove-one"
  /// One record (or client) has other contents; the number of records is the same and public.
  case replaceOne = "replace-one"
}

/// What one "record" of the adjacency is.
public enum PrivacyUnit: String, Codable, Hashable, Sendable, CaseIterable {
  case example
  case client
}

/// An (ε, δ) statement together with what it means.
///
/// ε is in nats. The statement holds for `unit` under `adjacency`; the conversions below are the only
/// ways to restate it, and each costs what it costs.
public struct PrivacyGuarantee: Codable, Hashable, Sendable {
  public let epsilon: Double
  public let delta: Double
  public let adjacency: Adjacency
  public let unit: PrivacyUnit

  public init(epsilon: Double, delta: Double, adjacency: Adjacency, unit: PrivacyUnit) {
    precondition(epsilon >= 0, "An epsilon is at least 0, or infinite.")
    precondition(delta >= 0 && delta <= 1, "A delta is a probability.")
    self.epsilon = epsilon
    self.delta = delta
    self.adjacency = adjacency
    self.unit = unit
  }
}

extension PrivacyGuarantee {
  /// The guarantee for `count` units changed at once (group privacy).
  ///
  /// (kε, δ·(e^{kε} − 1)/(e^ε − 1)): Vadhan, "The complexity of differential privacy" (2017),
  /// Lemma 2.2.
  public func forGroup(of count: Int) -> PrivacyGuarantee {
    precondition(count >= 1, "A group has at least one member.")
    let grown = epsilon * Double(count)
    var factor = 0.0
    for index in 0..<count { factor += Elementary.exp(epsilon * Double(index)) }
    let delta = self.delta == 0 ? 0 : min(1, self.delta * factor)
    return PrivacyGuarantee(epsilon: grown, delta: delta, adjacency: adjacency, unit: unit)
  }

  /// The same mechanism's guarantee when one unit is replaced: a removal followed by an addition,
  /// hence (2ε, (1 + e^ε)δ). A guarantee that already is for replacement is returned unchanged.
  public func forReplacement() -> PrivacyGuarantee {
    guard adjacency == .addOrRemoveOne else { return self }
    let pair = forGroup(of: 2)
    return PrivacyGuarantee(
      epsilon: pair.epsilon, delta: pair.delta, adjacency: .replaceOne, unit: unit)
  }

  /// What a guarantee per client says about one example: an example changed is a client replaced.
  /// A guarantee that already is per example is returned unchanged.
  public func forExamples() -> PrivacyGuarantee {
    guard unit == .client else { return self }
    let replaced = forReplacement()
    return PrivacyGuarantee(
      epsilon: replaced.epsilon, delta: replaced.delta, adjacency: .replaceOne, unit: .example)
  }

  /// What a guarantee per example says about a whole client with at most `examples` examples.
  /// A guarantee that already is per client is returned unchanged.
  public func forClients(withAtMost examples: Int) -> PrivacyGuarantee {
    guard unit == .example else { return self }
    let group = forGroup(of: examples)
    return PrivacyGuarantee(
      epsilon: group.epsilon, delta: group.delta, adjacency: adjacency, unit: .client)
  }
}
