// Stores of made-up runs for the tests of comparisons and reports: every accuracy is chosen here.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store

enum Grid {
  /// Clients 0 and 1 are the minority `few`, the others `many`.
  static let json = """
    {
      "name": "grid", "rounds": 2, "description": "<script>alert('x')</script> & \\"more\\"",
      "data": { "name": "synthetic" },
      "population": {
        "clusters": [
          { "name": "few", "clients": 2, "minority": true, "examples_per_client": 100 },
          { "name": "many", "clients": 3, "examples_per_client": 200 }
        ]
      },
      "model": { "name": "logistic" },
      "local": { "batch_size": 20, "learning_rate": 0.1 },
      "privacy": { "target_epsilon": 5, "target_delta": 1e-4 },
      "method": { "name": "r-dpcfl" }
    }
    """

  static let epsilons: [Double?] = [1, 2, 4, 8, nil]
  static let methods = ["r-dpcfl", "global", "oracle"]
  static let seeds: [UInt64] = [0, 1, 2]

  /// Chosen so that privacy costs the minority more and r-dpcfl beats global.
  static func accuracies(_ method: String, _ epsilon: Double?, _ seed: UInt64) -> [Double] {
    let gain = 1 - 0.3 / (epsilon ?? 100)
    let level = ["r-dpcfl": 0.8, "global": 0.6, "oracle": 0.85][method] ?? 0.5
    return (0..<5).map { client in
      let own = client < 2 ? level * gain * gain - 0.1 : level * gain
      return own + 0.01 * Double((client * 7 + Int(seed) * 3) % 5)
    }
  }

  static func scenario(_ method: String, _ epsilon: Double?, _ seed: UInt64) throws -> Scenario {
    try Scenario(
      json: Data(json.utf8),
      overrides: [
        "method={\"name\":\"\(method)\"}",
        "privacy.target_epsilon=\(epsilon.map { "\($0)" } ?? "null")", "seed=\(seed)",
      ])
  }

  static func result(
    _ method: String, _ epsilon: Double?, _ seed: UInt64, few: String = "few",
    proven: Double? = nil
  ) throws -> RunResult {
    let accuracies = accuracies(method, epsilon, seed)
    let clients = accuracies.enumerated().map { client, accuracy in
      ClientResult(
        client: client, cluster: client < 2 ? 0 : 1, model: client < 2 ? 0 : 1,
        trainExamples: client < 2 ? 100 : 200, testExamples: 50, accuracy: accuracy,
        loss: 2 - accuracy, epsilon: proven ?? epsilon, delta: 1e-4, targetEpsilon: epsilon,
        noiseMultiplier: epsilon.map { 1 / $0 }, firstRoundNoiseMultiplier: nil,
        accountant: epsilon == nil ? nil : "rdp",
        confusion: ConfusionCounts(matrix: [[20, 5], [10, 15]]))
    }
    func cluster(_ name: String, _ members: Range<Int>, _ minority: Bool) -> ClusterResult {
      let mean = members.reduce(0) { $0 + accuracies[$1] } / Double(members.count)
      return ClusterResult(
        name: name, clients: members.count, samples: 100, accuracy: mean, loss: 2 - mean,
        minority: minority)
    }
    // In seed 2 the minority shares a model.
    let agreement = AgreementReport(
      ari: seed == 2 ? 0.5 : 1, nmi: 1, purity: 1, misassignedClients: seed == 2 ? [1, 4] : [],
      firstCorrectRound: 1, minorityIsolated: seed != 2)
    let clustering = ClusteringReport(
      chosenClusters: seed == 2 ? 3 : 2,
      candidates: [
        ClusteringReport.Candidate(
          clusters: 2, minSeparationScore: 5 + Double(seed), maxPairwiseOverlap: 0.1, bic: nil,
          emIterations: 7 + Int(seed)),
        ClusteringReport.Candidate(
          clusters: 3, minSeparationScore: seed == 2 ? 8 : nil, maxPairwiseOverlap: nil, bic: nil,
          emIterations: nil),
      ], mss: 5, mpo: 0.1, switchRound: 1 + Int(seed), isConfident: true,
      projection: (0..<5).map { [Double($0), Double($0 * $0)] },
      projectionWithoutNoise: epsilon == nil ? nil : (0..<5).map { [Double($0), 1] },
      posteriors: [])
    return RunResult(
      scenario: "grid", scenarioHash: try scenario(method, epsilon, seed).hash, method: method,
      variant: nil, seed: seed, rounds: 2, clients: clients,
      clusters: [cluster(few, 0..<2, true), cluster("many", 2..<5, false)],
      clustering: method == "r-dpcfl" ? clustering : nil,
      agreement: method == "r-dpcfl" ? agreement : nil, unit: .example,
      relation: .addOrRemoveOne, sampling: "poisson", bytesUp: 1, bytesDown: 1,
      resultDigest: String(repeating: "ab", count: 32), notes: ["<b>note</b>"])
  }

  @discardableResult
  static func store(
    _ method: String, _ epsilon: Double?, _ seed: UInt64, few: String = "few",
    proven: Double? = nil, in store: RunStore
  ) async throws -> String {
    let recorder = try RunRecorder(
      store: store, scenario: try scenario(method, epsilon, seed), workers: 1,
      machine: "a <i>machine</i>")
    for number in 1...2 { try await recorder.receive(.finishedRound(Sample.round(number))) }
    try await recorder.finish(
      try result(method, epsilon, seed, few: few, proven: proven), models: [:],
      cost: RunRecorder.Cost(wallSeconds: 1, peakRSSBytes: nil))
    return recorder.runID
  }

  /// The whole grid in a store.
  static func withStore<Value>(_ body: (RunStore) async throws -> Value) async throws -> Value {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      for method in methods {
        for epsilon in epsilons {
          for seed in seeds { try await Self.store(method, epsilon, seed, in: store) }
        }
      }
      return try await body(store)
    }
  }

  // MARK: - Brute force

  static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// Mean over seeds of the accuracy of a cluster, straight from the chosen numbers.
  static func cluster(_ cluster: Int, _ method: String, _ epsilon: Double?) -> Double {
    mean(
      seeds.map { seed in
        let all = accuracies(method, epsilon, seed)
        return mean(Array(cluster == 0 ? all[0..<2] : all[2..<5]))
      })
  }

  static func worst(_ method: String, _ epsilon: Double?) -> Double {
    mean(
      seeds.map { seed in
        let all = accuracies(method, epsilon, seed)
        return min(mean(Array(all[0..<2])), mean(Array(all[2..<5])))
      })
  }
}
