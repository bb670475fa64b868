// A run from the command line: simulate, store and show at once, and end well when it is stopped.

import Federation
import Foundation
import Results
import Scenarios

struct RunExecution {
  let scenario: Scenario
  let store: RunStore
  let workers: Int
  let progress: ProgressDisplay.Style
  /// Follows the run after store and display.
  var listener: (@Sendable (RunEvent) async -> Void)?
  /// Whether SIGINT and SIGTERM end this run; a sweep listens by itself.
  var stopsOnSignal = true

  /// Runs to the end.
  ///
  /// - Throws: what the simulation throws, after it has been stored; a `Failure` with status 130 or 143
  ///   if the run was stopped from outside.
  func run() async throws -> StoredRun {
    let places = Places()
    let simulation = Simulation(
      scenario: scenario, catalog: places.catalog,
      options: SimulationOptions(
        workers: workers, modelCache: BaseModelCache(folder: places.cache)))
    let recorder = try RunRecorder(
      store: store, scenario: scenario, workers: workers, machine: Machine.description)
    let display = ProgressDisplay(scenario: scenario, style: progress)
    let audience = RunAudience(recorder: recorder, display: display, listener: listener)
    let watch = SignalWatch()
    let clock = ContinuousClock()
    let begin = clock.now
    func cost() -> RunRecorder.Cost {
      let duration = begin.duration(to: clock.now).components
      return RunRecorder.Cost(
        wallSeconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18,
        peakRSSBytes: Machine.peakMemory)
    }
    do {
      let task = Task { try await simulation.run(observer: audience) }
      if stopsOnSignal { watch.start { task.cancel() } }
      let outcome = try await task.value
      await display.clear()
      let models = try outcome.models.map { model in
        (model.name, try Safetensors(model, metadata: metadata(recorder.runID, outcome.result)))
      }
      try await recorder.finish(
        outcome.result, models: Dictionary(uniqueKeysWithValues: models), cost: cost())
    } catch {
      await display.clear()
      throw await ending(of: recorder, error, watch, cost())
    }
    return try store.details(of: store.run(named: recorder.runID))
  }

  /// What a model file says about itself.
  private func metadata(_ runID: String, _ result: RunResult) -> [String: String] {
    [
      "format": "dpflsim", "run_id": runID, "scenario_hash": result.scenarioHash,
      "result_digest": result.resultDigest,
    ]
  }

  /// Stores how a run ended early, and says it.
  private func ending(
    of recorder: RunRecorder, _ error: any Error, _ watch: SignalWatch, _ cost: RunRecorder.Cost
  ) async -> Failure {
    var failure = Failure(error)
    // A budget that ended before the run did is no failure: what was paid for is stored.
    var status = failure.status == .stopped ? RunStatus.stopped : .failed
    if let signal = watch.status, error is CancellationError {
      let rounds = (try? store.rounds(of: recorder.runID).count) ?? 0
      status = .interrupted
      failure = Failure(
        signal,
        "stopped after round \(rounds) of \(scenario.rounds); what was finished is stored as "
          + recorder.runID)
    }
    do {
      try await recorder.end(as: status, reason: failure.message, cost: cost)
    } catch {
      // The store then shows the run as interrupted once this process has ended.
      return Failure(failure.status, "\(failure.message)\nAlso: \(error)")
    }
    return failure
  }
}

/// Everybody who follows a run; the store comes first, so that nothing is shown that is not kept.
private struct RunAudience: RunObserver {
  let recorder: RunRecorder
  let display: ProgressDisplay
  let listener: (@Sendable (RunEvent) async -> Void)?

  func receive(_ event: RunEvent) async throws {
    try await recorder.receive(event)
    await display.receive(event)
    await listener?(event)
    try Task.checkCancellation()
  }
}
