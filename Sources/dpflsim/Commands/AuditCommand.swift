// `dpflsim audit SCENARIO`

public import ArgumentParser
public import Federation
import Results
import Scenarios

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Attack a run of a scenario and show the least ε that it can have had.",
    discussion: """
      Records made for the purpose (canaries) are put into the clients' data, each by a fair coin. \
      After one run an auditor guesses from what was released which of them were in; right guesses \
      that no mechanism within the stated ε would allow refute the statement (exit status 70). \
      docs/audit.md explains the figures, which are stored and shown by `dpflsim report`. The run itself is \
      not stored.

      dpflsim audit scenarios/tiny.json --set privacy.target_epsilon=1
      """)

  @OptionGroup var scenario: ScenarioOptions
  @OptionGroup var store: StoreOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "What a canary is: gradient (the worst record), mislabelled, far-out.")
  var kind: AuditPlan.Kind = .gradient

  @Option(help: "Canaries of all clients together (default: 40 for each client).")
  var canaries: Int?

  @Option(help: "Work on so many cores (default: all). The result does not depend on it.")
  var workers: Int?

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    if let canaries, canaries < 1 {
      throw ValidationError("--canaries \(canaries): must be at least 1")
    }
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, got \(workers)")
    }
  }

  func run() async throws {
    try ProcessRanks.refuse("audit")
    let scenario = try scenario.scenario()
    let plan = AuditPlan(
      kind: kind, canaries: canaries ?? AuditPlan.usualCanaries(clients: scenario.clients.count))
    // Before the work: a store that cannot be written costs nothing then.
    let file = try store.open()
    let report = try await audit(scenario, plan: plan)
    let record = try file.add(report, of: scenario, machine: Machine.description)
    try output.write {
      report.lines(colors: $0) + [
        "", "Stored as \(record.auditID); `dpflsim report` shows it beside runs of the scenario.",
      ]
    } document: {
      report.document
    }
    if report.isAlarm {
      throw Failure(
        .fault,
        "the stated ε is refuted: the run released more than its ledger says (or this is the one audit in twenty "
          + "that errs; try other seeds)")
    }
  }

  private func audit(_ scenario: Scenario, plan: AuditPlan) async throws -> AuditReport {
    let places = Places()
    var options = SimulationOptions(
      workers: workers ?? Machine.cores, modelCache: BaseModelCache(folder: places.cache),
      checkpoints: .never)
    options.audit = plan
    let display = ProgressDisplay(
      scenario: scenario,
      style: quiet ? .silent : .suitable(colors: output.colors(on: .error)), roundsDone: 0,
      runID: "audit")
    do {
      let outcome = try await Simulation(
        scenario: scenario, catalog: places.catalog, options: options
      ).run(observer: AuditAudience(display: display))
      await display.clear()
      guard let evidence = outcome.evidence else {
        throw Failure(.fault, "an audited run left no evidence")
      }
      return try AuditReport(evidence, plan: plan, scenario: scenario)
    } catch {
      await display.clear()
      throw Failure(error)
    }
  }
}

private struct AuditAudience: RunObserver {
  let display: ProgressDisplay
  func receive(_ event: RunEvent) async { await display.receive(event) }
}

extension AuditPlan.Kind: ExpressibleByArgument {}
