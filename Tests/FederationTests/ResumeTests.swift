// Interrupted runs end as uninterrupted ones do, to the bit, or say why they cannot.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

/// Cancels its run after so many rounds.
private actor Stopper: RunObserver {
  private let rounds: Int
  private(set) var checkpoints: [RunCheckpoint] = []

  init(after rounds: Int) { self.rounds = rounds }

  func receive(_ event: RunEvent) throws {
    switch event {
    case .preparing, .started, .announced, .released: return
    case .finishedRound(let report): if report.round == rounds { throw CancellationError() }
    case .checkpoint(let checkpoint): checkpoints.append(checkpoint)
    }
  }
}

@Suite("Resuming")
struct ResumeTests {
  /// What a file would have kept.
  static func reread(_ checkpoint: RunCheckpoint) throws -> RunCheckpoint {
    try JSONDecoder().decode(RunCheckpoint.self, from: JSONEncoder().encode(checkpoint))
  }

  static func simulation(
    _ scenario: Scenario, workers: Int = 2, checkpoints: CheckpointPolicy = .rounds(1)
  ) -> Simulation {
    Simulation(
      scenario: scenario, catalog: DatasetCatalog(),
      options: SimulationOptions(
        workers: workers, featureMemory: 64 << 20, checkpoints: checkpoints))
  }

  static let settings: [[String]] =
    allMethods.map { ["method={\"name\": \"\($0)\"}"] } + [
      ["privacy.individual=true"],
      ["privacy.unit=client", "method={\"name\": \"global\"}", "privacy.noise_multiplier=8"],
      ["cohort_size=4"],
      [
        "privacy.noise_multiplier=0.9", "privacy.on_budget_exhausted=continue",
        "privacy.target_epsilon=4", "privacy.accountant=rdp", "method={\"name\": \"global\"}",
        "population.clusters[1].privacy={\"target_epsilon\": 1000}",
      ],
      ["method.variant=as-released"],
      ["method.clustering_sample=6", "method.num_clusters=3"],
      ["method={\"name\": \"k-means\", \"clustering_sample\": 6}"],
    ] + adapters.map { [#"model={"name": "mlp", "hidden": [8]}"#, "adapter={\($0)}"] }

  /// Kinds and rules that choose, project or refit something anew in every round.
  private static let adapters =
    [
      "rolora", "flexlora", "flora", "fedsa-lora", "fedex-lora", "lora-fair", "deer", "fedsvd",
      "fedask",
    ].map {
      #""type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc1", "fc2"], "aggregation": "\#($0)""#
    } + [
      #""type": "rgp", "r": 2, "target_modules": ["fc1", "fc2"]"#,
      #""type": "prism", "r": 2, "target_modules": ["fc1", "fc2"]"#,
      #""type": "random-projection", "r": 3, "modules_to_save": ["fc2"]"#,
      #""type": "op-lora", "r": 2, "lora_alpha": 4, "hidden": 3, "target_modules": ["fc1"]"#,
      #""type": "mixture", "experts": 2, "r": 2, "lora_alpha": 4, "target_modules": ["fc1"]"#,
      #""type": "finegates", "target_modules": ["fc1", "fc2"], "penalty": 0.1"#,
      #""type": "sparse", "r": 1, "target_modules": ["fc1"], "mask": "private""#,
    ]

  @Test("from every round on, the rest of the run is the same to the bit", arguments: settings)
  func everyRound(_ changes: [String]) async throws {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    let scenario = try Scenario(json: Data(contentsOf: url), overrides: ["rounds=6"] + changes)
    let whole = Recorder()
    let expected = try await Self.simulation(scenario).run(observer: whole)
    let (checkpoints, ledger) = (await whole.checkpoints, await whole.ledger)
    #expect(checkpoints.map(\.round) == Array(1...6))
    if changes.contains("privacy.on_budget_exhausted=continue") {
      #expect(expected.result.notes.contains { $0.contains("before round 4") })
    }
    for (index, checkpoint) in checkpoints.enumerated() {
      let rest = Recorder()
      let outcome = try await Self.simulation(scenario, workers: 1 + index % 2).run(
        observer: rest,
        from: ResumePoint(checkpoint: Self.reread(checkpoint), ledger: ledger, of: scenario))
      #expect(outcome.result == expected.result, "from round \(checkpoint.round)")
      #expect(await rest.rounds.map(\.round) == Array(checkpoint.round..<6).map { $0 + 1 })
    }
  }

  @Test("a cancelled run leaves its last finished round, however rare checkpoints are")
  func cancelled() async throws {
    let scenario = try scenario("rounds=6")
    let expected = try await run(scenario)
    for policy in [CheckpointPolicy.rounds(4), .seconds(1000), .rounds(1), .usual] {
      let stopper = Stopper(after: 3)
      await #expect(throws: CancellationError.self) {
        try await Self.simulation(scenario, checkpoints: policy).run(observer: stopper)
      }
      let checkpoint = try #require(await stopper.checkpoints.last)
      #expect(checkpoint.round == 3)
      let whole = Recorder()
      try await run(scenario, observer: whole)
      let outcome = try await Self.simulation(scenario).run(
        observer: Recorder(),
        from: ResumePoint(checkpoint: checkpoint, ledger: await whole.ledger, of: scenario))
      #expect(outcome.result.resultDigest == expected.result.resultDigest)
    }
    let stopper = Stopper(after: 3)
    await #expect(throws: CancellationError.self) {
      try await Self.simulation(scenario, checkpoints: .never).run(observer: stopper)
    }
    #expect(await stopper.checkpoints.isEmpty)
  }

  @Test("policies say when a checkpoint is due")
  func policies() {
    func isDue(
      _ policy: CheckpointPolicy, after round: Int = 1, seconds: Double = 0, cost: Double = 0,
      repeats: Bool = true
    ) -> Bool {
      policy.isDue(after: round, seconds: seconds, cost: cost, repeats: repeats)
    }
    #expect((1...6).filter { isDue(.rounds(3), after: $0) } == [3, 6])
    #expect(isDue(.seconds(2), seconds: 2))
    #expect(!isDue(.seconds(2), seconds: 1.9))
    #expect(!isDue(.never, seconds: 1e9))
    #expect(isDue(.share(0.1)), "before the first, whose cost nobody knows")
    #expect(isDue(.share(0.1), seconds: 2, cost: 0.2))
    #expect(!isDue(.share(0.1), seconds: 2, cost: 0.3))
    #expect(isDue(.share(0.1), seconds: 2, cost: 0.3, repeats: false), "it would cost ε")
  }

  @Test("without a checkpoint too a run goes on with the data that it began with, or not at all")
  func otherData() async throws {
    let recorder = Recorder()
    let scenario = try scenario("rounds=2")
    try await run(scenario, observer: recorder)
    let ledger = await recorder.ledger
    let own = try #require(await recorder.checkpoints.last).datasetHash
    func resume(_ hash: String) async throws {
      _ = try await Self.simulation(scenario).run(
        observer: Recorder(),
        from: ResumePoint(checkpoint: nil, ledger: ledger, of: scenario, datasetHash: hash))
    }
    try await resume(own)
    await #expect(
      throws: FederationError.cannotResume(
        reason: "the data of synthetic are not those it began with")
    ) { try await resume(String(repeating: "0", count: 64)) }
  }

  @Test("a checkpoint of another scenario, of other data or of another shape is refused")
  func refused() async throws {
    let recorder = Recorder()
    try await run(try scenario("rounds=3"), observer: recorder)
    let checkpoint = try #require(await recorder.checkpoints.last)
    func resume(_ scenario: Scenario, _ checkpoint: RunCheckpoint) async throws {
      _ = try await Self.simulation(scenario).run(
        observer: Recorder(), from: ResumePoint(checkpoint: checkpoint, ledger: [], of: scenario))
    }
    await #expect(
      throws: FederationError.cannotResume(reason: "its checkpoint belongs to another scenario")
    ) {
      try await resume(try scenario("rounds=4"), checkpoint)
    }
    // The same checkpoint with one value changed after the other.
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(checkpoint))
    let original = try #require(json as? [String: Any])
    let state = try #require(original["state"] as? [String: Any])
    func changed(_ change: (inout [String: Any]) -> Void) throws -> RunCheckpoint {
      var copy = original
      change(&copy)
      return try JSONDecoder().decode(
        RunCheckpoint.self, from: JSONSerialization.data(withJSONObject: copy))
    }
    func withState(_ key: String, _ value: Any) throws -> RunCheckpoint {
      try changed {
        var state = state
        state[key] = value
        $0["state"] = state
      }
    }
    let damaged = [
      try changed { $0["round"] = 0 }, try changed { $0["round"] = 4 },
      try changed { $0["round"] = -1 },
      try withState("models", []), try withState("models", [""]),
      try withState("assignment", Data([1, 0, 1]).base64EncodedString()),
      try withState(
        "assignment", Data([1] + [UInt8](repeating: 99, count: 8)).base64EncodedString()),
      try withState("posteriors", [[1.0]]),
      try withState("posteriors", [[Double]](repeating: [], count: 8)),
      try changed { $0["individual"] = [""] },
      try changed { $0["individual"] = [String](repeating: "AAAAAAAAAAA=", count: 8) },
    ]
    for checkpoint in damaged {
      await #expect(
        throws: FederationError.cannotResume(reason: "its checkpoint does not fit its scenario")
      ) {
        try await resume(try scenario("rounds=3"), checkpoint)
      }
    }
    let elsewhere = try changed { $0["datasetHash"] = String(repeating: "0", count: 64) }
    await #expect(
      throws: FederationError.cannotResume(
        reason: "the data of synthetic are not those it began with")
    ) {
      try await resume(try scenario("rounds=3"), elsewhere)
    }
    #expect(throws: DecodingError.self) { try withState("models", ["AAA="]) }
    for bytes in [[], [3, 0, 0, 0], [2, 0], [8, 0, 0, 0, 0, 0, 0, 0, 255]] as [[UInt8]] {
      #expect(throws: DecodingError.self) {
        try withState("assignment", Data(bytes).base64EncodedString())
      }
    }
  }

  @Test(
    "indices come back from as few bytes as they need", arguments: [0, 255, 256, 65_536, 1 << 40])
  func packedIndices(_ largest: Int) throws {
    struct Box: Codable, Equatable {
      let indices: PackedIndices
    }
    let box = Box(indices: PackedIndices((0..<500).map { $0 * largest / 499 }))
    let data = try JSONEncoder().encode(box)
    #expect(try JSONDecoder().decode(Box.self, from: data) == box)
    let width = largest < 256 ? 1 : largest < 65_536 ? 2 : largest < 1 << 32 ? 4 : 8
    // Base64, with a stroke before some of its characters.
    #expect(data.count < 60 + 500 * width * 3 / 2)
  }

  @Test("packed numbers come back bit by bit, with whatever is no number")
  func packed() throws {
    struct Box: Codable, Equatable {
      @Packed var floats: [[Float]]
      @Packed var doubles: [[Double]]
    }
    let odd: [Float] = [0, -0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, 1.1]
    let box = Box(
      floats: [odd, [], [1]], doubles: [odd.map(Double.init), [.greatestFiniteMagnitude]])
    let read = try JSONDecoder().decode(Box.self, from: JSONEncoder().encode(box))
    #expect(read.floats.map { $0.map(\.bitPattern) } == box.floats.map { $0.map(\.bitPattern) })
    #expect(read.doubles.map { $0.map(\.bitPattern) } == box.doubles.map { $0.map(\.bitPattern) })
  }
}
