// What a client was seen to release beside what its ledger says: an ε is worth what was counted.

import Privacy

/// Releases of one client in a whole run.
public struct ReleaseCount: Sendable, Hashable, Codable {
  public let client: Int
  /// Noisy sums that left, and those in the ledger.
  public let sums: Int
  public let countedSums: Int
  /// Private choices that left, and those in the ledger.
  public let choices: Int
  public let countedChoices: Int

  init(client: Int, sums: Int, choices: Int, ledger: PrivacyLedger) {
    self.client = client
    self.sums = sums
    self.choices = choices
    func counted(_ mechanisms: Set<LedgerMechanism>) -> Int {
      ledger.entries.filter { mechanisms.contains($0.mechanism) }.reduce(0) { $0 + $1.count }
    }
    countedSums = counted([.gaussian, .poissonSampledGaussian])
    countedChoices = counted([.exponentialMechanism])
  }

  /// Whether something left that nobody paid for.
  public var isUnpaid: Bool { sums > countedSums || choices > countedChoices }
}
