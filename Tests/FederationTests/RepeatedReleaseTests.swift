// Rounds that are done again with the operating system's randomness: they release something else the second
// time, so both times count, and a round that was cut short counts as well.

import Federation
import Foundation
import Privacy
import Scenarios
import Testing

/// Fails when a round announces what it will release, before any of it is.
private actor Cut: RunObserver {
  struct Failure: Error {}
  private let round: Int
  private(set) var announced: [LedgerEntry] = []
  private(set) var finished: [LedgerEntry] = []

  init(in round: Int) { self.round = round }

  func receive(_ event: RunEvent) throws {
    switch event {
    case .announced(let round, let entries):
      announced += entries
      if round == self.round { throw Failure() }
    case .finishedRound(let report): finished += report.ledger
    case .preparing, .started, .released, .checkpoint: break
    }
  }
}

@Suite("Releases that are repeated")
struct RepeatedReleaseTests {
  private static let system = "privacy.noise=hardened"

  @Test(
    "what a round announces is what it then releases, entry by entry",
    arguments: [
      [], [#"method={"name":"ifca"}"#], [#"method={"name":"global"}"#],
      [#"method={"name":"local"}"#],
      [#"method={"name":"mr-mtl"}"#], [#"method={"name":"oracle"}"#],
      ["privacy.unit=client", #"method={"name":"global"}"#],
      ["participation.dropout_probability=0.3", #"method={"name":"ifca"}"#],
      [
        "participation.deadline=1.2", "participation.straggler_probability=0.5",
        "participation.straggler_slowdown=4", #"method={"name":"global"}"#,
      ],
      [
        #"method={"name":"ifca"}"#,
        #"adapter={"type":"lora","r":2,"lora_alpha":4,"target_modules":["fc"],"aggregation":"rolora"}"#,
      ],
      [
        #"method={"name":"global"}"#,
        #"adapter={"type":"lora","r":2,"lora_alpha":4,"target_modules":["fc"],"aggregation":"lora-fair"}"#,
      ],
      ["population.clusters[0].privacy={\"target_epsilon\":null}"],
      ["privacy.individual=true"],
    ])
  func announced(_ changes: [String]) async throws {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    let scenario = try Scenario(
      json: Data(contentsOf: url), overrides: ["rounds=4", Self.system] + changes)
    let recorder = Recorder()
    try await run(scenario, observer: recorder)
    let announced = await recorder.announced
    for report in await recorder.rounds {
      #expect(!report.ledger.isEmpty)
      #expect(announced[report.round] == report.ledger, "round \(report.round)")
    }
  }

  @Test("a seeded run announces nothing: what it repeats is the same to the bit")
  func seeded() async throws {
    let recorder = Recorder()
    try await run(try scenario("rounds=2"), observer: recorder)
    #expect(await recorder.announced.isEmpty)
  }

  /// A run of six equal rounds whose first five had been released when it goes on after the third.
  private static func repeating(
    _ policy: String
  ) async throws -> (scenario: Scenario, point: ResumePoint) {
    let scenario = try scenario(
      "rounds=6", system, #"method={"name":"global"}"#, "privacy.on_budget_exhausted=\(policy)")
    let first = Recorder()
    try await run(scenario, observer: first)
    let checkpoint = try #require(await first.checkpoints.first { $0.round == 3 })
    let ledger = await first.ledger.filter { $0.round <= 5 }
    return (scenario, ResumePoint(checkpoint: checkpoint, ledger: ledger, of: scenario))
  }

  @Test("both times are in the ledger, and the budget still holds: clients leave when it ends")
  func counted() async throws {
    let (scenario, point) = try await Self.repeating("continue")
    #expect(point.ledger.map(\.round).max() == 5)
    let rest = Recorder()
    let outcome = try await ResumeTests.simulation(scenario).run(observer: rest, from: point)
    let rounds = await rest.rounds
    #expect(rounds.map(\.round) == [4, 5, 6])
    // Six rounds are paid for and five were released, so one more fits.
    #expect(rounds.map { $0.clients.contains(where: \.participated) } == [true, false, false])
    #expect(outcome.result.notes.contains { $0.contains("before round 5") })
    let entries = point.ledger + (await rest.ledger)
    for client in outcome.result.clients {
      let own = PrivacyLedger(entries.filter { $0.client == client.client })
      let accountant = scenario.privacy.accountant.kind.accountant
      let bound = try own.bound(delta: client.delta, accountant: accountant).epsilon
      #expect(client.epsilon == bound)
      #expect(bound <= client.targetEpsilon ?? 0)
    }
  }

  @Test("where a run must not lose clients it ends at its budget, and says why")
  func stops() async throws {
    let (scenario, point) = try await Self.repeating("stop")
    let error = await #expect(throws: FederationError.self) {
      try await ResumeTests.simulation(scenario).run(observer: Recorder(), from: point)
    }
    #expect(
      error == .budgetExhausted(client: 0, round: 5, epsilon: 5, cause: .repeatedReleases))
    #expect(error?.description.contains("released twice") == true)
  }

  @Test("a server that protects whole clients ends at its budget too")
  func server() async throws {
    let scenario = try scenario(
      "rounds=4", Self.system, "privacy.unit=client", #"method={"name":"global"}"#)
    let first = Recorder()
    try await run(scenario, observer: first)
    let checkpoint = try #require(await first.checkpoints.first { $0.round == 2 })
    let error = await #expect(throws: FederationError.self) {
      try await ResumeTests.simulation(scenario).run(
        observer: Recorder(),
        from: ResumePoint(checkpoint: checkpoint, ledger: await first.ledger, of: scenario))
    }
    #expect(error == .serverBudgetExhausted(round: 3, epsilon: 5, cause: .repeatedReleases))
  }

  @Test(
    "a round that is cut in its middle counts, also before the first checkpoint", arguments: [1, 3])
  func cut(round: Int) async throws {
    let scenario = try scenario("rounds=4", Self.system, #"method={"name":"ifca"}"#)
    let cut = Cut(in: round)
    await #expect(throws: Cut.Failure.self) {
      try await ResumeTests.simulation(scenario, checkpoints: .never).run(observer: cut)
    }
    let announced = await cut.announced
    #expect(announced.contains { $0.round == round } && announced.map(\.round).max() == round)
    let point = ResumePoint(checkpoint: nil, ledger: announced, of: scenario)
    #expect(point.ledger == announced && point.round == 0)
    // Seeded releases of rounds that are done again cost nothing more.
    let seeded = try Scenario(
      json: Data(scenario.resolvedJSON.utf8), overrides: ["privacy.randomness=seeded"])
    #expect(ResumePoint(checkpoint: nil, ledger: announced, of: seeded).ledger.isEmpty)
  }

  @Test("examples' own figures take repeated releases at their full size")
  func individual() async throws {
    let scenario = try scenario(
      "rounds=6", Self.system, "privacy.individual=true", #"method={"name":"global"}"#,
      "privacy.on_budget_exhausted=continue", "privacy.max_grad_norm=100")
    let first = Recorder()
    try await run(scenario, observer: first)
    let checkpoint = try #require(await first.checkpoints.first { $0.round == 3 })
    func least(knowing rounds: Int) async throws -> Double {
      let ledger = await first.ledger.filter { $0.round <= rounds }
      let outcome = try await ResumeTests.simulation(scenario).run(
        observer: Recorder(),
        from: ResumePoint(checkpoint: checkpoint, ledger: ledger, of: scenario))
      return try #require(outcome.result.individual?.least)
    }
    // Gradients are far below the clipping bound: rounds 4 and 5 at full size and one more, against rounds 4, 5 and 6
    // at their true size.
    #expect(try await least(knowing: 5) > 2 * least(knowing: 3))
  }
}
