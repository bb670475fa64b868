// The processes that share a run, and what they say to one another: sums of integers and pieces of bytes.

/// All ranks of a run, as one of them sees them. Every rank must call the same functions in the same order.
package protocol RankGroup: Sendable {
  /// From 0.
  var rank: Int { get }
  /// At least 1.
  var size: Int { get }
  /// The sums over all ranks, place by place, wrapping at 64 bits. All ranks give as many numbers.
  ///
  /// - Throws: `RanksError.silent` or `failed`, as all of these do.
  func sum(_ values: [Int64]) async throws -> [Int64]
  /// The largest numbers of all ranks, place by place. All ranks give as many.
  func maximum(_ values: [Int64]) async throws -> [Int64]
  /// What every rank gives, by rank, on every rank.
  func gather(_ bytes: [UInt8]) async throws -> [[UInt8]]
  /// What rank 0 gives, on every rank; what others give is not looked at.
  func broadcast(_ bytes: [UInt8]) async throws -> [UInt8]
  /// Returns once every rank has come here.
  func barrier() async throws
  /// From now on a rank counts as lost that is waited for longer than so many seconds; nil waits for ever.
  func setPatience(seconds: Double?)
}

extension RankGroup {
  package var isFirst: Bool { rank == 0 }
}

/// A run in one process: nobody to talk to.
package struct SoleRank: RankGroup {
  package init() {}

  package var rank: Int { 0 }
  package var size: Int { 1 }
  package func sum(_ values: [Int64]) -> [Int64] { values }
  package func maximum(_ values: [Int64]) -> [Int64] { values }
  package func gather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
  package func broadcast(_ bytes: [UInt8]) -> [UInt8] { bytes }
  package func barrier() {}
  package func setPatience(seconds: Double?) {}
}

/// Why ranks cannot work together; one sentence with the fix.
package enum RanksError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Ranks were started that cannot see one another.
  case unavailable(reason: String)
  /// A rank was waited for in vain.
  case silent(seconds: Double)
  case failed(call: String)
  /// A rank that would compute something else than rank 0.
  case differs(rank: Int, what: String)
  /// Ranks that began alike and came to different numbers.
  case diverged(round: Int)
  case malformed
  /// What went wrong on another rank.
  case other(rank: Int, sentence: String)

  package var description: String {
    switch self {
    case .unavailable(let reason): reason
    case .silent(let seconds):
      "a rank said nothing for \(Int(seconds.rounded())) s, so this one ends; go on with run --resume, and raise "
        + "--rank-timeout where rounds take longer"
    case .failed(let call):
      "MPI failed in \(call); look for what its launcher says, and go on with run --resume"
    case .differs(let rank, let what):
      "rank \(rank) has another \(what) than rank 0; start all ranks with the same program, scenario and data"
    case .diverged(let round):
      "ranks came to different numbers after round \(round): machines of different kinds, or a defective one; run "
        + "again on machines of one kind"
    case .malformed:
      "a rank sent what no rank of this version sends; start all with the same program"
    case .other(let rank, let sentence): "rank \(rank): \(sentence)"
    }
  }
}

extension RankGroup {
  /// Whether all ranks have the same before they begin.
  ///
  /// - Parameter parts: by the words that name them; compared by 64-bit hashes.
  /// - Throws: `RanksError.differs` on every rank, naming the first that differs from rank 0.
  package func agree(on parts: [(name: String, value: String)]) async throws {
    guard size > 1 else { return }
    var message = MessageWriter()
    for part in parts { message.add(StableHash.of(Array(part.value.utf8))) }
    let all = try await gather(message.bytes)
    for (rank, bytes) in all.enumerated() where bytes != all[0] {
      var (theirs, first) = (MessageReader(bytes), MessageReader(all[0]))
      for part in parts where try theirs.uint64() != first.uint64() {
        throw RanksError.differs(rank: rank, what: part.name)
      }
      throw RanksError.malformed
    }
  }
}

/// FNV-1a: the same on every machine, and good enough to notice what differs by mistake.
package enum StableHash {
  package static func of(_ bytes: [UInt8]) -> UInt64 {
    var hash = start
    for byte in bytes { mix(UInt64(byte), into: &hash) }
    return hash
  }

  /// Of numbers by their bits.
  package static func of(_ rows: [[Float]]) -> UInt64 {
    var hash = start
    for row in rows {
      mix(UInt64(row.count), into: &hash)
      for value in row { mix(UInt64(value.bitPattern), into: &hash) }
    }
    return hash
  }

  private static let start: UInt64 = 0xcbf2_9ce4_8422_2325

  @inline(__always)
  private static func mix(_ value: UInt64, into hash: inout UInt64) {
    hash = (hash ^ value) &* 0x100_0000_01b3
  }
}
