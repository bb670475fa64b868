// One row of the table `runs`: a run from its first moment to its last.

public import Foundation
public import GRDB

/// How a run stands.
public enum RunStatus: String, Codable, Hashable, Sendable, CaseIterable, DatabaseValueConvertible {
  /// It goes on, unless its process is gone.
  case running
  case done
  /// It ended with an error.
  case failed
  /// Somebody stopped it, or its process was killed.
  case interrupted
  /// It reached a budget or a limit.
  case stopped
}

/// A run as it is stored. What is known only at the end is nil until then.
public struct RunRecord: Codable, Hashable, Sendable {
  public let runID: String
  public let scenario: String
  public let scenarioHash: String
  /// The resolved scenario, every default filled in.
  public let scenarioJSON: String
  public let method: String
  public let variant: String?
  public let seed: Int
  public let rounds: Int
  public var status: RunStatus
  public let startedAt: Date
  public var finishedAt: Date?
  /// Of each rank.
  public var workers: Int
  public private(set) var ranks: Int
  public private(set) var nodes: Int
  private(set) var slurmJob: String?
  /// Of the simulation: from reading the data to the final figures of the merged models. A run that was resumed
  /// counts its earlier rounds.
  public var wallSeconds: Double?
  /// The same, and besides everything from the start of the program until the result was stored.
  public var totalSeconds: Double?
  public var peakRSSBytes: Int?
  /// Headlines of the result: means between 0 and 1, and the largest ε of a client (nil without
  /// privacy).
  public var clientMeanAccuracy: Double?
  public var worstClusterAccuracy: Double?
  public var epsilonMax: Double?
  public var resultDigest: String?
  /// A `RunResult` without its clients, which `client_results` has.
  public var resultJSON: String?
  /// A `StoredStart`.
  public var startJSON: String?
  /// One sentence.
  public var error: String?
  /// Of dpflsim.
  public let version: String
  /// Where relative paths in the scenario begin.
  public let folder: String?
  /// `BuildIdentity` of the program that computed the run; nil until training starts, and in runs of stores before
  /// version 5.
  public internal(set) var build: String?
  /// SHA-256 of the data set's content; nil until training starts, and for data that are generated.
  public internal(set) var dataHash: String?
  public let machine: String
  private(set) var host: String
  private(set) var processID: Int
  private(set) var processStart: Int?

  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case scenario
    case scenarioHash = "scenario_hash"
    case scenarioJSON = "scenario_json"
    case method
    case variant
    case seed
    case rounds
    case status
    case startedAt = "started_at"
    case finishedAt = "finished_at"
    case workers
    case ranks
    case nodes
    case slurmJob = "slurm_job"
    case wallSeconds = "wall_seconds"
    case totalSeconds = "total_seconds"
    case peakRSSBytes = "peak_rss_bytes"
    case clientMeanAccuracy = "client_mean_accuracy"
    case worstClusterAccuracy = "worst_cluster_accuracy"
    case epsilonMax = "epsilon_max"
    case resultDigest = "result_digest"
    case resultJSON = "result_json"
    case startJSON = "start_json"
    case error
    case version
    case folder
    case build
    case dataHash = "data_hash"
    case machine
    case host
    case processID = "process_id"
    case processStart = "process_start"
  }
}

extension RunRecord: FetchableRecord, PersistableRecord {
  public static let databaseTableName = "runs"
}

extension RunRecord {
  /// Where it is, or was at last, computed.
  public internal(set) var place: RunPlace {
    get { RunPlace(ranks: ranks, nodes: nodes, slurmJob: slurmJob) }
    set { (ranks, nodes, slurmJob) = (newValue.ranks, newValue.nodes, newValue.slurmJob) }
  }

  /// The process that wrote, or writes, this run.
  public internal(set) var process: ProcessIdentity {
    get { ProcessIdentity(host: host, processID: processID, startTicks: processStart) }
    set {
      (host, processID, processStart) = (newValue.host, newValue.processID, newValue.startTicks)
    }
  }

  /// How the run really stands: one that says it is running while its process is gone was interrupted.
  public var presentStatus: RunStatus {
    status == .running && process.isAlive == false ? .interrupted : status
  }
}
