// One row each of the tables that grow by a round: rounds, client_rounds, cluster_rounds, assignments.

import Federation
public import Foundation
public import GRDB

/// A row of `rounds`: what a round did as a whole.
public struct RoundRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
  public static let databaseTableName = "rounds"

  public let runID: String
  /// From 1.
  public let round: Int
  /// The raw value of a `RoundStage`.
  public let stage: String
  /// Nil in rounds without evaluation.
  public let clientMeanAccuracy: Double?
  public let worstClusterAccuracy: Double?
  public let clustersAreTrue: Bool?
  /// Clients whose updates came after the deadline.
  public let lateClients: Int
  public let bytesUp: Int
  public let bytesDown: Int
  public let seconds: Double
  public let finishedAt: Date
  /// Clients that were evaluated, where they were a sample, and the standard error of their mean.
  public let evaluatedClients: Int?
  public let clientMeanError: Double?

  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case round
    case stage
    case clientMeanAccuracy = "client_mean_accuracy"
    case worstClusterAccuracy = "worst_cluster_accuracy"
    case clustersAreTrue = "clusters_are_true"
    case lateClients = "late_clients"
    case bytesUp = "bytes_up"
    case bytesDown = "bytes_down"
    case seconds
    case finishedAt = "finished_at"
    case evaluatedClients = "evaluated_clients"
    case clientMeanError = "client_mean_error"
  }

  init(_ report: RoundReport, runID: String, finishedAt: Date) {
    self.runID = runID
    round = report.round
    stage = report.stage.rawValue
    clientMeanAccuracy = report.clientMeanAccuracy
    worstClusterAccuracy = report.worstClusterAccuracy
    clustersAreTrue = report.clustersAreTrue
    lateClients = report.lateClients.count
    bytesUp = report.bytesUp
    bytesDown = report.bytesDown
    seconds = report.seconds
    self.finishedAt = finishedAt
    evaluatedClients = report.sampled?.clients
    clientMeanError = report.sampled?.standardError
  }
}

/// A row of `client_rounds`: a client that trained or was evaluated in a round.
public struct ClientRoundRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
  public static let databaseTableName = "client_rounds"

  public let runID: String
  public let round: Int
  public let client: Int
  public let model: Int
  public let participated: Bool
  public let steps: Int
  public let updateNorm: Double?
  public let trainLoss: Double?
  public let testAccuracy: Double?
  public let testLoss: Double?

  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case round
    case client
    case model
    case participated
    case steps
    case updateNorm = "update_norm"
    case trainLoss = "train_loss"
    case testAccuracy = "test_accuracy"
    case testLoss = "test_loss"
  }
}

/// A row of `cluster_rounds`: a true cluster after an evaluated round.
public struct ClusterRoundRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
  public static let databaseTableName = "cluster_rounds"

  public let runID: String
  public let round: Int
  public let cluster: Int
  public let name: String
  public let testAccuracy: Double?
  public let testLoss: Double?
  /// Of the accuracy, where a sample of the clients was evaluated.
  public let standardError: Double?

  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case round
    case cluster
    case name
    case testAccuracy = "test_accuracy"
    case testLoss = "test_loss"
    case standardError = "standard_error"
  }

  init?(_ report: ClusterRound, name: String, runID: String, round: Int) {
    guard report.testAccuracy != nil || report.testLoss != nil else { return nil }
    self.runID = runID
    self.round = round
    cluster = report.cluster
    self.name = name
    testAccuracy = report.testAccuracy
    testLoss = report.testLoss
    standardError = report.standardError
  }
}

/// A row of `assignments`: from this round on the client uses this model.
public struct AssignmentRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
  public static let databaseTableName = "assignments"

  public let runID: String
  public let round: Int
  public let client: Int
  public let trueCluster: Int
  public let model: Int

  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case round
    case client
    case trueCluster = "true_cluster"
    case model
  }
}
