// A sweep from the command line: the cells one after the other, each with all worker lanes.

import Foundation
import Results
import Scenarios

struct SweepExecution {
  let grid: SweepGrid
  let store: RunStore
  let workers: Int
  let progress: ProgressDisplay.Style

  /// Runs every cell that has no result yet. A cell that fails does not stop the others.
  ///
  /// Cells do not run side by side: a run keeps all cores busy, and one run at a time bounds the
  /// memory to that of the largest.
  /// - Returns: the state of every cell, and the signal that ended the sweep early if one did.
  func run() async throws -> (progress: SweepProgress, signal: ExitStatus?) {
    let display = SweepDisplay(grid, style: progress)
    var known = try store.finishedRuns()
    var knownCells: [Int: String] = [:]
    for (index, cell) in grid.cells.enumerated() {
      knownCells[index] = known[cell.scenario.hash]
    }
    await display.begin(known: knownCells)
    let watch = SignalWatch()
    watch.start {
      Task {
        await display.say(
          "The sweep ends after the running cell; a second signal ends it at once.")
      }
    }
    for (index, cell) in grid.cells.enumerated() where knownCells[index] == nil {
      if watch.status != nil { break }
      // Two combinations can be the same scenario.
      if let runID = known[cell.scenario.hash] {
        await display.end(index, .known(runID: runID))
        continue
      }
      await display.start(index)
      let state = await run(cell, display: display)
      if case .done(let runID, _) = state { known[cell.scenario.hash] = runID }
      await display.end(index, state)
    }
    await display.erase()
    return (await display.progress, watch.status)
  }

  private func run(_ cell: SweepCell, display: SweepDisplay) async -> SweepCellState {
    let begin = ContinuousClock.now
    do {
      let execution = RunExecution(
        scenario: cell.scenario, store: store, workers: workers, progress: .silent,
        listener: { await display.receive($0) }, stopsOnSignal: false)
      let stored = try await execution.run()
      let seconds = stored.run.wallSeconds ?? (ContinuousClock.now - begin) / .seconds(1)
      return .done(runID: stored.run.runID, seconds: seconds)
    } catch {
      return .failed(message: Failure(error).message)
    }
  }
}
