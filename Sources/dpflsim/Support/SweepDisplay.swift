// The live view of a sweep on standard error: the grid on a terminal, a line a cell elsewhere.

import Analysis
import Federation
import Formatting
import Scenarios

actor SweepDisplay {
  private(set) var progress: SweepProgress
  private let style: ProgressDisplay.Style
  private var drawnLines = 0
  /// Rules of which something was said already, and reasons of failures: most cells of a sweep share them.
  private var said: Set<String> = []

  init(_ grid: SweepGrid, jobs: Int, style: ProgressDisplay.Style) {
    progress = SweepProgress(grid, jobs: jobs)
    self.style = style
  }

  /// Cells with a result in the store.
  func begin(known: [Int: String]) {
    for (cell, runID) in known { progress.set(.known(runID: runID), of: cell) }
    switch style {
    case .silent, .bar: break
    case .lines: Terminal.report(progress.headline + "\n")
    case .json:
      ProgressStream.write(
        "sweep",
        [
          "cells": progress.document, "over": .integer(progress.cellsOver),
          "total": .integer(progress.total),
        ])
    }
    draw()
  }

  func start(_ cell: Int) {
    progress.set(.running, of: cell)
    writeJSON(cell)
    draw()
  }

  func receive(_ event: RunEvent, of cell: Int) {
    guard case .finishedRound(let report) = event else { return }
    let rounds = progress.grid.cells[cell].scenario.rounds
    progress.advance(cell, to: Double(report.round) / Double(rounds))
    writeJSON(cell)
    draw()
  }

  func end(_ cell: Int, _ state: SweepCellState) {
    progress.set(state, of: cell)
    writeJSON(cell)
    if style == .lines {
      let here = progress.grid.cells[cell]
      var line = "\(progress.headline): \(here.rowLabel), ε \(here.epsilonLabel), seed "
      line += "\(here.scenario.seed) "
      switch state {
      case .done(let runID, let seconds): line += "\(runID) in \(NumberText.duration(seconds))"
      case .failed: line += "failed: \(reason(state))"
      case .refused: line += "refused: \(reason(state))"
      case .known(let runID): line += "is \(runID)"
      case .waiting, .running: line += "was interrupted"
      }
      Terminal.log(line)
    }
    draw()
  }

  /// Why a cell has no result, in full for the first one.
  private func reason(_ state: SweepCellState) -> String {
    let reason = state.reason ?? ""
    return said.insert(reason).inserted ? reason : "as before"
  }

  /// Writes the state of a cell, and how far the sweep is.
  private func writeJSON(_ cell: Int) {
    guard style == .json else { return }
    ProgressStream.write(
      "cell",
      [
        "cell": .integer(cell), "state": progress.document(of: cell),
        "share": .number(progress.share(of: cell)), "over": .integer(progress.cellsOver),
        "total": .integer(progress.total),
        "seconds_left": progress.secondsLeft.map { .number($0) } ?? .null,
      ])
  }

  /// Says something above the grid.
  func say(_ text: String) {
    erase()
    Terminal.tell(text)
    draw()
  }

  /// Says what the check found in a cell, once for each rule.
  func say(_ findings: [CheckReport.Finding]) {
    guard style != .silent else { return }
    for finding in findings where said.insert(finding.rule).inserted { say(finding.line) }
  }

  /// Takes the grid away.
  func erase() {
    guard drawnLines > 0 else { return }
    Terminal.report("\u{1B}[\(drawnLines)A\r\u{1B}[J")
    drawnLines = 0
  }

  private func draw() {
    guard case .bar(let colors) = style else { return }
    erase()
    let lines = progress.lines(width: Terminal.width - 1, colors: colors)
    drawnLines = lines.count
    Terminal.report(lines.joined(separator: "\n") + "\n")
  }
}
