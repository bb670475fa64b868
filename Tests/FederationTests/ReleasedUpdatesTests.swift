// Updates that a run hands out: what was released and nothing else, and no result changes by it.

import Datasets
import Federation
import Foundation
import Privacy
import Scenarios
import Testing

/// Keeps what a run hands out, and the state after every round.
private actor Keeper: RunObserver {
  private(set) var released: [ReleasedUpdates] = []
  private(set) var states: [FederatedState] = []
  private(set) var notes: [String] = []

  func receive(_ event: RunEvent) {
    switch event {
    case .released(let updates): released.append(updates)
    case .checkpoint(let checkpoint): states.append(checkpoint.state)
    case .started(let start): notes = start.notes
    case .preparing, .announced, .finishedRound: break
    }
  }
}

@Suite("Released updates")
struct ReleasedUpdatesTests {
  private static func kept(_ scenario: Scenario) async throws -> (Keeper, RunOutcome) {
    let keeper = Keeper()
    var options = SimulationOptions(workers: 2)
    options.handsOutUpdates = true
    let outcome = try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(), options: options
    ).run(observer: keeper)
    return (keeper, outcome)
  }

  @Test(
    "the same result, and models move by the mean of what was handed out",
    arguments: [
      #"{"name": "global"}"#, #"{"name": "r-dpcfl"}"#,
      #"{"name": "r-dpcfl", "clustering_sample": 5}"#,
    ])
  func means(method: String) async throws {
    let scenario = try scenario("rounds=4", "method=\(method)")
    let (keeper, outcome) = try await Self.kept(scenario)
    #expect(outcome.result.resultDigest == (try await run(scenario)).result.resultDigest)
    let (released, states) = (await keeper.released, await keeper.states)
    #expect(released.map(\.round) == [1, 2, 3, 4])
    #expect(released.allSatisfy { $0.part == 1 && $0.updates.count == 8 })
    #expect(
      await keeper.notes.contains { $0.hasPrefix("every released update is kept: about 7 kB") })
    // Rounds after the first: there models are only averaged.
    for (round, (before, after)) in zip(released.dropFirst(), zip(states, states.dropFirst())) {
      for model in after.models.indices {
        let own = round.updates.filter { $0.model == model }
        guard !own.isEmpty else { continue }
        for place in after.models[model].indices {
          let mean = own.reduce(0) { $0 + Double($1.values[place]) } / Double(own.count)
          let moved = Double(after.models[model][place]) - Double(before.models[model][place])
          #expect(abs(mean - moved) < 1e-5)
        }
      }
    }
    let entries = released.flatMap(\.updates).flatMap(\.entries)
    #expect(entries.allSatisfy { $0.noiseMultiplier ?? 1 > 0 && $0.client != nil })
  }

  @Test("what stays with its client is not handed out; a server hands out how its models moved")
  func others() async throws {
    let (local, _) = try await Self.kept(scenario("rounds=2", #"method={"name": "local"}"#))
    #expect(await local.released.allSatisfy(\.updates.isEmpty))
    let (server, _) = try await Self.kept(
      scenario(
        "rounds=3", "privacy.unit=client", #"method={"name": "global"}"#))
    let (released, states) = (await server.released, await server.states)
    #expect(released.count == 3)
    let last = try #require(released.last?.updates.first)
    #expect(last.client == nil && last.entries.count == 1)
    for place in last.values.indices {
      #expect(last.values[place] == states[2].models[0][place] - states[1].models[0][place])
    }
  }
}
