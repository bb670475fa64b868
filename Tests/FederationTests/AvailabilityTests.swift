// Clients that drop out or come late: how often, what they pay, and that nothing else changes.

import Federation
import Foundation
import Privacy
import Scenarios
import Testing

@Suite("Availability")
struct TurnoutTests {
  static let global = "method={\"name\": \"global\"}"

  @Test("absent clients release nothing; the others do as before")
  func dropout() async throws {
    let observer = Recorder()
    let scenario = try scenario(
      Self.global, "rounds=30", "participation={\"dropout_probability\": 0.3}")
    try await run(scenario, observer: observer)
    let rounds = await observer.rounds
    let trained = rounds.flatMap { $0.clients.filter(\.participated) }.count
    // 240 draws with probability 0.7: six standard deviations are 43.
    #expect(abs(trained - 168) < 43 && trained < 240)
    for round in rounds {
      let paying = Set(round.ledger.compactMap(\.client))
      #expect(paying == Set(round.clients.filter(\.participated).map(\.client)))
      #expect(round.lateClients.isEmpty)
    }
  }

  @Test("late clients have trained and paid, and their updates change nothing")
  func late() async throws {
    let observer = Recorder()
    // Everybody is slow and nobody can be in time.
    let scenario = try scenario(
      Self.global, "rounds=5",
      "participation={\"straggler_probability\": 1, \"straggler_slowdown\": 50, \"deadline\": 0.001}"
    )
    let outcome = try await run(scenario, observer: observer)
    let rounds = await observer.rounds
    for round in rounds {
      #expect(round.lateClients == Array(0..<8))
      #expect(Set(round.ledger.compactMap(\.client)) == Set(0..<8))
      // The model that nobody moved is as good as before.
      #expect(round.clients.map(\.testAccuracy) == rounds[0].clients.map(\.testAccuracy))
    }
    #expect(outcome.result.clients.allSatisfy { ($0.epsilon ?? 0) > 4 && ($0.epsilon ?? 9) <= 5 })
  }

  @Test("the share of late clients is that of slow ones beyond the deadline")
  func share() async throws {
    let observer = Recorder()
    // 1 + 3·Exp(1) > 4 has probability 1/e.
    let scenario = try scenario(
      Self.global, "rounds=60",
      "participation={\"straggler_probability\": 0.5, \"straggler_slowdown\": 4, \"deadline\": 4}")
    try await run(scenario, observer: observer)
    let late = await observer.rounds.reduce(0) { $0 + $1.lateClients.count }
    // 480 draws with probability 0.184: mean 88, six standard deviations are 51.
    #expect(abs(late - 88) < 51)
  }

  @Test("a run with absences does not depend on workers, and R-DPCFL's first round waits for all")
  func reproducible() async throws {
    let scenario = try scenario(
      "participation={\"dropout_probability\": 0.4, \"straggler_probability\": 0.5, "
        + "\"deadline\": 2}")
    var digests: Set<String> = []
    let observers = [Recorder(), Recorder()]
    for (workers, observer) in zip([1, 3], observers) {
      let outcome = try await run(scenario, workers: workers, observer: observer)
      digests.insert(outcome.result.resultDigest)
    }
    let first = try #require(await observers[0].rounds.first)
    #expect(first.clients.allSatisfy(\.participated) && first.lateClients.isEmpty)
    #expect(digests.count == 1)
  }

  @Test("the same for whole clients: absence adds nothing to the sum, the noise stays")
  func clientLevel() async throws {
    let observer = Recorder()
    let scenario = try scenario(
      Self.global, "privacy.unit=client", "privacy.noise_multiplier=8", "rounds=6",
      "participation={\"dropout_probability\": 0.99}")
    let outcome = try await run(scenario, observer: observer)
    let rounds = await observer.rounds
    for round in rounds {
      #expect(round.ledger.count == 1 && round.ledger[0].client == nil)
      #expect(round.clients.allSatisfy { !$0.participated })
    }
    // The noise moved the model although nobody came.
    #expect(Set(rounds.map { $0.clients[0].testLoss }).count == rounds.count)
    #expect(outcome.result.clients.allSatisfy { ($0.epsilon ?? 9) <= 5 })
  }

  @Test("a slow client without a deadline is a mistake")
  func check() {
    #expect(throws: ScenarioError.self) {
      try scenario("participation={\"straggler_probability\": 0.5}")
    }
  }
}
