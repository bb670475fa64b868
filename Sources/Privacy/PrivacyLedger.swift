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
}

// MARK: - What it costs

extension PrivacyLedger {
  /// Everything in the ledger, composed.
  public var event: PrivacyEvent { .composed(entries.map(\.event)) }

  /// What one client released, composed. It protects a record in this client's data only: a record that several
  /// clients hold needs their events together.
  public func event(client: Int) -> PrivacyEvent {
    .composed(entries.filter { $0.client == client }.map(\.event))
  }

  /// What was released for one purpose, composed.
  public func event(purpose: ReleasePurpose) -> PrivacyEvent {
    .composed(entries.filter { $0.purpose == purpose }.map(\.event))
  }

  /// The clients that appear in the ledger, in increasing order.
  public var clients: [Int] { Set(entries.compactMap(\.client)).sorted() }

  public func bound(delta: Double, accountant: any PrivacyAccountant) throws(AccountingError)
    -> EpsilonBound
  {
    try accountant.bound(for: event, delta: delta)
  }

  /// Whether `next` may still happen: the ledger and it together stay within the budget.
  public func admits(
    _ next: PrivacyEvent, within budget: PrivacyBudget, accountant: any PrivacyAccountant
  ) throws(AccountingError) -> Bool {
    let total = PrivacyEvent.composed([event, next])
    return try accountant.epsilon(of: total, delta: budget.delta) <= budget.epsilon
  }

  /// How many of `count` repetitions of `next` fit into the budget, one after another from the first.
  ///
  /// Bisection, as ε never falls when a release is added: some log₂(count) questions to the accountant.
  public func admissibleCount(
    of next: PrivacyEvent, upTo count: Int, within budget: PrivacyBudget,
    accountant: any PrivacyAccountant
  ) throws(AccountingError) -> Int {
    func fits(_ count: Int) throws(AccountingError) -> Bool {
      try admits(.selfComposed(event: next, count: count), within: budget, accountant: accountant)
    }
    guard count > 0, try !fits(count) else { return max(0, count) }
    var (most, tooMany) = (0, count)
    while tooMany - most > 1 {
      let middle = most + (tooMany - most) / 2
      if try fits(middle) { most = middle } else { tooMany = middle }
    }
    return most
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
