// Bounds that were asked for before: many clients release the same under the same budget, and so do the runs of a process.

import Kernels
import Synchronization

/// Asks an accountant once for equal costs.
public struct BoundCache: Sendable {
  private struct Question: Hashable {
    let kind: AccountantKind
    let cost: PrivacyEvent
    let delta: Double
    let arithmetic: Arithmetic
  }
  /// Of the whole process, as far as there is room: the seeds of a sweep have the same releases.
  private static let asked = Mutex<[Question: EpsilonBound]>([:])
  private static let room = 4096

  private let kind: AccountantKind
  private var known: [Question: EpsilonBound] = [:]

  public init(_ kind: AccountantKind) { self.kind = kind }

  /// The ε of a ledger at `delta`.
  public mutating func bound(
    of ledger: PrivacyLedger, delta: Double
  ) throws(AccountingError) -> EpsilonBound {
    let question = Question(
      kind: kind, cost: ledger.cost, delta: delta, arithmetic: .current)
    if let earlier = known[question] { return earlier }
    let bound: EpsilonBound
    if let earlier = Self.asked.withLock({ $0[question] }) {
      bound = earlier
    } else {
      bound = try kind.accountant.bound(for: question.cost, delta: delta)
      Self.asked.withLock {
        if $0.count >= Self.room { $0.removeAll() }
        $0[question] = bound
      }
    }
    known[question] = bound
    return bound
  }
}
