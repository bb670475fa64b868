// Frozen features of earlier runs: every piece that fits is taken, and no bit of a result depends on it.

import Datasets
import Federation
import Foundation
import Scenarios
import Synchronization
import Testing

/// Keeps pieces in memory and counts what is asked for.
private final class MemoryCache: FeatureCache {
  struct Content {
    var pieces: [String: Data] = [:]
    var found = 0
  }
  let content = Mutex(Content())

  func piece(_ place: Int, forKey key: String) -> Data? {
    content.withLock { content in
      let piece = content.pieces["\(key) \(place)"]
      if piece != nil { content.found += 1 }
      return piece
    }
  }

  func keep(_ piece: Data, at place: Int, forKey key: String, of bytes: Int) {
    content.withLock { $0.pieces["\(key) \(place)"] = piece }
  }
}

@Suite("Kept features")
struct KeptFeaturesTests {
  private let small = [
    "rounds=2", "data.public_examples=640", "model.pretraining.epochs=1",
    "population.test_examples_per_client=20", "population.clusters[0].examples_per_client=60",
    "population.clusters[1].examples_per_client=60",
    "population.clusters[2].examples_per_client=60",
    "population.clusters[3].examples_per_client=60",
  ]

  private func scenario(_ file: String, _ changes: [String] = []) throws -> Scenario {
    try Scenario(
      json: Data(
        contentsOf: packageFolder.appendingPathComponent("scenarios/\(file).json")),
      overrides: small + changes)
  }

  private func digest(_ scenario: Scenario, _ cache: MemoryCache?) async throws -> String {
    var options = SimulationOptions(workers: 2)
    options.featureCache = cache
    return try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(), options: options
    ).run(observer: Recorder()).result.resultDigest
  }

  // Features are inputs of the classifier, or products of the first adapted layer in half precision.
  @Test(
    "a run that finds all features has the digest of one that computes them",
    .enabled(
      if: SimulationTests.hasFashionMNIST, "Fashion-MNIST is not installed; tools/setup installs it"
    ),
    arguments: ["skewed", "skewed-lora"])
  func sameDigest(_ file: String) async throws {
    let scenario = try scenario(file)
    let cache = MemoryCache()
    let expected = try await digest(scenario, nil)
    #expect(try await digest(scenario, cache) == expected)
    let kept = cache.content.withLock { $0.pieces.count }
    #expect(kept == 2 * scenario.clientCount)
    #expect(cache.content.withLock { $0.found } == 0)
    #expect(try await digest(scenario, cache) == expected)
    #expect(cache.content.withLock { $0.found } == kept)
    // Another budget finds them, another base model does not.
    _ = try await digest(try self.scenario(file, ["privacy.target_epsilon=2"]), cache)
    #expect(cache.content.withLock { $0.found } == 2 * kept)
    _ = try await digest(try self.scenario(file, ["model.pretraining.epochs=2"]), cache)
    #expect(cache.content.withLock { $0.found } == 2 * kept)
    // Pieces of another length are computed anew.
    cache.content.withLock { content in
      for key in content.pieces.keys { content.pieces[key]?.removeLast(4) }
    }
    #expect(try await digest(scenario, cache) == expected)
  }

  @Test(
    "features of a user's own data are never kept",
    .enabled(
      if: SimulationTests.hasFashionMNIST, "Fashion-MNIST is not installed; tools/setup installs it"
    ))
  func ownData() async throws {
    let folder = try #require(DatasetCatalog().folder(of: KnownDataset.named("fashion-mnist"))).path
    let cache = MemoryCache()
    _ = try await digest(try scenario("skewed", ["data.path=\"\(folder)\""]), cache)
    #expect(cache.content.withLock { $0.pieces.isEmpty })
  }
}
