// `dpflsim audit SCENARIO`

public import ArgumentParser
public import Federation
import Presentation
import Scenarios
import Store

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Attack a run of a scenario and show the least ε that it can have had.",
    usage: "dpflsim audit [<scenario>] [<options>]",
    discussion: """
      Records made for the purpose (canaries) are put into the clients' data, each by a fair coin. \
      After one run an auditor guesses from what was released which of them were in; right guesses \
      that no mechanism within the stated ε would allow refute the statement (exit status 70). \
      docs/audit.md explains the figures, which are stored and shown by `dpflsim report`. The run itself is \
      not stored. What `dpflsim check` finds critical ends the audit before anything is trained (65), unless \
      it is allowed by name.

      dpflsim audit scenarios/tiny.json --set privacy.target_delta=1e-5 --set local.batch_size=300
      """)

  @OptionGroup var scenario: ScenarioOptions
  @OptionGroup var allowed: AllowOptions
  @OptionGroup var store: StoreOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "What a canary is: gradient (the worst record), mislabelled, far-out.")
  var kind: AuditPlan.Kind = .gradient

  @Option(help: "Canaries of all clients together (default: 40 for each client).")
  var canaries: Int?

  @Option(
    help: """
      Audit so many runs instead, with seeds from the scenario's on and one canary each, in or out by a fair coin; for \
      small scenarios.
      """)
  var runs: Int?

  @Option(help: "Work on so many cores (default: all). The result does not depend on it.")
  var workers: Int?

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    if let canaries, canaries < 1 {
      throw ValidationError("--canaries \(canaries): must be at least 1")
    }
    if let runs {
      guard (8...100_000).contains(runs) else {
        throw ValidationError(
          "--runs \(runs): must be from 8 to 100000; half of them choose the threshold")
      }
      guard canaries == nil else {
        throw ValidationError(
          "--runs has one canary in each run, so --canaries does not go with it")
      }
    }
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, got \(workers)")
    }
  }

  func run() async throws {
    try ProcessRanks.refuse("audit")
    if let runs { return try await repeated(runs) }
    let scenario = try scenario.scenario(allowing: allowed)
    let plan = AuditPlan(
      kind: kind, canaries: canaries ?? AuditPlan.usualCanaries(clients: scenario.clients.count))
    let check = try await passed(scenario, isTold: !quiet)
    // Before the work: a store that cannot be written costs nothing then.
    let file = try store.open()
    let report = try await audit(scenario, plan: plan, check: check)
    let record = try file.add(report, of: scenario, machine: Machine.description)
    try output.write {
      report.lines(colors: $0) + [
        "", "Stored as \(record.auditID); `dpflsim report` shows it beside runs of the scenario.",
      ]
    } document: {
      report.document
    }
    if report.isAlarm { throw Self.alarm }
  }

  private static let alarm = Failure(
    .fault,
    "the stated ε is refuted: the run released more than its ledger says (or this is the one audit in twenty "
      + "that errs; try other seeds)")

  /// One canary in or out over many runs.
  private func repeated(_ runs: Int) async throws {
    let first = try scenario.scenario(allowing: allowed)
    var evidence: [AuditEvidence] = []
    var findings: [CheckReport.Finding] = []
    for run in 0..<runs {
      let audited = try repetition(run, of: first)
      // What a client holds may be drawn from the seed, and with it what the check finds.
      let check = try await passed(audited.scenario, isTold: run == 0 && !quiet)
      findings += check.allowed.filter { found in !findings.contains { $0.rule == found.rule } }
      evidence.append(
        try await self.evidence(audited.scenario, plan: audited.plan, check: check, isShown: false))
    }
    let report: RepeatedAuditReport
    do {
      report = try RepeatedAuditReport(
        evidence, kind: kind, scenario: first, allowed: findings)
    } catch {
      throw Failure(error)
    }
    try output.write {
      report.lines(colors: $0)
    } document: {
      report.document
    }
    if report.isAlarm { throw Self.alarm }
  }

  /// Each run has a seed of its own, and its canary at the next client.
  private func repetition(
    _ run: Int, of first: Scenario
  ) throws -> (scenario: Scenario, plan: AuditPlan) {
    var options = scenario
    options.seed = first.seed &+ UInt64(run)
    return (
      try options.scenario(allowing: allowed),
      AuditPlan(kind: kind, canaries: 1, client: run % first.clientCount)
    )
  }

  /// The check of a scenario that may be trained, as `run` asks it.
  private func passed(_ scenario: Scenario, isTold: Bool) async throws -> RunCheck {
    try await scenario.holdArithmetic()
    defer { scenario.releaseArithmetic() }
    let check = try RunCheck.passed(by: scenario, in: Places())
    if isTold { check.tell() }
    return check
  }

  private func audit(
    _ scenario: Scenario, plan: AuditPlan, check: RunCheck
  ) async throws -> AuditReport {
    let evidence = try await self.evidence(scenario, plan: plan, check: check, isShown: !quiet)
    do {
      return try AuditReport(evidence, plan: plan, scenario: scenario, allowed: check.allowed)
    } catch {
      throw Failure(error)
    }
  }

  private func evidence(
    _ scenario: Scenario, plan: AuditPlan, check: RunCheck, isShown: Bool
  ) async throws -> AuditEvidence {
    let places = Places()
    var options = SimulationOptions(
      workers: workers ?? Machine.cores, modelCache: BaseModelCache(folder: places.cache),
      checkpoints: .never)
    options.audit = plan
    options.allowedFindings = check.allowed
    let display = ProgressDisplay(
      scenario: scenario,
      style: isShown ? .suitable(colors: output.colors(on: .error)) : .silent, roundsDone: 0,
      runID: "audit")
    do {
      let outcome = try await Simulation(
        scenario: scenario, catalog: places.catalog, options: options
      ).run(observer: AuditAudience(display: display))
      await display.clear()
      guard let evidence = outcome.evidence else {
        throw Failure(.fault, "an audited run left no evidence")
      }
      return evidence
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
