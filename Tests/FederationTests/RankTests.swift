// A run that ranks share ends as the run of one process does, to the bit, or ends on all of them alike.

import Datasets
import Federation
import Foundation
import Ranks
import Scenarios
import TestModels
import Testing

@Suite("Ranks")
struct RankTests {
  private static func tiny(_ changes: [String]) throws -> Scenario {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    return try Scenario(json: Data(contentsOf: url), overrides: ["rounds=3"] + changes)
  }

  /// Runs a scenario on every rank; on rank 0 with the recorder.
  private static func share(
    _ scenario: Scenario, ranks: Int, recorder: Recorder = Recorder(),
    from point: ResumePoint? = nil, stop: (@Sendable (Int) -> StopRequest)? = nil
  ) async -> [Result<RunOutcome, any Error>] {
    await TaskRank.each(of: ranks) { rank in
      var options = SimulationOptions(workers: 1 + rank.rank % 2, featureMemory: 64 << 20)
      options.ranks = rank
      if let stop { options.stopRequest = stop(rank.rank) }
      let simulation = Simulation(
        scenario: scenario, catalog: DatasetCatalog(), options: options)
      return try await simulation.run(
        observer: rank.isFirst ? recorder : Recorder(), from: point)
    }
  }

  private static let lora =
    "\"type\": \"lora\", \"r\": 2, \"lora_alpha\": 2, \"target_modules\": [\"fc1\"]"

  static let settings: [[String]] =
    ResumeTests.settings + [
      ["privacy.unit=client", "method={\"name\": \"ifca\"}", "cohort_size=6"],
      ["participation.dropout_probability=0.4", "method={\"name\": \"ifca\"}"],
      ["participation.dropout_probability=0.95", "method={\"name\": \"global\"}"],
      [
        "model={\"name\": \"mlp\", \"hidden\": [6]}",
        "server={\"optimizer\": {\"name\": \"fedadam\"}}",
      ],
    ]
    + ["fedit", "flora", "fedsa-lora", "deer", "flexlora"].map {
      [
        "model={\"name\": \"mlp\", \"hidden\": [6]}",
        "adapter={\(lora), \"aggregation\": \"\($0)\"}",
      ]
    }

  @Test(
    "two or three ranks give the result of one process, and its checkpoints", arguments: settings)
  func sameBits(_ changes: [String]) async throws {
    let scenario = try Self.tiny(changes)
    let alone = Recorder()
    let expected = try await ResumeTests.simulation(scenario).run(observer: alone)
    // Both numbers come up.
    let ranks = 2 + (changes.last?.utf8.count ?? 0) % 2
    let shared = Recorder()
    for outcome in await Self.share(scenario, ranks: ranks, recorder: shared) {
      #expect(try outcome.get().result == expected.result)
    }
    #expect(
      try await shared.checkpoints.map { try Self.bytes($0) }
        == alone.checkpoints.map { try Self.bytes($0) })
    #expect(await shared.ledger == alone.ledger)
  }

  private static func bytes(_ checkpoint: RunCheckpoint) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(checkpoint)
  }

  @Test("a run goes on with any number of ranks, more than clients too")
  func resumed() async throws {
    let scenario = try Self.tiny(["privacy.individual=true"])
    let whole = Recorder()
    let outcomes = await Self.share(scenario, ranks: 3, recorder: whole)
    let expected = try outcomes[0].get().result
    let checkpoint = try #require(await whole.checkpoints.first { $0.round == 2 })
    let point = ResumePoint(
      checkpoint: try ResumeTests.reread(checkpoint), ledger: await whole.ledger, of: scenario)
    for ranks in [1, 2, 11] {
      let rest = await Self.share(scenario, ranks: ranks, from: point)
      #expect(try rest[0].get().result == expected, "on \(ranks) ranks")
    }
  }

  @Test("what fails on one rank fails on all with the same error")
  func failure() async throws {
    let scenario = try Self.tiny([
      "method={\"name\": \"ifca\"}", "privacy.target_epsilon=null",
      "model={\"name\": \"mlp\", \"hidden\": [32, 32, 32]}", "local.learning_rate=100",
      "local.epochs=10",
    ])
    let outcomes = await Self.share(scenario, ranks: 3)
    let errors = outcomes.map { outcome -> String in
      if case .failure(let error as FederationError) = outcome { return error.description }
      return "none"
    }
    #expect(errors[0].hasPrefix("client "))
    #expect(Set(errors).count == 1)
  }

  @Test("ranks with another scenario are refused on every rank, and named")
  func differs() async throws {
    let outcomes = await TaskRank.each(of: 3) { rank in
      let scenario = try Self.tiny(rank.rank == 2 ? ["seed=7"] : [])
      var options = SimulationOptions(workers: 1)
      options.ranks = rank
      return try await Simulation(
        scenario: scenario, catalog: DatasetCatalog(), options: options
      ).run(observer: Recorder())
    }
    for case .failure(let error as RanksError) in outcomes {
      #expect(error == .differs(rank: 2, what: "scenario"))
    }
    #expect(outcomes.allSatisfy { (try? $0.get()) == nil })
  }

  @Test("a request to one rank stops all after the same round, with its status")
  func stop() async throws {
    let scenario = try Self.tiny(["rounds=50"])
    let requests = (0..<3).map { _ in StopRequest() }
    requests[1].make(status: 143)
    let recorder = Recorder()
    let outcomes = await Self.share(scenario, ranks: 3, recorder: recorder) { requests[$0] }
    for outcome in outcomes {
      #expect(throws: CancellationError.self) { try outcome.get() }
    }
    #expect(requests.map(\.agreed) == [143, 143, 143])
    #expect(await recorder.checkpoints.map(\.round) == [1])
  }

  @Test("what ranks cannot share is refused by name")
  func refused() async throws {
    let scenario = try Self.tiny([
      "privacy.unit=client", "method={\"name\": \"global\"}", "privacy.noise_multiplier=8",
      "privacy.noise=hardened", "cohort_size=null",
    ])
    for outcome in await Self.share(scenario, ranks: 2) {
      #expect {
        try outcome.get()
      } throws: {
        "\($0)".contains("privacy.randomness")
      }
    }
  }
}

@Suite("Dealing to ranks")
struct LongestFirstTests {
  @Test("no deal is more than 4/3 − 1/(3R) of the best that brute force finds")
  func bound() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<40 {
      let costs = (0..<7).map { _ in Int.random(in: 1...30, using: &generator) }
      let ranks = Int.random(in: 2...3, using: &generator)
      func most(_ owners: [Int]) -> Int {
        (0..<ranks).map { rank in zip(costs, owners).reduce(0) { $0 + ($1.1 == rank ? $1.0 : 0) } }
          .max() ?? 0
      }
      var best = Int.max
      var places = 1
      for _ in costs { places *= ranks }
      for place in 0..<places {
        var rest = place
        best = min(
          best,
          most(
            costs.map { _ in
              defer { rest /= ranks }
              return rest % ranks
            }))
      }
      let owners = LongestFirst.deal(costs, ranks: ranks)
      #expect(owners.allSatisfy((0..<ranks).contains))
      #expect(3 * ranks * most(owners) <= (4 * ranks - 1) * best, "\(costs) on \(ranks)")
    }
  }

  @Test("among equals the smaller numbers come first; lognormal work is shared evenly")
  func ties() {
    #expect(LongestFirst.deal([5, 5, 5, 5, 5], ranks: 3) == [0, 1, 2, 0, 1])
    #expect(LongestFirst.deal([], ranks: 3) == [])
    #expect(LongestFirst.balance([5, 5, 5], owners: [0, 1, 1], ranks: 2) == 0.75)
    // Quantiles of a lognormal distribution with σ = 1, from a logistic one of the same spread.
    let costs = (1...1000).map { index -> Int in
      let share = (Double(index) - 0.5) / 1000
      return Int(100 * exp(0.5513 * log(share / (1 - share)))) + 1
    }
    let owners = LongestFirst.deal(costs, ranks: 16)
    #expect(LongestFirst.balance(costs, owners: owners, ranks: 16) >= 0.97)
  }
}

@Suite("Messages of ranks")
struct MessageTests {
  @Test("what is written is read again; what is cut short is refused at every length")
  func truncated() throws {
    var message = MessageWriter()
    message.add([1.5, -.infinity, 0] as [Float])
    message.add(-7)
    message.add(nil as Double?)
    message.add("häuser")
    message.add([Int.max, 0])
    func read(_ bytes: [UInt8]) throws -> String {
      var reader = MessageReader(bytes)
      let parts =
        "\(try reader.floats()) \(try reader.int()) \(try reader.optionalDouble() as Double?) "
        + "\(try reader.text()) \(try reader.ints()) \(reader.isAtEnd)"
      return parts
    }
    #expect(
      try read(message.bytes) == "[1.5, -inf, 0.0] -7 nil häuser [\(Int.max), 0] true")
    for length in message.bytes.indices {
      #expect(throws: RanksError.malformed) { try read(Array(message.bytes[..<length])) }
    }
    var huge = MessageWriter()
    huge.add(Int.max)
    var reader = MessageReader(huge.bytes)
    #expect(throws: RanksError.malformed) { try reader.doubles() }
  }

  @Test("launchers are known by what they set")
  func launchers() {
    #expect(RankLaunch.size(in: [:]) == 1)
    #expect(RankLaunch.size(in: ["SLURM_NTASKS": "8"]) == 1)
    #expect(RankLaunch.size(in: ["SLURM_STEP_NUM_TASKS": "8"]) == 8)
    #expect(RankLaunch.size(in: ["PMI_SIZE": "3", "SLURM_STEP_NUM_TASKS": "1"]) == 3)
    #expect(RankLaunch.size(in: ["OMPI_COMM_WORLD_SIZE": "4", "PMI_SIZE": "2"]) == 4)
    #expect(RankLaunch.size(in: ["PMI_SIZE": "many"]) == 1)
    #expect(RankLaunch.rank(in: ["PMI_RANK": "2"]) == 2)
  }
}
