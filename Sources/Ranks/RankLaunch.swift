// What launchers tell the processes that they start.

/// Whether this process is one of several.
package enum RankLaunch {
  /// Ranks that a launcher started: Open MPI's, MPICH's and its kin, and steps of Slurm (not a batch script's own
  /// process, which knows the job's number of tasks too). The MPI's own word comes first: under mpirun a step of Slurm
  /// starts one helper a node. 1 without a launcher.
  package static func size(in environment: [String: String]) -> Int {
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]
      .lazy.compactMap { environment[$0].flatMap { Int($0) } }.first.map { max($0, 1) } ?? 1
  }

  /// The rank as the launcher counts, before anybody has met; 0 without one.
  package static func rank(in environment: [String: String]) -> Int {
    ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"]
      .lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 0
  }
}
