// The other processes that mpirun or srun has started with this one, and how they end together.

import Foundation
import Ranks
import Store
import Synchronization

enum ProcessRanks {
  private static let joined = Mutex<LaunchedRanks?>(nil)
  private static let environment = ProcessInfo.processInfo.environment

  /// Ranks that a launcher has started, this one included; 1 without one.
  static var launched: Int { RankLaunch.size(in: environment) }

  /// The ranks with which this process shares its run: nobody where no launcher started it.
  ///
  /// - Throws: `RanksError.unavailable` if others were started and cannot be seen: each would do the whole run.
  static func join() async throws -> any RankGroup {
    let launched = launched
    guard launched > 1 else { return SoleRank() }
    guard let plugin = environment["DPFLSIM_RANKS_PLUGIN"], !plugin.isEmpty else {
      throw RanksError.unavailable(
        reason:
          "\(launched) ranks were started and cannot see one another, since there is no plug-in for MPI; install "
          + "its compiler mpicc (libopenmpi-dev or libmpich-dev, or the cluster's module) and start tools/dpflsim, or "
          + "start one process with --workers")
    }
    let ranks = try await LaunchedRanks.open(plugin: plugin, launched: launched)
    joined.withLock { $0 = ranks }
    try await ranks.agree(on: [
      (name: "build of dpflsim or kind of processor", value: BuildIdentity.current ?? ""),
      (name: "MPI", value: ranks.library),
    ])
    return ranks
  }

  /// Refuses what several processes would do several times.
  static func refuse(_ command: String) throws {
    guard launched > 1 else { return }
    throw Failure(
      .usage,
      "\(launched) ranks were started, and only `run` is shared by ranks; start `\(command)` as one process"
    )
  }

  /// Where and how many: nodes, and ranks that share this one's cores.
  static func layout(of ranks: any RankGroup) async throws -> (nodes: Int, sharers: Int) {
    let host = ProcessIdentity.current.host
    let mine = Array("\(host) \(Machine.coreList)".utf8)
    let places = try await ranks.gather(mine)
    let hosts = places.map { $0.prefix { $0 != UInt8(ascii: " ") } }
    return (Set(hosts).count, places.count { $0 == mine })
  }

  /// Lanes of a rank: what Slurm gave it, or its cores, shared with the ranks that have the same.
  static func workers(sharers: Int) -> Int {
    if launched > 1, let given = slurmCores { return given }
    return max(1, Machine.cores / max(sharers, 1))
  }

  /// Cores that Slurm gave a task; nil outside of it.
  static var slurmCores: Int? {
    guard let given = environment["SLURM_CPUS_PER_TASK"].flatMap({ Int($0) }), given > 0 else {
      return nil
    }
    return min(given, 1024)
  }

  // MARK: - The end

  /// Parts from the others after all has gone well; returns at once where there are none.
  static func part() async {
    await joined.withLock { $0 }?.close()
  }

  /// Says why a command failed and ends this process, and with it all others that share its run.
  ///
  /// All ranks may fail of the same cause: rank 0 speaks first and ends the others. After a request to stop, all come
  /// here and part in peace.
  static func end(with failure: Failure) async -> Never {
    let ranks = joined.withLock { $0 }
    let rank = ranks?.rank ?? RankLaunch.rank(in: environment)
    let isStop = [.interrupted, .terminated].contains(failure.status)
    guard rank == 0 || isStop else {
      if !failure.lostRank { try? await Task.sleep(for: .seconds(2)) }
      if let ranks {
        let place = "rank \(rank) on \(ProcessInfo.processInfo.hostName)"
        Terminal.complain("\(place): \(failure.message)")
        // The link that the others would be told by may be the one that is cut.
        if !failure.lostRank { ranks.abort(status: failure.status.rawValue) }
      }
      _exit(failure.status.rawValue)
    }
    if rank == 0 { Terminal.complain(failure.message) }
    guard let ranks else { exit(failure.status.rawValue) }
    if failure.lostRank { _exit(failure.status.rawValue) }
    guard isStop else {
      // A launcher that is told to end the others may do so before it has passed on what was said.
      try? await Task.sleep(for: .milliseconds(500))
      ranks.abort(status: failure.status.rawValue)
    }
    await ranks.close()
    exit(failure.status.rawValue)
  }
}
