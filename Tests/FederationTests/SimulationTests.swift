// Whole runs on synthetic data: reproducible to the bit, within budget, and every method does what its
// name says.

import Datasets
import Federation
import Foundation
import Privacy
import Scenarios
import Testing

@Suite("Runs")
struct SimulationTests {
  @Test("a layer trained whole beside an adapter is trained, averaged and clipped with it")
  func modulesToSave() async throws {
    func outcome(_ saved: String, workers: Int = 2) async throws -> RunOutcome {
      let document =
        "{\"type\": \"lora\", \"r\": 2, \"lora_alpha\": 4, \"target_modules\": [\"fc1\"]\(saved)}"
      return try await run(
        try scenario(
          "model={\"name\": \"mlp\", \"hidden\": [8]}", "adapter=\(document)",
          "method={\"name\": \"global\"}", "rounds=2"), workers: workers)
    }
    let plain = try await outcome("")
    let saved = try await outcome(", \"modules_to_save\": [\"fc2\"]")
    let names = { (outcome: RunOutcome) in outcome.models[0].tensors.map(\.name) }
    #expect(names(plain) == ["fc1.lora_B"])
    #expect(names(saved) == ["fc1.lora_B", "fc2.weight", "fc2.bias"])
    let base = try #require(saved.models.first { $0.name == "base" })
    let start = try #require(base.tensors.first { $0.name == "fc2.weight" })
    let end = try #require(saved.models[0].tensors.first { $0.name == "fc2.weight" })
    #expect(start.values != end.values)
    let again = try await outcome(", \"modules_to_save\": [\"fc2\"]", workers: 1)
    #expect(again.result.resultDigest == saved.result.resultDigest)
  }

  @Test("the same seed gives the same digest with 1, 2 and 4 workers, twice", arguments: allMethods)
  func reproducible(_ method: String) async throws {
    let scenario = try scenario("method={\"name\": \"\(method)\"}", "rounds=5")
    var digests: Set<String> = []
    for workers in [1, 2, 4, 1, 2, 4] {
      digests.insert(try await run(scenario, workers: workers).result.resultDigest)
    }
    #expect(digests.count == 1)
    let other = try await run(
      try Scenario(document: scenario.resolved.setting("seed", to: 5)))
    #expect(!digests.contains(other.result.resultDigest))
  }

  @Test("the picture without noise is there with privacy alone, and shows the true clusters")
  func projectionWithoutNoise() async throws {
    let noisy = try await run(scenario("rounds=2", "privacy.target_epsilon=0.1")).result
    let points = try #require(noisy.clustering?.projectionWithoutNoise)
    #expect(points.count == noisy.clients.count && points.allSatisfy { $0.count == 2 })
    // Every client is nearest to one of its own cluster: the noise would have drowned that.
    for client in noisy.clients {
      let others = noisy.clients.filter { $0.client != client.client }
      func distance(_ other: ClientResult) -> Double {
        zip(points[client.client], points[other.client]).reduce(0) {
          $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
        }
      }
      let nearest = others.min { distance($0) < distance($1) }
      #expect(nearest?.cluster == client.cluster)
    }
    let open = try await run(scenario("rounds=2", "privacy.target_epsilon=null")).result
    #expect(open.clustering != nil && open.clustering?.projectionWithoutNoise == nil)
  }

  @Test("clipping without noise changes runs without privacy alone, and gives no epsilon")
  func clipsWithoutNoise() async throws {
    func result(_ changes: String...) async throws -> RunResult {
      let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
      let scenario = try Scenario(
        json: Data(contentsOf: url),
        overrides: ["rounds=3", "method={\"name\": \"global\"}", "privacy.max_grad_norm=0.05"]
          + changes)
      return try await run(scenario).result
    }
    let (clips, none) = ("privacy.clips_without_noise=true", "privacy.target_epsilon=null")
    #expect(try await result(clips).resultDigest == result().resultDigest)
    let clipped = try await result(clips, none)
    #expect(try await clipped.resultDigest != result(none).resultDigest)
    #expect(clipped.clients.allSatisfy { $0.epsilon == nil })
  }

  @Test("epsilon from the ledger never exceeds the target", arguments: allMethods)
  func withinBudget(_ method: String) async throws {
    for epsilon in ["0.5", "5", "20"] {
      let observer = Recorder()
      let outcome = try await run(
        try scenario(
          "method={\"name\": \"\(method)\"}", "rounds=4", "privacy.target_epsilon=\(epsilon)"),
        observer: observer)
      let target = try #require(Double(epsilon))
      for client in outcome.result.clients {
        let spent = try #require(client.epsilon)
        #expect(spent <= target && spent > 0.5 * target)
        // The same number from the rounds' own entries.
        let entries = await observer.ledger.filter { $0.client == client.client }
        let event = PrivacyEvent.composed(entries.map(\.event))
        let again = try BestAccountant().epsilon(of: event, delta: client.delta)
        #expect(abs(again - spent) < 1e-9 * spent)
      }
    }
  }

  @Test(
    "without a target epsilon nothing is noised and no epsilon is claimed", arguments: allMethods)
  func nonPrivate(_ method: String) async throws {
    let observer = Recorder()
    let outcome = try await run(
      try scenario(
        "method={\"name\": \"\(method)\"}", "rounds=4", "privacy.target_epsilon=null"),
      observer: observer)
    #expect(outcome.result.clients.allSatisfy { $0.epsilon == nil && $0.noiseMultiplier == nil })
    let ledger = await observer.ledger
    #expect(!ledger.isEmpty && ledger.allSatisfy { $0.mechanism == .nonPrivate })
  }

  @Test("R-DPCFL finds the clusters, pays for each selection, and is about as good as the oracle")
  func robustClustered() async throws {
    let observer = Recorder()
    let outcome = try await run(try scenario(), observer: observer)
    let result = outcome.result
    #expect(result.agreement?.ari == 1)
    #expect(result.agreement?.minorityIsolated == true)
    #expect(result.clustering?.chosenClusters == 3)
    let selections = await observer.ledger.filter { $0.purpose == .clusterSelection }
    // 0.1 of 8 rounds is one round: one selection a client.
    #expect(selections.count == result.clients.count)
    #expect(selections.allSatisfy { $0.sensitivity == 0.5 && $0.selectionEpsilon == 0.03 * 5 })
    let oracle = try await run(try scenario("method={\"name\": \"oracle\"}"))
    #expect(accuracy(outcome) > accuracy(oracle) - 0.03)
    let global = try await run(try scenario("method={\"name\": \"global\"}"))
    #expect(accuracy(outcome) > accuracy(global) + 0.2)
  }

  @Test("clusters survive a run so short that no soft round is due")
  func shortRun() async throws {
    for rounds in 2...4 {
      let outcome = try await run(try scenario("rounds=\(rounds)"))
      #expect(outcome.result.agreement?.ari == 1)
    }
  }

  @Test("selection and clustering cost noise: R-DPCFL's multiplier is above the oracle's")
  func costs() async throws {
    let clustered = try await run(try scenario())
    let oracle = try await run(try scenario("method={\"name\": \"oracle\"}"))
    let first = try #require(clustered.result.clients[0].noiseMultiplier)
    let second = try #require(oracle.result.clients[0].noiseMultiplier)
    #expect(first > second)
    let ratio = try await run(
      try scenario("method={\"name\": \"r-dpcfl\", \"first_round_noise_ratio\": 3}"))
    let own = ratio.result.clients[0]
    #expect(try #require(own.noiseMultiplier) < first)
    let quotient =
      try #require(own.firstRoundNoiseMultiplier) / (try #require(own.noiseMultiplier))
    #expect(abs(quotient - 3) < 1e-6)
  }

  @Test("MR-MTL acts: lambda 0 is local training, a large lambda pulls the models together")
  func meanRegularized() async throws {
    func models(_ method: String) async throws -> [[Float]] {
      try await run(try scenario("method=\(method)", "rounds=4")).models.map {
        $0.tensors.flatMap(\.values)
      }
    }
    func spread(_ models: [[Float]]) -> Double {
      let n = Float(models.count)
      return models[0].indices.reduce(0.0) { total, i in
        let mean = models.reduce(0) { $0 + $1[i] } / n
        return total + models.reduce(0.0) { $0 + Double(($1[i] - mean) * ($1[i] - mean)) }
      }
    }
    let local = try await models("{\"name\": \"local\"}")
    #expect(try await models("{\"name\": \"mr-mtl\", \"lambda\": 0}") == local)
    let weak = try await models("{\"name\": \"mr-mtl\", \"lambda\": 0.1}")
    let strong = try await models("{\"name\": \"mr-mtl\", \"lambda\": 1}")
    #expect(spread(weak) < 0.9 * spread(local))
    #expect(spread(strong) < 0.5 * spread(weak))
  }

  @Test("as-released selects once too often and costs more than it claims")
  func asReleased() async throws {
    let observer = Recorder()
    let outcome = try await run(
      try scenario(
        "rounds=20", "privacy.target_epsilon=15",
        "method={\"name\": \"r-dpcfl\", \"variant\": \"as-released\"}"),
      observer: observer)
    let selections = await observer.ledger.filter {
      $0.purpose == .clusterSelection && $0.client == 0
    }
    #expect(selections.reduce(0) { $0 + $1.count } == 3)
    let spent = try #require(outcome.result.clients[0].epsilon)
    #expect(spent > 15)
    // The forecast counts what the ledger will have.
    let forecast = try PrivacyLinter(
      scenario: try scenario(
        "rounds=20", "privacy.target_epsilon=15",
        "method={\"name\": \"r-dpcfl\", \"variant\": \"as-released\"}"),
      catalog: DatasetCatalog()
    ).report().groups[0]
    #expect(forecast.plan.selections == 3)
    #expect(abs(try #require(forecast.epsilon) / spent - 1) < 1e-6)
    #expect(!outcome.result.notes.isEmpty)
    let z = try #require(outcome.result.clients[0].noiseMultiplier)
    #expect(abs(z * 100 - (z * 100).rounded()) < 1e-9)
  }

  @Test("a resampled selection costs the claimed epsilon times the largest multiplicity")
  func resampled() {
    // One batch at rate 1: every record exactly once; only the margin for the size remains.
    let once = ResampledSelection.epsilon(
      claimed: 0.1, batches: 1, examples: 1_000_000, candidates: 4, failure: 1e-6)
    #expect(once > 0.1 && once < 0.102)
    let many = ResampledSelection.epsilon(
      claimed: 0.1, batches: 250, examples: 8000, candidates: 4, failure: 1e-9)
    #expect(many > 0.9 && many < 1.6)
  }

  @Test("cohorts, single rounds of evaluation, and unequal budgets and sizes work together")
  func mixed() async throws {
    let observer = Recorder()
    let outcome = try await run(
      try scenario(
        "cohort_size=4", "evaluation.every=3",
        "population.clusters[0].privacy={\"target_epsilon\": 1}",
        "population.clusters[1].privacy={\"target_epsilon\": null}",
        "population.clusters[2].examples_per_client={\"min\": 100, \"max\": 400}"),
      observer: observer)
    for client in outcome.result.clients {
      switch client.cluster {
      case 0: #expect(try #require(client.epsilon) <= 1)
      case 1: #expect(client.epsilon == nil)
      default: #expect(try #require(client.epsilon) <= 5)
      }
    }
    let rounds = await observer.rounds
    #expect(rounds.count == 8)
    #expect(
      rounds.map { $0.clients.count(where: \.participated) } == [8] + Array(repeating: 4, count: 7))
    #expect(
      rounds.map { $0.clientMeanAccuracy != nil } == [
        false, false, true, false, false, true, false, true,
      ])
  }

  @Test("a budget that no noise can meet is refused before training")
  func unreachable() async throws {
    let scenario = try scenario(
      "privacy.target_epsilon=0.001", "privacy.target_delta=1e-12",
      "method={\"name\": \"r-dpcfl\", \"selection_epsilon_ratio\": 0.9, \"selection_rounds_ratio\": 1}"
    )
    await #expect(throws: FederationError.self) { try await run(scenario) }
  }

  static let hasFashionMNIST =
    (try? DatasetCatalog().verify("fashion-mnist").first?.isUsable) == true

  @Test(
    "the cache of frozen features changes no bit of a run on images",
    .enabled(if: hasFashionMNIST, "Fashion-MNIST is not installed; tools/setup installs it"))
  func featureCache() async throws {
    let scenario = try scenario(
      "rounds=2", "data.public_examples=640",
      "model.pretraining.epochs=1", "population.test_examples_per_client=20",
      "population.clusters[0].examples_per_client=60",
      "population.clusters[1].examples_per_client=60",
      "population.clusters[2].examples_per_client=60",
      "population.clusters[3].examples_per_client=60", file: "skewed-lora")
    let digests = [
      try await run(scenario, featureMemory: 0).result.resultDigest,
      try await run(scenario, featureMemory: 5 << 20).result.resultDigest,
      try await run(scenario, workers: 3, featureMemory: 400 << 20).result.resultDigest,
    ]
    #expect(Set(digests).count == 1)
  }
}
