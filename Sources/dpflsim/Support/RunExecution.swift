// A run from the command line: simulate, store and show at once, and end well when it is stopped.

import Federation
import Formatting
import Foundation
import Presentation
import Ranks
import Scenarios
import Store
import Synchronization
import Tensors

/// A stored run that is continued.
struct ResumedRun {
  let runID: String
  /// Whether it may be taken from a process that seems to go on on another machine.
  var fromElsewhere = false
}

struct RunExecution {
  let scenario: Scenario
  let store: RunStore
  let workers: Int
  let progress: ProgressDisplay.Style
  var checkpoints = CheckpointPolicy.usual
  /// Bytes that the run may be expected to take; nil sets no limit.
  var memoryLimit: Int?
  /// The run to go on with; nil begins one.
  var resumed: ResumedRun?
  /// Whether every released update is stored.
  var keepsUpdates = false
  /// Where cells of a sweep find one another's frozen features.
  var sharedFeatures: SharedFeatures?
  /// To begin only if no run of this identity is done, and no other process runs its scenario on this store.
  var exclusively: RunIdentity?
  /// When the whole began, for the time of everything.
  var begun = ContinuousClock.now
  /// Follows the run after store and display.
  var listener: (@Sendable (RunEvent) async -> Void)?
  /// Where each finished round becomes scalars for TensorBoard; nil for nowhere.
  var tensorBoard: URL?
  /// The store's option, where it must be repeated to find the same store.
  var storeOption = ""
  /// Told what the check warns of or was told to allow; nothing is said where the style is silent and this nil.
  var warn: (@Sendable ([CheckReport.Finding]) async -> Void)?
  /// The processes that share it; nil for one alone.
  var shared: RankedRun?
  /// Told how ranks shared the work.
  var tellSharing: (@Sendable (RankSharing) -> Void)?
  /// Whether SIGINT and SIGTERM end this run; a sweep listens by itself and cancels the task.
  var stopsOnSignal = true

  /// Runs to the end.
  ///
  /// - Throws: a `Failure` with status 65 if the check refuses the scenario, before anything is stored; what
  ///   the simulation throws, after it has been stored, unless the memory limit refuses the run, which then
  ///   leaves none; a `Failure` with status 130 or 143 if the run was
  ///   stopped from outside.
  func run() async throws -> StoredRun {
    try await scenario.holdArithmetic()
    defer { scenario.releaseArithmetic() }
    let places = Places()
    let check = try RunCheck.passed(by: scenario, in: places)
    let findings = check.findings
    if let warn {
      await warn(findings)
    } else if progress != .silent {
      check.tell()
    }
    var options = SimulationOptions(
      workers: workers, memoryLimit: memoryLimit,
      modelCache: BaseModelCache(folder: places.cache), checkpoints: checkpoints)
    options.allowedFindings = check.allowed
    options.sharedFeatures = sharedFeatures
    // The cells of a sweep differ in their seeds: each would push the others out.
    if sharedFeatures == nil { options.featureCache = FeatureCacheFolder(folder: places.cache) }
    options.handsOutUpdates = keepsUpdates
    if let shared { options.ranks = shared.ranks }
    let simulation = Simulation(scenario: scenario, catalog: places.catalog, options: options)
    let (recorder, found) = try begin(findings)
    let point = resumed == nil ? found : try await shareResumePoint(found)
    let display = ProgressDisplay(
      scenario: scenario, style: progress, roundsDone: point?.round ?? 0, runID: recorder.runID)
    let log = try tensorBoard.map { folder throws(StoreError) in
      try TensorBoardLog(
        folder: folder, runID: recorder.runID,
        clusters: scenario.population.clusters.map(\.name))
    }
    let audience = RunAudience(
      recorder: recorder, display: display, log: log, listener: listener)
    let observer = shared?.observer(audience) ?? audience
    let request = options.stopRequest
    let isShared = shared?.isShared ?? false
    let watch = SignalWatch()
    let clock = ContinuousClock()
    let begin = clock.now
    func cost() -> RunRecorder.Cost {
      let duration = begin.duration(to: clock.now).components
      return RunRecorder.Cost(
        wallSeconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18,
        peakRSSBytes: Machine.peakMemory, begun: self.begun)
    }
    do {
      let kept = OutcomeBox()
      let task = Task { kept.put(try await simulation.run(observer: observer, from: point)) }
      if stopsOnSignal {
        watch.start {
          if isShared {
            request.make(status: Int(watch.status?.rawValue ?? 0))
          } else {
            task.cancel()
          }
        }
      }
      try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
      await display.clear()
      if let outcome = kept.take() { try await store(outcome, by: recorder, cost: cost()) }
    } catch {
      await display.clear()
      throw await ending(of: recorder, error, request.exitStatus ?? watch.status, cost())
    }
    return try store.details(of: store.run(named: recorder.runID))
  }

  /// Stores what a run has come to.
  private func store(
    _ outcome: RunOutcome, by recorder: RunRecorder, cost: RunRecorder.Cost
  ) async throws {
    if let sharing = outcome.sharing { tellSharing?(sharing) }
    let models = try outcome.models.map { model in
      (
        model.name,
        try Safetensors(
          model, metadata: metadata(recorder.runID, outcome.result, isBase: model.name == "base"))
      )
    }
    do {
      try await recorder.finish(
        outcome.result, models: Dictionary(uniqueKeysWithValues: models), cost: cost)
    } catch {
      throw Failure(error).withStoredRounds(scenario.rounds, resumeCommand: resumeCommand(recorder))
    }
  }

  private func shareResumePoint(_ point: ResumePoint?) async throws -> ResumePoint? {
    guard let shared else { return point }
    return try await shared.shared(point, of: scenario)
  }

  private func begin(_ findings: [CheckReport.Finding]) throws -> (RunRecorder, ResumePoint?) {
    guard let resumed else {
      let recorder = try RunRecorder(
        store: store, scenario: scenario, workers: workers, place: place,
        machine: ([Machine.description] + [shared?.description].compactMap { $0 })
          .joined(separator: ", "),
        findings: findings, alone: exclusively)
      return (recorder, nil)
    }
    let point = try store.resumePoint(of: resumed.runID)
    let recorder = try RunRecorder(
      resuming: resumed.runID, in: store, after: point?.round ?? 0, scenario: scenario,
      workers: workers, place: place, findings: findings, fromElsewhere: resumed.fromElsewhere)
    return (recorder, point)
  }

  private var place: RunPlace { shared?.place ?? RunPlace(slurmJob: Slurm.currentJob) }

  /// What a model file says about itself.
  private func metadata(
    _ runID: String, _ result: RunResult, isBase: Bool
  ) -> [String: String] {
    var metadata = [
      "format": "dpflsim", "run_id": runID, "scenario_hash": result.scenarioHash,
      "result_digest": result.resultDigest,
    ]
    // What was learned of private data is no public base (DP116).
    if !isBase { metadata["epsilon"] = result.epsilonMax.map { "\($0)" } ?? "none" }
    return metadata
  }

  /// The command that goes on with the run.
  private func resumeCommand(_ recorder: RunRecorder) -> String {
    "\(Places().command) run --resume \(recorder.runID)\(storeOption)"
  }

  /// Stores how a run ended early, and says it.
  private func ending(
    of recorder: RunRecorder, _ error: any Error, _ stop: ExitStatus?, _ cost: RunRecorder.Cost
  ) async -> Failure {
    var failure = Failure(error)
    // A budget that ended before the run did is no failure: what was paid for is stored.
    var status = failure.status == .stopped ? RunStatus.stopped : .failed
    if error is CancellationError {
      let rounds = (try? store.rounds(of: recorder.runID).count) ?? 0
      status = .interrupted
      failure = Failure(
        stop ?? .interrupted,
        "stopped after round \(rounds) of \(scenario.rounds); go on with: \(resumeCommand(recorder))"
      )
    }
    // A rank was lost: the run goes on from its last checkpoint.
    if error is RanksError, failure.status == .stopped { status = .interrupted }
    do {
      if case FederationError.memoryLimit = error {
        // Refused before it began: there is no run, least of all the latest.
        try await recorder.withdraw()
      } else {
        try await recorder.end(as: status, reason: failure.message, cost: cost)
      }
    } catch {
      // The store then shows the run as interrupted once this process has ended.
      // A disk that is full for the rounds is full for this as well, and said once.
      let second = "\(error)"
      return failure.message.contains(second)
        ? failure : Failure(failure.status, "\(failure.message)\nAlso: \(second)")
    }
    return failure
  }
}

/// Holds the outcome of a run until it is taken: a task would keep it to its own end, beside what is read back of it.
private final class OutcomeBox: Sendable {
  private let outcome = Mutex<RunOutcome?>(nil)

  func put(_ outcome: RunOutcome) { self.outcome.withLock { $0 = outcome } }

  func take() -> RunOutcome? { outcome.withLock { $0.take() } }
}

extension Failure {
  /// The failure of writing a result, after which only the result is missing.
  fileprivate func withStoredRounds(_ rounds: Int, resumeCommand command: String) -> Failure {
    Failure(
      status,
      message
        + "\nthe result is missing and all \(rounds) rounds are stored; try again with: \(command)")
  }
}

/// Everybody who follows a run; the store comes first, so that nothing is shown that is not kept.
private struct RunAudience: RunObserver {
  let recorder: RunRecorder
  let display: ProgressDisplay
  let log: TensorBoardLog?
  let listener: (@Sendable (RunEvent) async -> Void)?

  func receive(_ event: RunEvent) async throws {
    try await recorder.receive(event)
    try log?.receive(event)
    await display.receive(event)
    await listener?(event)
    try Task.checkCancellation()
  }
}
