// The table that a run ends with: what was found, how accurate it is for whom, and what it cost.

import Federation
import Formatting
import Foundation
import Store

extension StoredRun {
  /// The run as text for a terminal, a line each.
  public func lines(colors: Bool) -> [String] {
    var lines = [title(colors: colors), ""]
    if let result {
      let sections = RunSections(
        result: result, clientNames: clientNames, classNames: classNames, protects: protects,
        colors: colors)
      for section in [
        sections.clustersFound(), sections.accuracy(), sections.namedClients(),
        sections.twoClasses(),
        sections.peopleGroups(), sections.changes(), sections.arrivals(), sections.adapters(),
        sections.privacy(),
      ] {
        if let section { lines += section + [""] }
      }
    } else {
      lines += early(colors: colors) + [""]
    }
    if !notes.isEmpty { lines += notes.map { "Note: \($0.printable)" } + [""] }
    if !warnings.isEmpty {
      let rules = Set(warnings.map(\.rule)).sorted().joined(separator: ", ")
      lines += ["The check warned of \(rules) before the run; docs/check.md explains them.", ""]
    }
    return lines + [cost]
  }

  private func title(colors: Bool) -> String {
    var parts = ["\(run.method)\(run.variant == "as-released" ? " (as released)" : "")"]
    parts.append("seed \(run.seed)")
    parts.append(NumberText.count(run.rounds, "round"))
    if let start {
      parts.append(trained.text(start.trainableParameters, model: start.modelParameters))
    }
    return TextStyle.bold.applied(to: run.scenario.printable, colors: colors) + ": "
      + parts.joined(separator: ", ")
  }

  /// How far a run came that has no result.
  private func early(colors: Bool) -> [String] {
    let status = run.presentStatus
    var lines = [
      TextStyle.bad.applied(to: "This run is \(status.rawValue)", colors: colors)
        + " after \(rounds.count) of \(NumberText.count(run.rounds, "round"))."
    ]
    if let error = run.error { lines.append("  \(error.printable)") }
    if let last = rounds.last(where: { $0.clientMeanAccuracy != nil }) {
      lines.append(
        "  Round \(last.round): mean of clients \(NumberText.percent(last.clientMeanAccuracy))"
          // The mean of the only cluster is that of the clients once more.
          + (trueClusters == 1
            ? "." : ", worst cluster \(NumberText.percent(last.worstClusterAccuracy))."))
    }
    return lines
  }

  private var cost: String {
    var parts: [String] = []
    if let seconds = run.wallSeconds {
      let simulation = NumberText.duration(seconds)
      let total = run.totalSeconds.map { NumberText.duration($0) } ?? simulation
      parts.append(
        "\(simulation) with \(NumberText.count(run.workers, "worker"))"
          + (total == simulation ? "" : " (\(total) with start and storing)"))
    }
    if let peak = run.peakRSSBytes { parts.append("at most \(NumberText.bytes(peak)) of memory") }
    let (up, down) = rounds.reduce((0, 0)) { ($0.0 + $1.bytesUp, $0.1 + $1.bytesDown) }
    parts.append("\(NumberText.bytes(up)) up and \(NumberText.bytes(down)) down")
    return parts.joined(separator: ", ") + "."
  }
}
