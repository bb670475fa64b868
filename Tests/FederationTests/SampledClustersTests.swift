// A first round of more clients than are clustered at once finds what one of all clients finds, and depends on nothing
// but the scenario.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

@Suite("Sampled clusters")
struct SampledClustersTests {
  /// Sixty clients in three clusters.
  private static func scenario(_ method: String, _ changes: [String] = []) throws -> Scenario {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    return try Scenario(
      json: Data(contentsOf: url),
      overrides: [
        "rounds=3", "population.clusters[0].clients=12", "population.clusters[1].clients=24",
        "population.clusters[2].clients=24", "data.synthetic.train_examples=20000",
        "data.synthetic.test_examples=2000", "method=\(method)",
      ] + changes)
  }

  @Test(
    "every client comes to its true cluster, in the sample or not",
    arguments: [
      #"{"name": "r-dpcfl", "clustering_sample": 20}"#,
      #"{"name": "k-means", "clustering_sample": 20}"#,
    ])
  func truth(method: String) async throws {
    for changes in [[], ["privacy.target_epsilon=null"]] {
      let recorder = Recorder()
      let outcome = try await run(try Self.scenario(method, changes), observer: recorder)
      #expect(await recorder.rounds[0].clustersAreTrue == true)
      #expect(outcome.result.agreement?.ari == 1)
      #expect(outcome.result.notes.contains { $0.contains("of 20 of 60 clients") })
    }
  }

  @Test("a sample of all clients is no sample; a smaller one has its own bits and all coordinates")
  func sizes() async throws {
    func clustering(_ size: Int) async throws -> (ClusteringReport, String) {
      let result = try await run(
        try Self.scenario("{\"name\": \"r-dpcfl\", \"clustering_sample\": \(size)}")
      ).result
      return (try #require(result.clustering), result.resultDigest)
    }
    let (all, more, some) = try await (clustering(60), clustering(2000), clustering(24))
    #expect(all.1 == more.1 && all.0 == more.0 && some.1 != all.1)
    #expect(all.0.projectionWithoutNoise?.count == 60)
    #expect(some.0.projection.count == 60 && some.0.posteriors.count == 60)
    // What the simulator alone sees is not kept of clients that leave their updates behind.
    #expect(some.0.projectionWithoutNoise == nil)
    #expect(some.0.posteriors.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-12 })
  }

  @Test("thresholds that clients learn in the first round are taken over, from all of them")
  func thresholds() async throws {
    func models(_ size: Int) async throws -> FederatedState {
      let recorder = Recorder()
      _ = try await run(
        try Self.scenario(
          "{\"name\": \"r-dpcfl\", \"clustering_sample\": \(size), \"num_clusters\": 3}",
          [
            "model={\"name\": \"mlp\", \"hidden\": [6]}",
            "privacy.clipping={\"name\": \"per-layer-adaptive\"}",
          ]), observer: recorder)
      return try #require(await recorder.checkpoints.first).state
    }
    let (all, some) = try await (models(60), models(20))
    let expected = try #require(all.thresholds)
    let found = try #require(some.thresholds)
    #expect(found.count == 3)
    // The same sixty releases; clusters may have other numbers.
    #expect(Set(found) == Set(expected))
  }

  @Test("what factors of adapters mean is clustered alike, whatever the workers")
  func adapters() async throws {
    let lora =
      #"{"type": "lora", "r": 2, "lora_alpha": 2, "target_modules": ["fc1"], "aggregation": "fedit"}"#
    let scenario = try Self.scenario(
      #"{"name": "r-dpcfl", "clustering_sample": 20, "num_clusters": 3}"#,
      ["model={\"name\": \"mlp\", \"hidden\": [6]}", "adapter=\(lora)"])
    let result = try await run(scenario, workers: 1).result
    #expect(result.clustering?.chosenClusters == 3)
    let digest = result.resultDigest
    #expect(try await run(scenario, workers: 3).result.resultDigest == digest)
  }

  @Test(
    "more clusters or components than the sample are refused with their place",
    arguments: ["num_clusters", "components"])
  func refused(key: String) throws {
    let error = try #require(throws: ScenarioError.self) {
      try Self.scenario("{\"name\": \"r-dpcfl\", \"clustering_sample\": 5, \"\(key)\": 6}")
    }
    #expect("\(error)".contains("method.\(key): must be at most clustering_sample, 5, got 6"))
  }

  @Test("memory is forecast for what is held")
  func forecast() throws {
    func peak(_ size: Int) throws -> Int {
      try CostForecast(
        of: Self.scenario("{\"name\": \"r-dpcfl\", \"clustering_sample\": \(size)}"),
        catalog: Sound.catalog
      ).peakBytes
    }
    // Updates of 52 floats, twice.
    #expect(try peak(60) - peak(20) == 40 * 52 * 8)
    #expect(try peak(60) == peak(2000))
  }
}
