// Audits and released updates in the store, and audits in the report.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Tensors
import Testing

@Suite("Stored audits and updates")
struct AuditStoreTests {
  private static func audit(
    _ kind: AuditPlan.Kind = .gradient, of scenario: Scenario? = nil,
    allowed: [CheckReport.Finding] = []
  ) async throws -> AuditReport {
    let plan = AuditPlan(kind: kind, canaries: 80)
    var options = SimulationOptions(workers: 1, checkpoints: .never)
    options.audit = plan
    let scenario = try scenario ?? RunCheckpointTests.scenario()
    let outcome = try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(), options: options
    ).run(observer: Nobody())
    return try AuditReport(
      #require(outcome.evidence), plan: plan, scenario: scenario, allowed: allowed)
  }

  private struct Nobody: RunObserver {
    func receive(_ event: RunEvent) {}
  }

  @Test("an audit is read back as it was, comes along with runs, and the report draws it")
  func audits() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("a.sqlite"))
      let (report, other) = (try await Self.audit(), try await Self.audit(.farOut))
      let scenario = try RunCheckpointTests.scenario()
      let old = try store.add(report, of: scenario, machine: "a machine")
      _ = try store.add(other, of: scenario, machine: "a machine")
      let record = try store.add(report, of: scenario, machine: "a <i>machine")
      #expect(store.report(of: record)?.rows == report.rows)
      #expect(record.canaries == 80 && record.refuted == report.isAlarm && record.seed == 0)

      let copy = try RunStore.open(folder.appendingPathComponent("b.sqlite"))
      _ = try await RunCheckpointTests.whole(copy)
      let without = try ReportPage(copy.comparison(), in: copy, runtime: nil).html
      #expect(!without.contains("What attacks showed"))
      for _ in 0..<2 { _ = try copy.importRuns(from: store) }
      #expect(try copy.audits().map(\.auditID).sorted() == store.audits().map(\.auditID).sorted())

      let page = try ReportPage(copy.comparison(), in: copy, runtime: nil).html
      // The latest of each kind, with a figure and the engine's test.
      #expect(page.contains("id=\"audit-0\"") && page.contains("id=\"audit-1\""))
      #expect(!page.contains("id=\"audit-2\"") && !page.contains(old.auditID))
      let row = try #require(report.rows.first)
      #expect(
        page.contains("<td>\(row.verdict.correct) of \(row.verdict.guesses)</td>"))
      #expect(page.contains("coins told by the noisy sums"))
    }
  }

  @Test("what was allowed stands beside the claim, in the store, the answer and the report")
  func allowed() async throws {
    try await withFolder { folder in
      let scenario = try Scenario(
        json: Data(RunCheckpointTests.scenario().resolvedJSON.utf8),
        overrides: ["privacy.target_delta=0.5", #"privacy.allow=["DP102"]"#])
      let check = try RunCheck(scenario: scenario, catalog: DatasetCatalog())
      let report = try await Self.audit(of: scenario, allowed: check.allowed)
      #expect(check.refused.isEmpty && report.allowedFindings.map(\.rule) == ["DP102"])
      let store = try RunStore.open(folder.appendingPathComponent("a.sqlite"))
      let record = try store.add(report, of: scenario, machine: "a machine")
      #expect(store.report(of: record)?.allowedFindings == check.allowed)

      let text = report.lines(colors: false).joined(separator: "\n")
      #expect(text.contains("Allowed, though ε says little then: DP102"))
      #expect(text.contains(" !"))
      #expect(report.document["allowed"]?[0]?["rule"] == "DP102")
      _ = try await RunCheckpointTests.whole(store)
      let page = try ReportPage(store.comparison(), in: store, runtime: nil).html
      #expect(page.contains("Allowed by name, though ε says little then: DP102"))
    }
  }

  @Test("an audit that was stored before what was allowed and proven was kept is read")
  func earlier() async throws {
    let report = try await Self.audit()
    let encoded = try JSONEncoder().encode(report)
    var document = try #require(
      JSONSerialization.jsonObject(with: encoded) as? [String: Any])
    #expect(document["allowed"] == nil)
    document["rows"] = (document["rows"] as? [[String: Any]] ?? []).map {
      $0.filter { $0.key != "provenEpsilon" }
    }
    let read = try JSONDecoder().decode(
      AuditReport.self, from: JSONSerialization.data(withJSONObject: document))
    #expect(read.rows.count == report.rows.count && read.allowedFindings.isEmpty)
    #expect(read.rows.allSatisfy { $0.provenEpsilon == nil } && read.isAlarm == report.isAlarm)
  }

  @Test("figures that can show nothing say so, in text, JSON and report, and what to change")
  func notes() async throws {
    let words = "At most is 0, whatever the run released: at δ = 0.001 no number of canaries"
    let report = try await Self.audit()
    #expect(report.lines(colors: false).contains { $0.hasPrefix(words) })
    guard case .string(let note)? = report.document["notes"]?[0] else {
      Issue.record("no note")
      return
    }
    #expect(note.contains(words) && note.contains("Set a smaller privacy.target_delta"))
    let sound = try await Self.audit(
      of: Scenario(
        json: Data(RunCheckpointTests.scenario().resolvedJSON.utf8),
        overrides: ["privacy.target_delta=1e-6"]))
    #expect(sound.document["notes"] == .array([]))
    #expect(!sound.lines(colors: false).contains { $0.contains("At most is") })
  }

  /// A run that keeps its updates, begun or to go on.
  private struct Keeping {
    struct Failure: Error {}
    let recorder: RunRecorder
    private let point: ResumePoint?
    private let simulation: Simulation

    init(_ changes: [String] = [], in store: RunStore) throws {
      let scenario = try Scenario(
        json: Data(RunCheckpointTests.scenario().resolvedJSON.utf8), overrides: changes)
      recorder = try RunRecorder(
        store: store, scenario: scenario, workers: 1, machine: "a machine")
      point = nil
      simulation = Self.simulation(scenario)
    }

    init(resuming runID: String, in store: RunStore) throws {
      let scenario = try store.scenario(of: store.run(named: runID))
      point = try store.resumePoint(of: runID)
      recorder = try RunRecorder(
        resuming: runID, in: store, after: point?.round ?? 0, scenario: scenario, workers: 1)
      simulation = Self.simulation(scenario)
    }

    private static func simulation(_ scenario: Scenario) -> Simulation {
      var options = SimulationOptions(workers: 1, checkpoints: .rounds(2))
      options.handsOutUpdates = true
      return Simulation(scenario: scenario, catalog: DatasetCatalog(), options: options)
    }

    /// - Parameter rounds: after which it fails; nil lets it end.
    func run(failingAfter rounds: Int? = nil) async throws {
      do {
        let outcome = try await simulation.run(
          observer: Failing(recorder: recorder, rounds: rounds), from: point)
        try await RunCheckpointTests.finish(recorder, outcome)
      } catch is Failure {
        try await recorder.end(as: .interrupted, reason: "stopped", cost: Sample.cost)
      }
    }

    private struct Failing: RunObserver {
      let recorder: RunRecorder
      let rounds: Int?

      func receive(_ event: RunEvent) async throws {
        try await recorder.receive(event)
        if case .finishedRound(let report) = event, report.round == rounds { throw Failure() }
      }
    }
  }

  @Test("every released update is in a file whose index says how it was made")
  func updates() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let whole = try Keeping(in: store)
      try await whole.run()
      let runID = whole.recorder.runID
      let artifacts = try store.artifacts(of: runID)
      let files = artifacts.filter { $0.kind == "update" }
      #expect(files.map(\.name) == (1...6).map { "round-00000\($0)" })
      let indices = artifacts.filter { $0.kind == "update-index" }
      #expect(indices.map(\.name) == files.map(\.name))
      let ledger = try store.ledgerEntries(of: runID)
      for (file, index) in zip(files, indices) {
        let tensors = try store.tensors(of: file)
        let text = try Data(contentsOf: store.folder.appendingPathComponent(index.path))
        let document = try JSONValue(parsing: text)
        guard case .array(let rows)? = document["updates"] else {
          Issue.record("no updates in \(index.path)")
          continue
        }
        #expect(rows.count == 8 && tensors.tensors.count == 8)
        #expect(document["run_id"] == .string(runID))
        var releases = 0
        for row in rows {
          guard case .string(let name)? = row["tensor"], case .array(let own)? = row["releases"]
          else { continue }
          #expect(tensors.tensors.contains { $0.name == name && $0.shape == [52] })
          releases += own.count
        }
        let round = try #require(Int(file.name.suffix(6)))
        #expect(releases == ledger.count { $0.round == round })
      }
    }
  }

  @Test("a client that sends several models has a tensor for each, and its shares stand once")
  func severalModels() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let run = try Keeping(
        [#"method={"name": "fedem", "num_clusters": 2}"#, "rounds=2"], in: store)
      try await run.run()
      let files = try store.artifacts(of: run.recorder.runID)
      let kept = try #require(files.first { $0.kind == "update" })
      let names = try store.tensors(of: kept).tensors.map(\.name)
      #expect(names.contains("client-0-model-0") && names.contains("client-0-model-1"))
      #expect(Set(names).count == 16)
      let ledger = try store.ledgerEntries(of: run.recorder.runID)
      #expect(ledger.count { $0.purpose == .posterior } == 16)
    }
  }

  /// Of a run whose rounds are other releases when they are done again.
  private static let unrepeatable = [
    "privacy.randomness=system", "privacy.noise=hardened", "privacy.on_budget_exhausted=continue",
  ]

  @Test("rounds that are done again overwrite equal updates, and add other ones")
  func resumed() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let whole = try Keeping(in: store)
      try await whole.run()
      for changes in [[], Self.unrepeatable] {
        let broken = try Keeping(changes, in: store)
        try await broken.run(failingAfter: 5)
        let runID = broken.recorder.runID
        try await Keeping(resuming: runID, in: store).run()
        let files = try store.artifacts(of: runID).filter { $0.kind == "update" }
        if changes.isEmpty {
          let hashes = { (id: String) in
            try store.artifacts(of: id).filter { $0.kind == "update" }.map {
              try store.tensors(of: $0).tensors
            }
          }
          #expect(try hashes(runID) == hashes(whole.recorder.runID))
        } else {
          #expect(files.map(\.name).filter { $0.contains("again") } == ["round-000005-again-2"])
        }
      }
    }
  }
}
