// Metrics of runs against twins that repeat every client as often as it has examples.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Store
import TestSupport
import Testing

@Suite("Metrics of runs")
struct RunMetricTests {
  /// A client with an accuracy, a loss, training examples, and its true cluster.
  struct Made {
    let accuracy: Double
    let loss: Double
    let weight: Int
    let cluster: Int
    var tests = 10
  }

  /// Cluster 0 is the minority.
  private func result(_ made: [Made], clusters: Int) -> RunResult {
    let clients = made.enumerated().map { index, client in
      ClientResult(
        client: index, cluster: client.cluster, model: client.cluster,
        trainExamples: client.weight, testExamples: client.tests, accuracy: client.accuracy,
        loss: client.loss, epsilon: Double(index), delta: 1e-5, targetEpsilon: 9,
        noiseMultiplier: 1, firstRoundNoiseMultiplier: nil, accountant: "rdp",
        confusion: ConfusionCounts(
          matrix: index % 2 == 0 ? [[3, 1], [2, 4]] : [[1, 3], [0, 6]]))
    }
    return RunResult(
      scenario: "s", scenarioHash: "", method: "global", variant: nil, seed: 0, rounds: 1,
      clients: clients,
      clusters: (0..<clusters).map { cluster in
        let members = made.filter { $0.cluster == cluster }
        return ClusterResult(
          name: "c\(cluster)", clients: members.count, samples: 0,
          accuracy: mean(members.map(\.accuracy)), loss: mean(members.map(\.loss)),
          minority: cluster == 0)
      }, clustering: nil, agreement: nil, unit: .example, relation: .addOrRemoveOne,
      sampling: "poisson", bytesUp: 0, bytesDown: 0, resultDigest: "", notes: [])
  }

  // MARK: - Twins, straight from the definitions in docs/metrics.md

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private func deviation(_ values: [Double]) -> Double {
    mean(values.map { ($0 - mean(values)) * ($0 - mean(values)) }).squareRoot()
  }

  /// Every value twenty times, so that a tenth and a fifth are whole numbers of copies.
  private func tail(_ values: [Double], _ share: Double) -> Double {
    let copies = values.flatMap { Array(repeating: $0, count: 20) }.sorted()
    return mean(Array(copies.prefix(Int((share * Double(copies.count)).rounded()))))
  }

  private func jain(_ values: [Double]) -> Double {
    let sum = values.reduce(0, +)
    return sum == 0 ? 1 : sum * sum / (Double(values.count) * values.reduce(0) { $0 + $1 * $1 })
  }

  private func gini(_ values: [Double]) -> Double {
    let sum = values.reduce(0, +)
    let all = values.reduce(0) { total, x in total + values.reduce(0) { $0 + abs(x - $1) } }
    return sum == 0 ? 0 : all / (2 * Double(values.count) * sum)
  }

  private func gap(_ values: [Double]) -> Double { (values.max() ?? 0) - (values.min() ?? 0) }

  /// What every accuracy and loss metric should be.
  private func expected(
    _ made: [Made], clusters: Int, _ weighting: Weighting
  ) -> [String: Double] {
    func copies(_ clients: [Made]) -> [Made] {
      weighting == .clients
        ? clients : clients.flatMap { Array(repeating: $0, count: $0.weight) }
    }
    let present = made.filter { $0.tests > 0 }
    let clients = copies(present).map(\.accuracy)
    let groups = (0..<clusters).map { cluster in copies(present.filter { $0.cluster == cluster }) }
    let means = groups.map { mean($0.map(\.accuracy)) }
    let repeated =
      weighting == .clients
      ? means
      : zip(means, groups).flatMap { Array(repeating: $0, count: $1.count) }
    let losses = groups.map { mean($0.map(\.loss)) }
    return [
      "worst_cluster_accuracy": means.min() ?? 0, "minority_accuracy": means[0],
      "accuracy_gap": gap(means), "cluster_accuracy_std": deviation(repeated),
      "cluster_bottom10_mean": tail(repeated, 0.1), "cluster_cvar20": tail(repeated, 0.2),
      "cluster_jain": jain(repeated), "cluster_gini": gini(repeated),
      "loss_disparity": gap(losses), "client_mean_accuracy": mean(clients),
      "worst_client_accuracy": clients.min() ?? 0, "client_accuracy_gap": gap(clients),
      "accuracy_std": deviation(clients), "bottom10_mean": tail(clients, 0.1),
      "cvar20": tail(clients, 0.2), "jain": jain(clients), "gini": gini(clients),
      "client_loss_disparity": gap(present.map(\.loss)),
    ]
  }

  private func compare(_ made: [Made], clusters: Int) throws {
    let result = result(made, clusters: clusters)
    for weighting in Weighting.allCases {
      for (name, value) in expected(made, clusters: clusters, weighting) {
        let metric = try #require(RunMetric.all.first { $0.name == name })
        let own = try #require(metric.value(of: result, by: weighting), "\(metric)")
        #expect(
          isClose(own, value, relative: 1e-9, absolute: 1e-12),
          "\(metric.name(by: weighting)): \(own), not \(value)")
      }
    }
  }

  @Test("every metric in both weightings equals its definition: ties, one client, equal values")
  func definitions() throws {
    try compare(
      [
        Made(accuracy: 0.4, loss: 1.5, weight: 3, cluster: 0),
        Made(accuracy: 0.9, loss: 0.2, weight: 1, cluster: 1),
        Made(accuracy: 0.9, loss: 0.2, weight: 2, cluster: 1),
        Made(accuracy: 0.6, loss: 0.7, weight: 7, cluster: 2),
        Made(accuracy: 0.4, loss: 1.1, weight: 4, cluster: 2),
      ], clusters: 3)
    try compare([Made(accuracy: 0.3, loss: 2, weight: 5, cluster: 0)], clusters: 1)
    try compare(
      (0..<4).map { Made(accuracy: 0.5, loss: 1, weight: $0 + 1, cluster: $0 % 2) }, clusters: 2)
    try compare(
      (0..<12).map { Made(accuracy: 0, loss: 3, weight: 1 + $0 % 3, cluster: $0 % 3) },
      clusters: 3)
    try compare(
      (0..<21).map {
        Made(
          accuracy: Double($0 * 7 % 13) / 13, loss: Double($0 * 5 % 11), weight: 1 + $0 % 4,
          cluster: $0 < 3 ? 0 : 1 + $0 % 3)
      }, clusters: 4)
  }

  @Test("by hand: weights change the mean and the worst cluster, not the worst client")
  func byHand() throws {
    let result = result(
      [
        Made(accuracy: 0.2, loss: 2, weight: 30, cluster: 0),
        Made(accuracy: 0.8, loss: 1, weight: 10, cluster: 0),
        Made(accuracy: 0.6, loss: 1, weight: 60, cluster: 1),
      ], clusters: 2)
    func value(_ metric: RunMetric, _ weighting: Weighting) throws -> Double {
      try #require(metric.value(of: result, by: weighting))
    }
    #expect(isClose(try value(.worstClusterAccuracy, .clients), 0.5))
    #expect(isClose(try value(.worstClusterAccuracy, .samples), 0.35))
    #expect(isClose(try value(.clientMeanAccuracy, .clients), 1.6 / 3))
    #expect(isClose(try value(.clientMeanAccuracy, .samples), 0.5))
    #expect(isClose(try value(.accuracyGap, .samples), 0.25))
    #expect(isClose(try value(.lossDisparity, .clients), 0.5))
    #expect(isClose(try value(.lossDisparity, .samples), 0.75))
    #expect(try value(.worstClientAccuracy, .samples) == 0.2)
    #expect(try value(.epsilonMax, .clients) == 2)
    // Cluster 0 has both tables, cluster 1 the first: TPR of class 0 is 4/8 and 3/4.
    #expect(isClose(try value(.equalizedOddsGap, .clients), 0.25))
  }

  @Test(
    "a client without test examples is missing; without minorities and clusters there is no figure")
  func missing() throws {
    let made = [
      Made(accuracy: 0.9, loss: 1, weight: 4, cluster: 0),
      Made(accuracy: 0, loss: 0, weight: 9, cluster: 0, tests: 0),
      Made(accuracy: 0.5, loss: 2, weight: 2, cluster: 1),
    ]
    let result = result(made, clusters: 2)
    #expect(RunMetric.worstClientAccuracy.value(of: result) == 0.5)
    #expect(RunMetric.clientMeanAccuracy.value(of: result) == 0.7)
    #expect(RunMetric.minorityAccuracy.value(of: result, by: .samples) == 0.9)
    for name in ["ari", "nmi", "purity", "minority_detected"] {
      let metric = try #require(RunMetric.all.first { $0.name == name })
      #expect(metric.value(of: result) == nil)
    }
    let nobody = self.result([], clusters: 0)
    for metric in RunMetric.all where metric != .epsilonMax {
      #expect(metric.value(of: nobody) == nil, "\(metric)")
    }
  }

  @Test("names of metrics are those of the documents, each once")
  func names() throws {
    let names = RunMetric.all.flatMap { metric in
      (metric.hasSampleWeights ? Weighting.allCases : [.clients]).map { metric.name(by: $0) }
    }
    #expect(Set(names).count == names.count)
    #expect(RunMetric.clientMeanAccuracy.name(by: .samples) == "sample_mean_accuracy")
    #expect(RunMetric.bottom10Mean.name(by: .samples) == "sample_bottom10_mean")
  }

  @Test("the table of docs/metrics.md is that of the metrics")
  func reference() throws {
    let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/metrics.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    let head = try #require(text.range(of: "<!-- metrics -->\n\n"))
    let tail = try #require(text.range(of: "\n<!-- end -->"))
    let made = text[..<head.upperBound] + RunMetric.reference + text[tail.lowerBound...]
    if ProcessInfo.processInfo.environment["DPFLSIM_UPDATE"] != nil {
      try Data(made.utf8).write(to: file)
    }
    #expect(
      try String(contentsOf: file, encoding: .utf8) == made,
      "docs/metrics.md is out of date; run DPFLSIM_UPDATE=1 tools/test, read the change")
  }

  @Test("a metric of one's own is in comparisons; a name that is taken is refused")
  func added() throws {
    let metric = RunMetric(
      "test_clients", "Clients.", unit: .number(decimals: 0, in: 0 ... .infinity)
    ) {
      $0.clients.isEmpty ? nil : Double($0.clients.count)
    }
    try RunMetric.add(metric)
    #expect(RunMetric.all.last == metric)
    #expect(throws: MetricError.self) { try RunMetric.add(metric) }
    #expect(throws: MetricError.self) {
      try RunMetric.add(RunMetric("ari", "Another.") { _ in 0 })
    }
  }
}
