// The list of stored runs, for people and as JSON.

import Formatting
import Foundation
public import Scenarios
public import Store

/// Runs as `dpflsim runs` shows them.
public struct RunList: Sendable {
  private let runs: [RunRecord]

  public init(_ runs: [RunRecord]) {
    self.runs = runs
  }

  public func lines(colors: Bool) -> [String] {
    guard !runs.isEmpty else { return ["There are no runs in this store."] }
    // One process is the usual case, of which nothing need be said.
    let isShared = runs.contains { $0.ranks > 1 }
    var table = TextTable(
      [
        ("run", .left), ("method", .left), ("seed", .right), ("status", .left), ("mean", .right),
        ("worst", .right), ("ε ≤", .right),
      ] + (isShared ? [("ranks", .right), ("nodes", .right)] : []))
    for run in runs {
      let status = run.presentStatus
      let isDone = status == .done
      table.add(
        [
          TextTable.Cell(run.runID), TextTable.Cell(run.method), "\(run.seed)",
          TextTable.Cell(status.rawValue, status.style),
          "\(NumberText.percent(run.clientMeanAccuracy))",
          "\(NumberText.percent(run.worstClusterAccuracy))",
          "\(isDone ? NumberText.epsilon(run.epsilonMax) : "–")",
        ] + (isShared ? ["\(run.ranks)", "\(run.nodes)"] : []))
    }
    return table.lines(colors: colors) + [
      "",
      "worst: accuracy of the worst-off cluster; ε ≤: the largest of its clients. `runs show RUN` has time, memory and everything else.",
    ]
  }

  /// A list with one object a run.
  public var document: JSONValue {
    .array(
      runs.map { run in
        [
          "run_id": .string(run.runID), "scenario": .string(run.scenario),
          "scenario_hash": .string(run.scenarioHash), "method": .string(run.method),
          "variant": JSONValue(run.variant), "seed": .integer(run.seed),
          "rounds": .integer(run.rounds), "status": .string(run.presentStatus.rawValue),
          "started_at": .string(run.startedAt.stamp),
          "finished_at": JSONValue(run.finishedAt?.stamp),
          "wall_seconds": JSONValue(run.wallSeconds), "ranks": .integer(run.ranks),
          "nodes": .integer(run.nodes),
          "client_mean_accuracy": JSONValue(run.clientMeanAccuracy),
          "worst_cluster_accuracy": JSONValue(run.worstClusterAccuracy),
          "epsilon_max": JSONValue(run.epsilonMax), "result_digest": JSONValue(run.resultDigest),
          "error": JSONValue(run.error),
        ]
      })
  }
}

extension RunStatus {
  var style: TextStyle {
    switch self {
    case .done: .good
    case .running: .bold
    case .interrupted, .stopped: .marked
    case .failed: .bad
    }
  }
}
