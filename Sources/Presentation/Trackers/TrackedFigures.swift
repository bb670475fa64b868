// What experiment trackers are told of a run: scalars by round, final metrics, parameters and tags.

import Analysis
import Federation
import Foundation
import Scenarios
import Store

/// A number at a round.
struct TrackedScalar: Sendable, Hashable {
  let name: String
  /// The round, from 1.
  let step: Int
  let time: Date
  let value: Double
  /// Whether it is an ε.
  var isEpsilon = false

  /// With the rules that were allowed in the name of an ε: `final/epsilon_max_allowed_DP102`.
  func marked(_ rules: [String]) -> TrackedScalar {
    guard isEpsilon, !rules.isEmpty else { return self }
    return TrackedScalar(
      name: "\(name)_allowed_\(rules.joined(separator: "_"))", step: step, time: time, value: value,
      isEpsilon: true)
  }
}

enum TrackedFigures {
  /// The scalars of one round.
  ///
  /// - Parameter clusters: names of the true clusters.
  static func scalars(
    of report: RoundReport, clusters: [String], at time: Date
  ) -> [TrackedScalar] {
    var named: [(String, Double?)] = [
      ("client_mean_accuracy", report.clientMeanAccuracy),
      ("worst_cluster_accuracy", report.worstClusterAccuracy),
      ("train_loss", mean(report.clients.compactMap(\.trainLoss))),
      ("update_norm", mean(report.clients.compactMap(\.updateNorm))),
      ("bytes_up", Double(report.bytesUp)), ("bytes_down", Double(report.bytesDown)),
      ("seconds", report.seconds),
    ]
    for cluster in report.clusters where clusters.indices.contains(cluster.cluster) {
      let name = clusters[cluster.cluster].trackerName
      named += [
        ("clusters/\(name)/accuracy", cluster.testAccuracy),
        ("clusters/\(name)/loss", cluster.testLoss),
      ]
    }
    return named.compactMap { name, value in
      value.map { TrackedScalar(name: name, step: report.round, time: time, value: $0) }
    }
  }

  /// The scalars of every stored round.
  static func scalars(of run: RunRecord, in store: RunStore) throws(StoreError) -> [TrackedScalar] {
    var scalars: [TrackedScalar] = []
    let clients = Dictionary(grouping: try store.clientRounds(of: run.runID), by: \.round)
    let clusters = Dictionary(grouping: try store.clusterRounds(of: run.runID), by: \.round)
    for round in try store.rounds(of: run.runID) {
      let trained = clients[round.round] ?? []
      var named: [(String, Double?)] = [
        ("client_mean_accuracy", round.clientMeanAccuracy),
        ("worst_cluster_accuracy", round.worstClusterAccuracy),
        ("train_loss", mean(trained.compactMap(\.trainLoss))),
        ("update_norm", mean(trained.compactMap(\.updateNorm))),
        ("bytes_up", Double(round.bytesUp)), ("bytes_down", Double(round.bytesDown)),
        ("seconds", round.seconds),
      ]
      for cluster in clusters[round.round] ?? [] {
        let name = cluster.name.trackerName
        named += [
          ("clusters/\(name)/accuracy", cluster.testAccuracy),
          ("clusters/\(name)/loss", cluster.testLoss),
        ]
      }
      scalars += named.compactMap { name, value in
        value.map {
          TrackedScalar(name: name, step: round.round, time: round.finishedAt, value: $0)
        }
      }
    }
    return scalars
  }

  /// Every metric of a finished run, at its last round.
  static func finals(_ result: RunResult, at time: Date) -> [TrackedScalar] {
    RunMetric.named.compactMap { name, metric, weighting in
      metric.value(of: result, by: weighting).map {
        TrackedScalar(
          name: "final/\(name)", step: result.rounds, time: time, value: $0,
          isEpsilon: metric.isEpsilon)
      }
    }
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}

extension String {
  /// The text with what trackers refuse in names replaced.
  package var trackerName: String {
    String(
      map { character in
        character.isASCII
          && (character.isLetter || character.isNumber || "_-. ".contains(character))
          ? character : "_"
      })
  }
}
