// A client whose next round its budget has no room for does not take it.

import Federation
import Privacy
import Scenarios
import Testing

@Suite("Budgets that end before the run")
struct BudgetStopTests {
  /// Noise so weak that a few rounds of `tiny` cost more than ε = 5.
  private static let weak = ["privacy.noise_multiplier=0.9", #"method={"name":"global"}"#]

  private static func run(_ changes: [String], _ recorder: Recorder = Recorder()) async throws
    -> RunOutcome
  {
    try await Simulation(
      scenario: Sound.scenario(weak + changes), catalog: Sound.catalog,
      options: SimulationOptions(workers: 2)
    ).run(observer: recorder)
  }

  @Test("stop ends the run before the round, and names client and round")
  func stop() async throws {
    let recorder = Recorder()
    do {
      _ = try await Self.run([], recorder)
      Issue.record("the run went through")
    } catch FederationError.budgetExhausted(let client, let round, let epsilon, let cause) {
      #expect(cause == .noiseMultiplier)
      #expect(client == 0 && epsilon == 5)
      let finished = await recorder.rounds.count
      #expect(finished == round - 1 && finished > 0 && round <= 20)
      // What was released is within the budget, one round more would not be.
      let entries = await recorder.ledger.filter { $0.client == 0 }
      var ledger = PrivacyLedger(entries)
      let spent = try ledger.bound(delta: 1e-4, accountant: BestAccountant()).epsilon
      #expect(spent <= 5)
      ledger.append(contentsOf: entries.prefix(1))
      #expect(try ledger.bound(delta: 1e-4, accountant: BestAccountant()).epsilon > 5)
    }
  }

  @Test("continue goes on without the client alone, and says so")
  func goesOn() async throws {
    let recorder = Recorder()
    let changes = [
      #"privacy.on_budget_exhausted="continue""#,
      #"population.clusters[1].privacy={"target_epsilon":1000}"#,
    ]
    let outcome = try await Self.run(changes, recorder)
    let rounds = await recorder.rounds
    #expect(rounds.count == 20)
    for client in outcome.result.clients {
      let epsilon = try #require(client.epsilon)
      #expect(epsilon <= (client.targetEpsilon ?? 0))
      let took = rounds.map { $0.clients[client.client].participated }
      if client.cluster == 1 {
        #expect(took.allSatisfy { $0 })
      } else {
        #expect(took.first == true && took.last == false)
        // Nobody returns.
        #expect(took == took.sorted { $0 && !$1 })
      }
    }
    #expect(outcome.result.notes.contains { $0.contains("client 0 before round") })
  }

  @Test("a first round that clusters needs everybody, whatever the policy")
  func clusteringRound() async throws {
    await #expect {
      try await Self.run([
        #"method={"name":"r-dpcfl"}"#, "method.first_round_noise_ratio=0.01",
        #"privacy.on_budget_exhausted="continue""#,
      ])
    } throws: { error in
      (error as? FederationError)
        == .budgetExhausted(client: 0, round: 1, epsilon: 5, cause: .noiseMultiplier)
    }
  }

  @Test("strong noise set by hand is used as it is, and costs less than the limit")
  func strong() async throws {
    let outcome = try await Self.run(["privacy.noise_multiplier=4"])
    for client in outcome.result.clients {
      #expect(client.noiseMultiplier == 4)
      #expect(try #require(client.epsilon) < 5)
    }
  }

  @Test("the linter's forecast of rounds is right to a round for equal rounds")
  func forecast() async throws {
    let report = try Sound.report(Self.weak)
    let affordable = try #require(report.groups.first?.affordableRounds)
    do {
      _ = try await Self.run([])
      Issue.record("the run went through")
    } catch FederationError.budgetExhausted(_, let round, _, _) {
      #expect(abs(round - 1 - affordable) <= 1)
    }
  }
}
