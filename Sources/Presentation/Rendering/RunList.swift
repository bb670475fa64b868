// The list of stored runs, for people and as JSON.

import Federation
import Formatting
import Foundation
import Privacy
public import Scenarios
public import Store

/// Runs as `dpflsim runs` shows them.
public struct RunList: Sendable {
  private let runs: [RunRecord]
  private let headlines: [String: RunHeadlines]

  /// - Parameter headlines: of the finished runs, by name.
  public init(_ runs: [RunRecord], headlines: [String: RunHeadlines]) {
    self.runs = runs
    self.headlines = headlines
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
          "\(NumberText.percent(run.worstAccuracy(headlines[run.runID])))",
          "\(isDone ? NumberText.epsilon(run.epsilonMax) + (allowed(run).isEmpty ? "" : AllowedText.mark) : "–")",
        ] + (isShared ? ["\(run.ranks)", "\(run.nodes)"] : []))
    }
    let rules = runs.flatMap(allowed).map(\.rule)
    return table.lines(colors: colors) + [
      "",
      "worst: accuracy of the worst-off cluster, of the worst-off client where all are of one cluster; ε ≤: the largest of "
        + "its clients. `runs show RUN` has time, memory and everything else.",
    ] + (rules.isEmpty ? [] : [AllowedText.legend(rules)])
  }

  /// Findings without whose permission the ε of this run would not be there.
  private func allowed(_ run: RunRecord) -> [CheckReport.Finding] {
    run.epsilonMax == nil ? [] : headlines[run.runID]?.allowedFindings ?? []
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
          "worst_client_accuracy": JSONValue(headlines[run.runID]?.worstClientAccuracy),
          "epsilon_max": JSONValue(run.epsilonMax),
          "delta": JSONValue(headlines[run.runID]?.delta),
          "unit": JSONValue(headlines[run.runID]?.unit.rawValue),
          "relation": JSONValue(headlines[run.runID]?.relation.rawValue),
          "allowed": .array((headlines[run.runID]?.allowedFindings ?? []).map(\.document)),
          "result_digest": JSONValue(run.resultDigest),
          "error": JSONValue(run.error),
        ]
      })
  }
}

extension RunRecord {
  /// Of the worst-off cluster; where all clients are of one, of the worst-off client: their mean would hide every one
  /// of them.
  func worstAccuracy(_ headlines: RunHeadlines?) -> Double? {
    guard let headlines, headlines.trueClusters == 1 else { return worstClusterAccuracy }
    return headlines.worstClientAccuracy
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
