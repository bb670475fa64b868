// Populations of which a round sees a small part: what dormant clients may cost, and what must not depend on it.

import Federation
import Foundation
import Scenarios
import Testing

@Suite("Large populations")
struct LargePopulationTests {
  /// Four rounds of twenty of so many clients, evaluated at the end.
  private static func scenario(clients: Int, _ changes: [String] = []) throws -> Scenario {
    let url = packageFolder.appendingPathComponent("scenarios/many-clients.json")
    return try Scenario(
      json: Data(contentsOf: url),
      overrides: [
        "rounds=4", "cohort_size=20", "evaluation.every=4", "population.clusters[0].clients=100",
        "population.clusters[1].clients=400", "population.clusters[2].clients=\(clients - 500)",
        "data.synthetic.train_examples=60000", "data.synthetic.test_examples=2000",
      ] + changes)
  }

  @Test("a report names who took part or moved, and everybody when all are evaluated")
  func reports() async throws {
    let recorder = Recorder()
    try await run(try Self.scenario(clients: 1000), observer: recorder)
    let rounds = await recorder.rounds
    #expect(rounds.map { $0.clients.count == 1000 } == [true, false, false, true])
    for report in rounds[1...2] {
      #expect(report.clients.count <= 20 && report.clients.contains { $0.participated })
      let names = report.clients.map(\.client)
      #expect(names == names.sorted() && Set(names).count == names.count)
      #expect(report.clientMeanAccuracy == nil)
    }
    #expect(rounds[3].clientMeanAccuracy != nil)
  }

  @Test(
    "above 10,000 clients the digest covers what reports name, still for any workers and from any round",
    arguments: [(10_000, 1), (10_001, 2)])
  func digest(clients: Int, version: Int) async throws {
    let scenario = try Self.scenario(clients: clients)
    let whole = Recorder()
    let expected = try await run(scenario, workers: 1, observer: whole).result
    #expect(expected.digestVersion == version)
    #expect(try await run(scenario, workers: 2).result.resultDigest == expected.resultDigest)
    let checkpoint = try #require(await whole.checkpoints.first { $0.round == 2 })
    let rest = try await ResumeTests.simulation(scenario).run(
      observer: Recorder(),
      from: ResumePoint(
        checkpoint: ResumeTests.reread(checkpoint), ledger: await whole.ledger, of: scenario))
    #expect(rest.result == expected)
    let other = try await run(try Self.scenario(clients: clients, ["local.learning_rate=0.4"]))
    #expect(other.result.resultDigest != expected.resultDigest)
  }

  @Test("a checkpoint takes about a byte for a client that keeps nothing of its own")
  func checkpointSize() async throws {
    let recorder = Recorder()
    try await run(try Self.scenario(clients: 2000), observer: recorder)
    let (few, many) = (recorder, Recorder())
    try await run(try Self.scenario(clients: 8000), observer: many)
    let sizes = try await [few, many].asyncMap { recorder in
      try JSONEncoder().encode(try #require(await recorder.checkpoints.last)).count
    }
    #expect(Double(sizes[1] - sizes[0]) / 6000 < 1.5)
  }
}

extension Array {
  fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value]
  {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
