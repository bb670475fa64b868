// Where a run is computed: how many processes share it, on how many machines, in which job of a cluster.

/// The processes of a run, and the job that they belong to.
public struct RunPlace: Sendable, Hashable {
  /// Processes that share the run, at least 1.
  public let ranks: Int
  /// Machines that they are on, at least 1.
  public let nodes: Int
  /// Number of Slurm's job, an @ and the name of the cluster; nil outside of Slurm.
  public let slurmJob: String?

  public init(ranks: Int = 1, nodes: Int = 1, slurmJob: String? = nil) {
    self.ranks = ranks
    self.nodes = nodes
    self.slurmJob = slurmJob
  }
}
