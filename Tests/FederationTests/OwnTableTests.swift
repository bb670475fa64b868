// Runs on tables with scales that clients estimate, and with weights of rows.

import Datasets
import Federation
import Foundation
import Privacy
import Scenarios
import Testing

/// A table of three wards, written where a scenario finds it.
private final class WardTable {
  let file = FileManager.default.temporaryDirectory
    .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")

  /// - Parameters:
  ///   - ages: of the second ward's rows; nil leaves them as they are.
  ///   - weight: of a row.
  init(ages: Double? = nil, weight: (Int) -> Double = { _ in 1 }) throws {
    let wards = ["n", "s", "w"]
    var text = "ward,age,dose,w,y\n"
    for row in 0..<240 {
      let usual = Double(30 + row * 7 % 50)
      let age: Double = row % 3 == 1 ? ages ?? usual : usual
      let dose = Double((row * 37) % 101) / 10
      let label = dose > 5 ? "yes" : "no"
      text += "\(wards[row % 3]),\(age),\(dose),\(weight(row)),\(label)\n"
    }
    try Data(text.utf8).write(to: file)
  }

  deinit { try? FileManager.default.removeItem(at: file) }

  func scenario(_ changes: String..., weights: Bool = false) throws -> Scenario {
    let weight =
      weights ? "\"weight_column\": \"w\", \"max_weight\": 2," : "\"drop_columns\": [\"w\"],"
    return try Scenario(
      json: Data(
        """
        {"name": "wards", "rounds": 2,
         "data": {"name": "csv", "path": "\(file.path)", "label_column": "y", "classes": ["no", "yes"],
                  "client_column": "ward", \(weight)
                  "columns": [{"column": "age", "kind": "estimated", "min": 0, "max": 200},
                              {"column": "dose", "kind": "estimated", "min": -100, "max": 100}]},
         "population": {}, "model": {"name": "logistic"},
         "local": {"batch_size": 20, "learning_rate": 0.5},
         "privacy": {"target_epsilon": 6, "target_delta": 1e-3}, "method": {"name": "global"}}
        """.utf8), overrides: changes
    ).askingItsTable(DatasetCatalog())
  }
}

private func population(_ scenario: Scenario) throws -> Federation.Population {
  try Federation.Population(scenario: scenario, catalog: DatasetCatalog())
}

@Suite("Estimated scales")
struct ScaleEstimateTests {
  @Test("every client pays for its choices, and all releases together keep its budget")
  func ledger() async throws {
    let table = try WardTable()
    let scenario = try table.scenario()
    let recorder = Recorder()
    let outcome = try await run(scenario, observer: recorder)
    let entries = await recorder.ledger.filter { $0.purpose == .scaling }
    #expect(entries.map(\.client) == [0, 1, 2])
    #expect(entries.allSatisfy { $0.mechanism == .exponentialMechanism && $0.count == 4 })
    #expect(entries.allSatisfy { $0.selectionEpsilon == 0.2 * 6 / 2 && $0.sensitivity == 0.9 })
    for client in outcome.result.clients {
      let epsilon = try #require(client.epsilon)
      #expect(epsilon <= 6 && epsilon > 5.99)
      // Without the estimates the same noise would cost less: they are in the sum.
      let rest = PrivacyLedger(
        await recorder.ledger.filter { $0.client == client.client && $0.purpose != .scaling })
      #expect(try rest.bound(delta: 1e-3, accountant: BestAccountant()).epsilon < epsilon - 0.01)
    }
    #expect(outcome.result.notes.contains { $0.contains("scales that clients estimated: age") })
    let alone = try await run(scenario, workers: 1)
    #expect(alone.result.resultDigest == outcome.result.resultDigest)
    let checkpoint = try #require(await recorder.checkpoints.first)
    let resumed = try await ResumeTests.simulation(scenario).run(
      observer: Recorder(),
      from: ResumePoint(checkpoint: checkpoint, ledger: await recorder.ledger, of: scenario))
    #expect(resumed.result == outcome.result)
  }

  @Test(
    "drawn from the operating system, choices are announced, kept for a resume, and paid again without one"
  )
  func system() async throws {
    let table = try WardTable()
    let scenario = try table.scenario(
      "privacy.noise=hardened", "privacy.randomness=system",
      "privacy.on_budget_exhausted=continue")
    let recorder = Recorder()
    let outcome = try await run(scenario, observer: recorder)
    let announced = (await recorder.announced[1] ?? []).filter { $0.purpose == .scaling }
    #expect(announced.map(\.client) == [0, 1, 2])
    func note(_ outcome: RunOutcome) -> String? {
      outcome.result.notes.first { $0.contains("scales that clients estimated") }
    }
    func resumed(
      after checkpoint: RunCheckpoint?, ledger: [LedgerEntry]
    ) async throws -> RunOutcome {
      try await ResumeTests.simulation(scenario).run(
        observer: Recorder(),
        from: ResumePoint(checkpoint: checkpoint, ledger: ledger, of: scenario))
    }
    let checkpoint = try #require(await recorder.checkpoints.first)
    let ledger = await recorder.ledger
    #expect(try await note(resumed(after: checkpoint, ledger: ledger)) == note(outcome))
    // Killed before the first round: both estimates count, and the budget cuts what it cannot hold.
    let again = try await resumed(after: nil, ledger: announced)
    #expect(note(again) != note(outcome))
    #expect(again.result.clients.allSatisfy { ($0.epsilon ?? 7) <= 6 })
    // With the budget spent there is no room for other estimates.
    let error = await #expect(throws: FederationError.self) {
      _ = try await resumed(after: nil, ledger: ledger)
    }
    #expect(error.map { "\($0)" }?.contains("to estimate them again would cost client 0") == true)
    // Whoever looks at the data without being the run asks nobody.
    #expect(try population(scenario).scales.columns.isEmpty)
  }

  @Test("the check names what they cost, and individual accounts count them")
  func checked() async throws {
    let table = try WardTable()
    let report = try PrivacyLinter(
      scenario: table.scenario(), catalog: DatasetCatalog()
    ).report()
    let group = report.groups[0]
    let epsilon = try #require(group.epsilon)
    #expect(group.plan.scaleChoices == 4 && epsilon <= 6 && epsilon > 5.99)
    let alone = try #require(group.scalesEpsilon)
    let event = PrivacyEvent.selfComposed(event: .exponentialMechanism(epsilon: 0.6), count: 4)
    let expected = try BestAccountant().bound(for: event, delta: 1e-3).epsilon
    #expect(abs(alone - expected) < 1e-4)
    #expect((group.trainingEpsilon ?? 6) < epsilon - 0.01)
    let individual = try await run(table.scenario("privacy.individual=true")).result
    #expect((individual.individual?.least ?? 0) >= alone * 0.9)
  }

  @Test("rows of one client move its choices alone, and noise moves them from seed to seed")
  func locality() throws {
    let (table, other) = (try WardTable(), try WardTable(ages: 180))
    let usual = try population(table.scenario()).scales.columns
    let moved = try population(other.scenario()).scales.columns
    #expect(usual.map(\.name) == ["age", "dose"])
    for client in [0, 2] {
      #expect(usual.map { $0.choices[client] } == moved.map { $0.choices[client] })
    }
    #expect(usual[0].choices[1] != moved[0].choices[1])
    #expect(usual[1].choices[1] == moved[1].choices[1])
    let seeds = try (0..<5).map { seed in
      try population(table.scenario("seed=\(seed)")).scales.columns.map(\.choices)
    }
    #expect(Set(seeds).count == 5)
    let open = try (0..<3).map { seed in
      try population(table.scenario("seed=\(seed)", "privacy.target_epsilon=null"))
        .scales.columns.map(\.choices)
    }
    #expect(Set(open).count == 1)
  }

  @Test("inputs lie on the scale that was found; the data stay the same from seed to seed")
  func scaled() throws {
    let table = try WardTable()
    let open = try population(table.scenario("privacy.target_epsilon=null"))
    let facts = try #require(open.dataset.table)
    #expect(facts.columns[1].source == .privateEstimate)
    guard case .numeric(let center, let scale, let min?, let max?) = facts.columns[1].encoding
    else {
      Issue.record("age is no bounded number")
      return
    }
    // Ages go from 30 to 79: the outer tenths begin near 34 and 75, and half of that is added on both sides.
    #expect(abs(min - 14) < 5 && abs(max - 95) < 5)
    #expect(abs(center - (min + max) / 2) < 1e-9 && abs(scale - (max - min) / 2) < 1e-9)
    let (first, second) = (
      try population(table.scenario("seed=1")), try population(table.scenario("seed=2"))
    )
    #expect(first.contentHash == second.contentHash)
    #expect(first.dataset.contentHash != second.dataset.contentHash)
  }

  @Test("clusters of a table's own clients are not taken for equal")
  func ownClusters() throws {
    let table = try WardTable { $0 % 3 == 1 ? 2 : 1 }
    let scenario = try table.scenario("data.cluster_column=\"w\"")
    #expect(scenario.population.clusters.count == 2)
    let report = try PrivacyLinter(scenario: scenario, catalog: DatasetCatalog()).report()
    #expect(report.findings.allSatisfy { $0.rule != "DP310" })
  }

  @Test("bounds widen by half on both sides, stay inside, and never meet")
  func bounds() {
    let usual = ScaleEstimates.bounds(-0.2, 0.2)
    #expect(abs(usual.low + 0.4) < 1e-12 && abs(usual.high - 0.4) < 1e-12)
    #expect(ScaleEstimates.bounds(0.9, -0.9) == (-1, 1))
    for place in [-1, 0, 1.0] {
      let bounds = ScaleEstimates.bounds(place, place)
      #expect(bounds.high - bounds.low > 0.0039 && bounds.low >= -1 && bounds.high <= 1 + 1e-12)
    }
    #expect(ScaleEstimates.weightedMedian([(3, 1), (1, 1), (2, 1)]) == 2)
    #expect(ScaleEstimates.weightedMedian([(3, 10), (1, 1), (2, 1)]) == 3)
  }

  @Test("where it is unclear who pays, it is refused")
  func refused() throws {
    let table = try WardTable()
    for change in [
      "privacy.unit=client", "privacy.randomness=system",
      "method={\"name\": \"r-dpcfl\", \"variant\": \"as-released\"}",
    ] {
      #expect(throws: (any Error).self, "\(change)") { try table.scenario(change) }
    }
    #expect(throws: (any Error).self) { try table.scenario("data.columns[0].max=-1") }
  }
}

@Suite("Weighted rows")
struct WeightedRunTests {
  @Test("equal weights at the bound give the digest of none; others train another model")
  func digests() async throws {
    let full = try WardTable { _ in 2 }
    let half = try WardTable { $0 % 2 == 0 ? 2 : 0.5 }
    let weighted = try await run(full.scenario(weights: true)).result
    let plain = try await run(full.scenario()).result
    let other = try await run(half.scenario(weights: true)).result
    #expect(weighted.resultDigest == plain.resultDigest)
    #expect(other.resultDigest != plain.resultDigest)
    #expect(other.clients.map(\.epsilon) == plain.clients.map(\.epsilon))
  }

  @Test("a bound is asked for, and the check says what weights do")
  func checked() throws {
    let table = try WardTable()
    #expect(throws: (any Error).self) {
      try table.scenario("data.max_weight=null", weights: true)
    }
    #expect(throws: (any Error).self) { try table.scenario("data.max_weight=2") }
    let findings = try PrivacyLinter(
      scenario: table.scenario(weights: true), catalog: DatasetCatalog()
    ).report().findings
    #expect(findings.contains { $0.rule == "DP509" && $0.message.contains("/2") })
    #expect(findings.contains { $0.rule == "DP510" })
  }
}
