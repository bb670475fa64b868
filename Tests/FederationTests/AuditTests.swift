// Audits of whole runs: an engine that keeps its word passes, broken ones are found.

import Federation
import Foundation
import Privacy
import Scenarios
import Testing

@Suite("Audits of runs")
struct AuditTests {
  /// Runs of one scenario have equal releases whatever their seed.
  private static let claims = ClaimCache()

  private static func report(
    _ changes: [String] = [], kind: AuditPlan.Kind = .gradient, canaries: Int = 400,
    fault: EngineFault? = nil, seed: Int = 0, workers: Int = 2
  ) async throws -> AuditReport {
    let scenario = try Self.scenario(changes, seed: seed)
    let plan = AuditPlan(kind: kind, canaries: canaries)
    return try await AuditReport(
      evidence(of: scenario, plan: plan, fault: fault, workers: workers), plan: plan,
      scenario: scenario, claims: claims)
  }

  private static func scenario(_ changes: [String], seed: Int) throws -> Scenario {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    return try Scenario(
      json: Data(contentsOf: url),
      overrides: ["rounds=2", "privacy.target_epsilon=1", "seed=\(seed)"] + changes)
  }

  private static func evidence(
    of scenario: Scenario, plan: AuditPlan, fault: EngineFault?, workers: Int = 2
  ) async throws -> AuditEvidence {
    var options = SimulationOptions(workers: workers, checkpoints: .never)
    options.audit = plan
    options.fault = fault
    let outcome = try await Simulation(
      scenario: scenario, catalog: Sound.catalog, options: options
    ).run(observer: Recorder())
    return try #require(outcome.evidence)
  }

  @Test("a sound engine is refuted in no more runs than the confidence allows")
  func sound() async throws {
    var alarms = 0
    for seed in 0..<200 {
      if try await Self.report(seed: seed).isAlarm { alarms += 1 }
    }
    // The level itself: the corrections for several rows and thresholds lose most of it.
    #expect(alarms <= 10, "\(alarms) of 200")
  }

  @Test("every broken engine is found", arguments: EngineFault.allCases)
  func broken(_ fault: EngineFault) async throws {
    var found = 0
    for seed in 0..<5 {
      // R-DPCFL does not choose in two rounds.
      let changes =
        switch fault {
        case .unpaidChoices, .silentChoices, .doubledUtility: Self.choosing
        default: ["privacy.target_epsilon=5"]
        }
      let report = try await Self.report(changes, fault: fault, seed: seed)
      if report.isAlarm { found += 1 }
      // Noise that is shared is told by differences, and what was not counted by counting.
      let row = try #require(report.rows.first)
      let refuted = row.contrasts.filter(\.test.isRefuted).map(\.contrast)
      switch fault {
      case .sharedNoise: #expect(refuted == [.clients])
      case .repeatedKey: #expect(refuted == [.rounds])
      case .unpaidChoices: #expect(report.unpaid.count == 8)
      case .silentChoices, .doubledUtility:
        #expect(report.unpaid.isEmpty && !report.rows.contains(where: \.isAlarm))
      case .noNoise, .halfNoise, .noClipping, .clippedMean, .doubleBatch:
        #expect(report.unpaid.isEmpty)
      }
    }
    #expect(found >= 4, "\(found) of 5")
  }

  /// Choices of small ε, which noise decides together with what models are worth.
  private static let choosing = [
    "privacy.target_epsilon=5", "rounds=20",
    #"method={"name": "ifca", "num_clusters": 3, "selection_rounds_ratio": 1, "selection_epsilon_ratio": 0.002}"#,
  ]

  @Test("choices of a sound engine are as random as their mechanism")
  func choices() async throws {
    var alarms = 0
    for seed in 0..<10 {
      let report = try await Self.report(Self.choosing, canaries: 80, seed: seed)
      let choices = try #require(report.choices)
      #expect(choices.choices == 160 && abs(Double(choices.best) - choices.expectedBest) < 25)
      if report.isAlarm { alarms += 1 }
    }
    #expect(alarms <= 1)
    // R-DPCFL of two rounds does not choose.
    #expect(try await Self.report(canaries: 80).choices == nil)
  }

  @Test(
    "noise that is left out is found however it is made",
    arguments: ["privacy.noise=exact", "privacy.noise=hardened"])
  func silent(_ making: String) async throws {
    for (fault, isAlarm) in [(nil, false), (EngineFault.noNoise, true)] {
      let report = try await Self.report([making, "privacy.target_epsilon=5"], fault: fault)
      #expect(report.isAlarm == isAlarm)
    }
  }

  @Test("many runs with one canary each: a sound engine holds, one without noise is refuted")
  func repeated() async throws {
    for (fault, runs) in [(nil, 32), (EngineFault.noNoise, 80)] {
      var evidence: [AuditEvidence] = []
      for run in 0..<runs {
        let plan = AuditPlan(kind: .gradient, canaries: 1, client: run % 8)
        evidence.append(
          try await Self.evidence(
            of: Self.scenario(["privacy.target_epsilon=2"], seed: run), plan: plan, fault: fault))
      }
      let report = try RepeatedAuditReport(
        evidence, kind: .gradient, scenario: Self.scenario([], seed: 0))
      #expect(
        report.isAlarm == (fault != nil) && report.rows.map(\.surface) == AuditSurface.allCases)
      #expect(report.rows.allSatisfy { $0.verdict.positives + $0.verdict.negatives == runs / 2 })
    }
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

  /// A run whose bound is sharp enough: many canaries, and features for as many places as each client has of them.
  struct FullBatches: Sendable {
    let epsilon: Double
    let canaries: Int
    let features: Int
    let rounds: Int
    let seed: Int
  }

  @Test(
    "full batches: the Gaussian bound comes within a factor of three of the claim and not above it",
    arguments: [
      FullBatches(epsilon: 5, canaries: 1600, features: 100, rounds: 2, seed: 0),
      FullBatches(epsilon: 5, canaries: 1600, features: 100, rounds: 2, seed: 1),
      FullBatches(epsilon: 2, canaries: 6400, features: 200, rounds: 1, seed: 0),
    ])
  func sharpness(_ run: FullBatches) async throws {
    let report = try await Self.report(
      [
        // Every record in every batch and one step a round: a Gaussian trade-off is the true one.
        "local.batch_size=300", #"method={"name": "global"}"#, "privacy.target_delta=1e-5",
        "data.synthetic.features=\(run.features)", "rounds=\(run.rounds)",
        "privacy.target_epsilon=\(run.epsilon)",
      ], canaries: run.canaries, seed: run.seed)
    let row = try #require(report.rows.first { $0.surface == .steps && $0.cluster == nil })
    let bound = row.verdict.gaussianLowerBound
    #expect(abs(row.claimedEpsilon - run.epsilon) < 0.01)
    #expect(bound >= row.claimedEpsilon / 3 && bound <= row.claimedEpsilon, "\(bound)")
    #expect(!report.isAlarm)
    // One step a round: who knows the other records reads it off the update.
    let update = try #require(report.rows.first { $0.surface == .updates && $0.cluster == nil })
    #expect(abs(update.verdict.gaussianLowerBound - bound) < 0.1 * bound, "\(update.verdict)")
  }

  @Test("updates of several steps tell coins once the other records are taken off")
  func updates() async throws {
    var (right, all) = (0, 0)
    for seed in 0..<3 {
      let scenario = try Self.scenario(
        [#"method={"name": "global"}"#, "rounds=8", "privacy.target_epsilon=5"], seed: seed)
      let evidence = try await Self.evidence(
        of: scenario, plan: AuditPlan(kind: .gradient, canaries: 320), fault: nil)
      let order = evidence.canaries.sorted {
        ($0.scores[.updates] ?? 0) > ($1.scores[.updates] ?? 0)
      }
      right += order.prefix(160).count(where: \.isIncluded)
      right += order.suffix(160).count { !$0.isIncluded }
      all += order.count
    }
    // 80 steps at a rate of a tenth shift the sum of all by about 0.86 of its standard deviation: two of three coins are
    // told, with a standard error of 1.5 %. Updates as they are told 52 %.
    #expect(Double(right) > 0.6 * Double(all), "\(right) of \(all)")
  }

  @Test(
    "what is claimed is what the scenario's accountant states; the sharpest bound stands beside it")
  func stated() async throws {
    for (name, accountant) in [
      ("rdp", RDPAccountant() as any PrivacyAccountant), ("best", BestAccountant()),
    ] {
      let changes = ["privacy.accountant=\(name)"]
      let scenario = try Self.scenario(changes, seed: 0)
      let plan = AuditPlan(kind: .gradient, canaries: 80)
      let evidence = try await Self.evidence(of: scenario, plan: plan, fault: nil)
      let report = try AuditReport(evidence, plan: plan, scenario: scenario, claims: Self.claims)
      let row = try #require(report.rows.first)
      let stated = try evidence.costs.map {
        try accountant.epsilon(of: $0.event, delta: row.verdict.delta)
      }.max()
      #expect(row.claimedEpsilon == stated && row.claimedEpsilon <= 1)
      // Its noise was found by the same accountant: the target itself is stated.
      #expect(row.claimedEpsilon > 0.99)
      let proven = try #require(row.provenEpsilon)
      #expect(name == "rdp" ? proven < 0.95 * row.claimedEpsilon : proven == row.claimedEpsilon)
      let repeated = try RepeatedAuditReport([evidence], kind: .gradient, scenario: scenario)
      #expect(repeated.rows.allSatisfy { $0.claimedEpsilon == stated })
    }
  }

  private static func carriers(_ type: String) -> String {
    #"adapter={"type": "\#(type)", "r": 1, "target_modules": ["fc"]}"#
  }

  @Test(
    "scenarios whose canaries would not be what they are taken for are refused",
    arguments: [
      ["privacy.unit=client", #"method={"name": "global"}"#], ["privacy.target_epsilon=null"],
      ["privacy.individual=true"], [Self.carriers("rgp")], [Self.carriers("prism")],
      [#"adapter={"type": "random-projection", "r": 1, "modules_to_save": ["fc"]}"#],
    ])
  func refused(_ changes: [String]) async throws {
    await #expect(throws: FederationError.self) { try await Self.report(changes) }
  }
}
