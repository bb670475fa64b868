// Ranks that mpirun or srun started, by way of the plug-in.

import Foundation
import Synchronization

package final class LaunchedRanks: RankGroup {
  package let rank: Int
  package let size: Int
  /// What the MPI says about itself, in one line.
  package let library: String
  private let plugin: RankPlugin
  private let thread: CallThread
  private let patience = Mutex<Double?>(nil)

  /// Opens the plug-in and meets the other ranks.
  ///
  /// - Parameters:
  ///   - path: of the plug-in.
  ///   - launched: ranks that the launcher has started.
  /// - Throws: `RanksError.unavailable` if the plug-in cannot be used, or if the ranks do not see one another.
  package static func open(plugin path: String, launched: Int) async throws -> LaunchedRanks {
    let plugin = try RankPlugin(path: path)
    let thread = CallThread()
    let (rank, size, library) = try await thread.run {
      var (rank, size) = (Int32(0), Int32(0))
      guard plugin.start(&rank, &size) == 0 else {
        throw RanksError.unavailable(
          reason: "MPI did not start; look for what its launcher says, or start without a launcher")
      }
      var text = [CChar](repeating: 0, count: 512)
      _ = plugin.version(&text, Int32(text.count))
      let whole = String(
        decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // The first of many facts: "Open MPI v4.1.4", "MPICH Version: 4.0.2".
      let line = whole.prefix { $0 != "\n" && $0 != "," }.split { $0 == "\t" || $0 == " " }
        .joined(separator: " ")
      return (Int(rank), Int(size), line)
    }
    guard size == launched else {
      throw RanksError.unavailable(
        reason:
          "\(launched) ranks were started and see \(size == 1 ? "nobody but themselves" : "\(size)"): the "
          + "launcher is not that of \(library); use its own mpirun, or with srun the --mpi= that it wants (srun "
          + "--mpi=list shows them: pmix for Open MPI, pmi2 for MPICH)")
    }
    return LaunchedRanks(
      rank: rank, size: size, library: library, plugin: plugin, thread: thread)
  }

  private init(
    rank: Int, size: Int, library: String, plugin: RankPlugin, thread: CallThread
  ) {
    self.rank = rank
    self.size = size
    self.library = library
    self.plugin = plugin
    self.thread = thread
  }

  package func setPatience(seconds: Double?) { patience.withLock { $0 = seconds } }

  /// Makes one call; `body` gets the time limit in seconds, 0 for none.
  private func call<Output: Sendable>(
    _ name: String, _ body: @escaping @Sendable (RankPlugin, Double) -> (Int32, Output)
  ) async throws -> Output {
    let (plugin, limit) = (plugin, patience.withLock { $0 } ?? 0)
    let (status, output) = try await thread.run { body(plugin, limit) }
    switch status {
    case 0: return output
    case 2: throw RanksError.silent(seconds: limit)
    default: throw RanksError.failed(call: name)
    }
  }

  package func sum(_ values: [Int64]) async throws -> [Int64] {
    try await reduce("a sum", values) { $0.sum }
  }

  package func maximum(_ values: [Int64]) async throws -> [Int64] {
    try await reduce("a maximum", values) { $0.maximum }
  }

  private func reduce(
    _ name: String, _ values: [Int64],
    by function: @escaping @Sendable (RankPlugin) -> RankPlugin.Reduce
  ) async throws -> [Int64] {
    try await call(name) { plugin, limit in
      var values = values
      let count = Int64(values.count)
      let status = values.withUnsafeMutableBufferPointer {
        plugin.reduce(function(plugin), $0, count, limit)
      }
      return (status, values)
    }
  }

  package func gather(_ bytes: [UInt8]) async throws -> [[UInt8]] {
    let (rank, size) = (rank, size)
    let counts = try await call("a gather of lengths") { plugin, limit in
      var counts = [Int64](repeating: 0, count: size)
      return (plugin.gatherNumber(Int64(bytes.count), &counts, limit), counts)
    }
    guard counts.allSatisfy({ $0 >= 0 }), counts.reduce(0, +) < 1 << 40 else {
      throw RanksError.malformed
    }
    let all = try await call("a gather") { plugin, limit in
      var all = [UInt8](repeating: 0, count: Int(counts.reduce(0, +)))
      var room = [Int32](repeating: 0, count: 2 * size)
      let status = bytes.withUnsafeBytes { mine in
        all.withUnsafeMutableBytes { theirs in
          plugin.gatherBytes(
            mine.baseAddress, counts, Int32(size), Int32(rank), &room, theirs.baseAddress, limit)
        }
      }
      return (status, all)
    }
    var start = 0
    return counts.map { count in
      defer { start += Int(count) }
      return Array(all[start..<start + Int(count)])
    }
  }

  package func broadcast(_ bytes: [UInt8]) async throws -> [UInt8] {
    let length = try await maximum([isFirst ? Int64(bytes.count) : 0])[0]
    let isFirst = isFirst
    return try await call("a broadcast") { plugin, limit in
      var all = isFirst ? bytes : [UInt8](repeating: 0, count: Int(length))
      guard length > 0 else { return (0, all) }
      let status = all.withUnsafeMutableBytes { room in
        room.baseAddress.map { plugin.broadcast($0, length, 0, limit) } ?? 1
      }
      return (status, all)
    }
  }

  package func barrier() async throws {
    _ = try await call("a barrier") { plugin, limit in (plugin.barrier(limit), ()) }
  }

  // MARK: - The end

  /// Parts in peace: every rank must come here.
  package func close() async {
    _ = try? await call("the end") { plugin, limit in
      guard plugin.barrier(limit) == 0 else { return (2, ()) }
      return (plugin.stop(), ())
    }
  }

  /// Ends all ranks with a status; does not return. To be called from anywhere, as the last thing.
  package func abort(status: Int32) -> Never {
    plugin.abort(status)
    _exit(status)
  }
}

extension RankPlugin {
  fileprivate func reduce(
    _ function: Reduce, _ values: UnsafeMutableBufferPointer<Int64>, _ count: Int64, _ limit: Double
  ) -> Int32 {
    guard let address = values.baseAddress, count > 0 else { return 0 }
    return function(address, count, limit)
  }
}
