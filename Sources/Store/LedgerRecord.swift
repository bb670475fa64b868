// One row of the view `privacy_events`: a release, with everything an accountant needs.

public import GRDB
package import Privacy

/// A ledger entry as it is stored.
public struct LedgerRecord: Codable, Hashable, Sendable, FetchableRecord {
  static let ordered = "SELECT * FROM privacy_events WHERE run_id = ? ORDER BY sequence"

  public let runID: String
  /// Place in the ledger, from 0.
  public let sequence: Int
  public let round: Int
  /// Nil for a release of the server's.
  public let client: Int?
  public let purpose: String
  public let mechanism: String
  public let noiseMultiplier: Double?
  public let sampleRate: Double
  public let selectionEpsilon: Double?
  public let sensitivity: Double
  public let maxGradNorm: Double?
  public let rank: Int?
  /// Nil where no random projection took anything away.
  public let dimension: Int?
  public let thresholdNoiseMultiplier: Double?
  public let count: Int

  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case sequence
    case round
    case client
    case purpose
    case mechanism
    case noiseMultiplier = "noise_multiplier"
    case sampleRate = "sample_rate"
    case selectionEpsilon = "selection_epsilon"
    case sensitivity
    case maxGradNorm = "max_grad_norm"
    case rank
    case dimension
    case thresholdNoiseMultiplier = "threshold_noise_multiplier"
    case count
  }

  /// The entry again. Its fields are checked as those of any ledger file are.
  ///
  /// - Throws: `StoreError.unreadableRun`: an entry that is skipped would make ε too small.
  package func entry() throws(StoreError) -> LedgerEntry {
    do throws(LedgerEntryError) {
      return try LedgerEntry(
        round: round, client: client, purpose: purpose, mechanism: mechanism,
        noiseMultiplier: noiseMultiplier, sampleRate: sampleRate,
        selectionEpsilon: selectionEpsilon, sensitivity: sensitivity, maxGradNorm: maxGradNorm,
        rank: rank, dimension: dimension, thresholdNoiseMultiplier: thresholdNoiseMultiplier,
        count: count)
    } catch {
      throw .unreadableRun(id: runID, reason: "privacy event \(sequence): \(error)")
    }
  }
}
