// Progress on standard error: a bar that is drawn over on a terminal, a line a round elsewhere, or JSON Lines.

import Federation
import Formatting
import Presentation
import Scenarios

actor ProgressDisplay {
  enum Style: Sendable, Hashable {
    case silent
    case lines
    case json
    case bar(colors: Bool)

    /// What fits standard error.
    static func suitable(colors: Bool) -> Style {
      Terminal.isLive(.error) ? .bar(colors: colors) : .lines
    }
  }

  private let style: Style
  private let scenario: Scenario
  private let roundsDone: Int
  private let runID: String
  private var text: ProgressText
  private var isDrawn = false

  /// - Parameter roundsDone: before this process.
  init(scenario: Scenario, style: Style, roundsDone: Int, runID: String) {
    self.style = style
    self.scenario = scenario
    self.roundsDone = roundsDone
    self.runID = runID
    text = ProgressText(
      rounds: scenario.rounds, clusterNames: scenario.population.clusters.map(\.name),
      clientNames: scenario.clientNames, finished: roundsDone)
  }

  func receive(_ event: RunEvent) {
    switch event {
    case .announced, .released, .checkpoint: return
    case .preparing, .started, .finishedRound: break
    }
    text.receive(event)
    switch style {
    case .silent: break
    case .json:
      ProgressStream.write(
        event, of: runID, in: scenario, roundsDone: roundsDone, secondsLeft: text.secondsLeft)
    case .lines:
      Terminal.report(text.line + "\n")
      if case .started(let start) = event { report(start) }
    case .bar(let colors):
      if case .started(let start) = event {
        clear()
        report(start)
      }
      // The last column stays free: some terminals go to a new line when it is written.
      let bar = text.bar(width: Terminal.width - 1, colors: colors)
      Terminal.report("\r\(bar)\u{1B}[K")
      isDrawn = true
    }
  }

  /// Takes the bar away.
  func clear() {
    guard isDrawn else { return }
    Terminal.report("\r\u{1B}[K")
    isDrawn = false
  }

  private func report(_ start: RunStart) {
    let seconds = NumberText.duration(start.forecast.secondsOnOneWorker)
    let memory = NumberText.bytes(start.forecast.peakBytes)
    Terminal.report("expected: about \(seconds) of one core's work, \(memory)\n")
    for note in start.notes { Terminal.tell("note: \(note)") }
  }
}
