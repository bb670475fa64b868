// A sweep from the command line: several cells side by side, as many as cores and memory allow.

import Analysis
import Datasets
import Federation
import Foundation
import Presentation
import Scenarios
import Store

struct SweepExecution {
  let grid: SweepGrid
  let store: RunStore
  /// Worker lanes of all cells together.
  let workers: Int
  /// Cells that run at the same time at most.
  let jobs: Int
  /// Bytes that running cells are expected to take at most, all together.
  let memoryLimit: Int
  let progress: ProgressDisplay.Style
  /// Of the cells that run side by side or one after another.
  private let sharedFeatures = SharedFeatures()

  init(
    grid: SweepGrid, store: RunStore, workers: Int, jobs: Int, memoryLimit: Int,
    progress: ProgressDisplay.Style
  ) {
    self.grid = grid
    self.store = store
    self.workers = workers
    self.jobs = jobs
    self.memoryLimit = memoryLimit
    self.progress = progress
  }

  /// Runs every cell that has no result yet. A cell that fails does not stop the others.
  ///
  /// Combinations that are the same scenario run once, and a cell that was interrupted goes on from its
  /// checkpoint. A signal ends the running cells after the round that they are in.
  /// - Returns: the state of every cell, and the signal that ended the sweep early if one did.
  func run() async throws -> (progress: SweepProgress, signal: ExitStatus?) {
    var waiting: [Int] = []
    var known: [Int: String] = [:]
    var twins: [String: [Int]] = [:]
    var identities = RunIdentities(catalog: Places().catalog)
    for (index, cell) in grid.cells.enumerated() {
      if let identity = identities.identity(of: cell.scenario),
        let runID = try store.finishedRun(of: identity)
      {
        known[index] = runID
      } else {
        if twins[cell.scenario.hash] == nil { waiting.append(index) }
        twins[cell.scenario.hash, default: []].append(index)
      }
    }
    let jobs = max(1, min(jobs, waiting.count))
    let display = SweepDisplay(grid, jobs: jobs, style: progress)
    await display.begin(known: known)
    let watch = SignalWatch()
    let cells = Task { [waiting, twins] in
      await run(waiting, twins: twins, jobs: jobs, display: display, watch: watch)
    }
    watch.start {
      cells.cancel()
      Task {
        await display.say(
          "The sweep ends after the running rounds; a second signal ends it at once.")
      }
    }
    await cells.value
    await display.erase()
    return (await display.progress, watch.status)
  }

  /// Runs cells side by side: one starts when a job is free and its forecast fits beside those of the
  /// running ones; one that fits nowhere runs alone.
  private func run(
    _ waiting: [Int], twins: [String: [Int]], jobs: Int, display: SweepDisplay, watch: SignalWatch
  ) async {
    await withTaskGroup(of: (cell: Int, memory: Int, state: SweepCellState).self) { group in
      var (running, memory) = (0, 0)
      var forecasts = MemoryForecasts()
      var queue = waiting[...]
      while true {
        while running < jobs, watch.status == nil, let index = queue.first {
          let cell = grid.cells[index]
          let need = forecasts.bytes(of: cell.scenario)
          guard running == 0 || memory + need <= memoryLimit else { break }
          queue.removeFirst()
          running += 1
          memory += need
          for twin in twins[cell.scenario.hash] ?? [] { await display.start(twin) }
          group.addTask {
            (index, need, await run(cell, index: index, workers: workers / jobs, display: display))
          }
        }
        guard let ended = await group.next() else { break }
        running -= 1
        memory -= ended.memory
        for twin in twins[grid.cells[ended.cell].scenario.hash] ?? [] {
          await display.end(twin, twin == ended.cell ? ended.state : ended.state.ofTwin)
        }
      }
    }
  }

  private func run(
    _ cell: SweepCell, index: Int, workers: Int, display: SweepDisplay
  ) async -> SweepCellState {
    let begin = ContinuousClock.now
    do {
      var identities = RunIdentities(catalog: Places().catalog)
      let identity = identities.identity(of: cell.scenario)
      while !Task.isCancelled {
        // Another sweep on the same store may have been here in the meantime.
        if let identity, let runID = try store.finishedRun(of: identity) {
          return .known(runID: runID)
        }
        do {
          let stored = try await result(
            of: cell, identity, resumed: identity.flatMap { try store.resumableRun(of: $0) },
            index: index,
            workers: workers, display: display)
          let seconds = stored.run.wallSeconds ?? (ContinuousClock.now - begin) / .seconds(1)
          return .done(runID: stored.run.runID, seconds: seconds)
        } catch StoreError.runInProgress {
          // Another sweep is at it: its result will do.
          try? await Task.sleep(for: .milliseconds(200))
        }
      }
      return .waiting
    } catch {
      let failure = Failure(error)
      if failure.status == .interrupted { return .waiting }
      return failure.isRefusal
        ? .refused(message: failure.message) : .failed(message: failure.message)
    }
  }

  /// Goes on with an interrupted run of the cell, or begins anew where there is none or its checkpoints are
  /// damaged.
  private func result(
    of cell: SweepCell, _ identity: RunIdentity?, resumed: RunRecord?, index: Int, workers: Int,
    display: SweepDisplay
  ) async throws -> StoredRun {
    var execution = RunExecution(
      scenario: cell.scenario, store: store, workers: max(1, workers), progress: .silent,
      listener: { await display.receive($0, of: index) }, stopsOnSignal: false)
    execution.exclusively = identity
    execution.sharedFeatures = sharedFeatures
    execution.warn = { await display.say($0) }
    guard let resumed else { return try await execution.run() }
    var continued = execution
    continued.resumed = ResumedRun(runID: resumed.runID)
    do {
      return try await continued.run()
    } catch StoreError.notResumable, StoreError.noUsableCheckpoint {
      return try await execution.run()
    }
  }
}

extension SweepCellState {
  /// The state of a cell with the same scenario.
  fileprivate var ofTwin: SweepCellState {
    if case .done(let runID, _) = self { .known(runID: runID) } else { self }
  }
}

/// The expected memory of scenarios.
private struct MemoryForecasts {
  private var known: [JSONValue: Int] = [:]
  private let catalog = Places().catalog

  /// Bytes at the peak; nothing for a scenario that will fail anyway. The seed does not matter.
  mutating func bytes(of scenario: Scenario) -> Int {
    guard case .object(var members) = scenario.resolved else { return 0 }
    members["seed"] = nil
    let key = JSONValue.object(members)
    if let bytes = known[key] { return bytes }
    let bytes = (try? CostForecast(of: scenario, catalog: catalog).peakBytes) ?? 0
    known[key] = bytes
    return bytes
  }
}
