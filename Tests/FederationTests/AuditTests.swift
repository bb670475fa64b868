// Audits of whole runs: an engine that keeps its word passes, broken ones are found.

import Federation
import Foundation
import Privacy
import Scenarios
import Testing

@Suite("Audits of runs")
struct AuditTests {
  private static func report(
    _ changes: [String] = [], kind: AuditPlan.Kind = .gradient, canaries: Int = 400,
    fault: EngineFault? = nil, seed: Int = 0, workers: Int = 2
  ) async throws -> AuditReport {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    let scenario = try Scenario(
      json: Data(contentsOf: url),
      overrides: ["rounds=2", "privacy.target_epsilon=1", "seed=\(seed)"] + changes)
    let plan = AuditPlan(kind: kind, canaries: canaries)
    var options = SimulationOptions(workers: workers, checkpoints: .never)
    options.audit = plan
    options.fault = fault
    let outcome = try await Simulation(
      scenario: scenario, catalog: Sound.catalog, options: options
    ).run(observer: Recorder())
    return try AuditReport(
      try #require(outcome.evidence), plan: plan, scenario: scenario)
  }

  @Test("a sound engine is refuted in no more runs than the confidence allows")
  func sound() async throws {
    var alarms = 0
    for seed in 0..<40 {
      if try await Self.report(seed: seed).isAlarm { alarms += 1 }
    }
    // More than 6 of 40 have probability 0.3 % at a rate of 5 %.
    #expect(alarms <= 6, "\(alarms) of 40")
  }

  @Test("every broken engine is found", arguments: EngineFault.allCases)
  func broken(_ fault: EngineFault) async throws {
    var found = 0
    for seed in 0..<5 {
      let changes = ["privacy.target_epsilon=5"]
      if try await Self.report(changes, fault: fault, seed: seed).isAlarm { found += 1 }
    }
    #expect(found >= 4, "\(found) of 5")
  }

  @Test(
    "all kinds, methods and ways of noise can be audited, and the same run gives the same verdict")
  func kinds() async throws {
    for kind in AuditPlan.Kind.allCases {
      let once = try await Self.report(kind: kind, canaries: 80, workers: 1)
      let again = try await Self.report(kind: kind, canaries: 80, workers: 3)
      #expect(once.rows == again.rows && once.rows.count == 12)
    }
    let exact = try await Self.report(["privacy.noise=exact"])
    #expect(exact.rows.allSatisfy { $0.verdict.canaries > 0 })
    let ifca = try await Self.report([#"method={"name": "ifca"}"#], kind: .farOut, canaries: 40)
    #expect(ifca.rows.first?.verdict.canaries == 40)
  }

  @Test(
    "scenarios whose canaries would not be what they are taken for are refused",
    arguments: [
      ["privacy.unit=client", #"method={"name": "global"}"#], ["privacy.target_epsilon=null"],
      ["privacy.individual=true"],
    ])
  func refused(_ changes: [String]) async throws {
    await #expect(throws: FederationError.self) { try await Self.report(changes) }
  }
}
