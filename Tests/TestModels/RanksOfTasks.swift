// Ranks as tasks of one process: what launched ranks do, without a launcher.

import Ranks
import Synchronization

/// Where ranks meet: each leaves its bytes and waits for those of the others.
private actor Meeting {
  private let size: Int
  private var brought: [Int: [UInt8]] = [:]
  private var waiting: [CheckedContinuation<[[UInt8]], any Error>] = []
  private var trouble: (any Error)?

  init(size: Int) { self.size = size }

  func meet(_ rank: Int, _ bytes: [UInt8]) async throws -> [[UInt8]] {
    if let trouble { throw trouble }
    brought[rank] = bytes
    guard brought.count == size else {
      return try await withCheckedThrowingContinuation { waiting.append($0) }
    }
    let all = (0..<size).map { brought[$0] ?? [] }
    brought = [:]
    let others = waiting
    waiting = []
    for other in others { other.resume(returning: all) }
    return all
  }

  /// As a launcher does when one rank ends: nobody waits for it.
  func end(_ error: any Error) {
    trouble = error
    for other in waiting { other.resume(throwing: error) }
    waiting = []
  }
}

/// One of several ranks of a process.
package struct TaskRank: RankGroup {
  package let rank: Int
  package let size: Int
  private let meeting: Meeting

  /// Runs `body` on every rank and gives back what each says, by rank; a rank that throws ends the others.
  package static func each<Output: Sendable>(
    of size: Int, _ body: @escaping @Sendable (TaskRank) async throws -> Output
  ) async -> [Result<Output, any Error>] {
    let meeting = Meeting(size: size)
    return await withTaskGroup(of: (Int, Result<Output, any Error>).self) { group in
      for rank in 0..<size {
        group.addTask {
          do {
            return (
              rank, .success(try await body(TaskRank(rank: rank, size: size, meeting: meeting)))
            )
          } catch {
            await meeting.end(error)
            return (rank, .failure(error))
          }
        }
      }
      var results: [(Int, Result<Output, any Error>)] = []
      for await result in group { results.append(result) }
      return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  package func gather(_ bytes: [UInt8]) async throws -> [[UInt8]] {
    try await meeting.meet(rank, bytes)
  }

  private func combined(
    _ values: [Int64], _ combine: (Int64, Int64) -> Int64
  ) async throws -> [Int64] {
    var message = MessageWriter()
    message.add(values.map { Int($0) })
    var all: [[Int]] = []
    for bytes in try await gather(message.bytes) {
      var reader = MessageReader(bytes)
      all.append(try reader.ints())
    }
    return values.indices.map { place in
      all.dropFirst().reduce(Int64(all[0][place])) { combine($0, Int64($1[place])) }
    }
  }

  package func sum(_ values: [Int64]) async throws -> [Int64] { try await combined(values, &+) }

  package func maximum(_ values: [Int64]) async throws -> [Int64] {
    try await combined(values, max)
  }

  package func broadcast(_ bytes: [UInt8]) async throws -> [UInt8] {
    try await gather(isFirst ? bytes : [])[0]
  }

  package func barrier() async throws { _ = try await gather([]) }

  package func setPatience(seconds: Double?) {}
}
