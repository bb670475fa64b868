// The append-only record of everything released; epsilon is always recomputed from it.

public import Foundation

/// A budget: what a client, or a run, may cost at most.
public struct PrivacyBudget: Codable, Hashable, Sendable {
  public let epsilon: Double
  public let delta: Double

  public init(epsilon: Double, delta: Double) {
    self.epsilon = epsilon
    self.delta = delta
  }
}

/// Entries in the order in which they happened; nothing is ever removed or changed.
public struct PrivacyLedger: Hashable, Sendable {
  public private(set) var entries: [LedgerEntry] = []

  public init() {}

  public init(_ entries: some Sequence<LedgerEntry>) { append(contentsOf: entries) }

  /// Records a release. Repetitions of the last entry raise its count, so that an epoch of DP-SGD is one
  /// entry; an entry of count 0 leaves no trace.
  public mutating func append(_ entry: LedgerEntry) {
    guard entry.count != 0 else { return }
    if let last = entries.last, last.isSameRelease(as: entry) {
      let (count, overflow) = last.count.addingReportingOverflow(entry.count)
      if !overflow {
        entries[entries.count - 1].count = count
        return
      }
    }
    entries.append(entry)
  }

  public mutating func append(contentsOf entries: some Sequence<LedgerEntry>) {
    for entry in entries { append(entry) }
  }

  /// The clients that appear in the ledger, in increasing order.
  public var clients: [Int] { Set(entries.compactMap(\.client)).sorted() }
}

// MARK: - What it costs

extension PrivacyLedger {
  /// What everything in the ledger costs together. It protects a record in one client's data only: a record
  /// that several clients hold needs their ledgers together.
  ///
  /// Canonical: equal releases are counted together and stand in an order of their own, since composition
  /// depends on neither order nor grouping. Ledgers that cost the same for that reason compare equal, and
  /// every accountant states the same ε for them to the last bit.
  public var cost: PrivacyEvent {
    var counts: [CostedRelease: Int] = [:]
    // More repetitions than a number holds: left apart, so that accountants refuse them.
    var rest: [PrivacyEvent] = []
    for entry in entries {
      let (sum, overflow) = counts[entry.release, default: 0].addingReportingOverflow(entry.count)
      if overflow { rest.append(entry.event) } else { counts[entry.release] = sum }
    }
    return .composed(
      counts.sorted { $0.key < $1.key }
        .map { .selfComposed(event: $0.key.event, count: $0.value) } + rest)
  }

  public func bound(delta: Double, accountant: any PrivacyAccountant) throws(AccountingError)
    -> EpsilonBound
  {
    try accountant.bound(for: cost, delta: delta)
  }
}

// MARK: - JSON Lines

/// A line of a ledger file that cannot be read.
public struct LedgerFormatError: Error, CustomStringConvertible {
  public let line: Int
  public let reason: String

  public var description: String {
    "ledger line \(line): \(reason); restore the file from the run that wrote it"
  }
}

extension PrivacyLedger {
  /// One JSON object a line, keys sorted, a newline at the end of each.
  public func jsonLines() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var data = Data()
    for entry in entries {
      data.append(try encoder.encode(entry))
      data.append(UInt8(ascii: "\n"))
    }
    return data
  }

  /// Reads what `jsonLines()` wrote; empty lines are allowed. Throws `LedgerFormatError`.
  public init(jsonLines data: Data) throws {
    let decoder = JSONDecoder()
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.isEmpty {
      do {
        append(try decoder.decode(LedgerEntry.self, from: Data(line)))
      } catch let DecodingError.dataCorrupted(context) {
        throw LedgerFormatError(line: index + 1, reason: context.debugDescription)
      } catch {
        throw LedgerFormatError(line: index + 1, reason: "\(error)")
      }
    }
  }
}

extension PrivacyLedger: Codable {
  public init(from decoder: any Decoder) throws {
    var box = try decoder.unkeyedContainer()
    while !box.isAtEnd { append(try box.decode(LedgerEntry.self)) }
  }

  public func encode(to encoder: any Encoder) throws {
    var box = encoder.unkeyedContainer()
    for entry in entries { try box.encode(entry) }
  }
}
