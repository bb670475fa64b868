// Progress as JSON Lines on standard error, for programs that start dpflsim; docs/command-line.md has the fields.

import ArgumentParser
import Datasets
import Federation
import Scenarios

/// How progress is written.
enum ProgressFormat: String, CaseIterable, ExpressibleByArgument {
  /// A bar on a terminal, a line a round elsewhere.
  case text
  /// A JSON object a line.
  case json
}

struct ProgressOptions: ParsableArguments {
  @Flag(help: "Show no progress.")
  var quiet = false

  @Option(help: "How progress is written.")
  var progress: ProgressFormat = .text

  /// - Parameter colors: whether standard error takes colours.
  func style(colors: Bool) -> ProgressDisplay.Style {
    if quiet { return .silent }
    return switch progress {
    case .text: .suitable(colors: colors)
    case .json: .json
    }
  }
}

/// Writes what happens, one object a line; null is what does not exist.
enum ProgressStream {
  static func write(_ event: String, _ members: [String: JSONValue]) {
    var members = members
    members["event"] = .string(event)
    Terminal.report(JSONValue.object(members).text + "\n")
  }

  /// - Parameters:
  ///   - roundsDone: before this process.
  ///   - secondsLeft: that the remaining rounds will take.
  static func write(
    _ event: RunEvent, of runID: String, in scenario: Scenario, roundsDone: Int,
    secondsLeft: Double?
  ) {
    switch event {
    case .announced, .released, .checkpoint: break
    case .preparing(let step):
      write("preparing", ["run_id": .string(runID), "step": .string(step)])
    case .started(let start):
      write(
        "started",
        [
          "run_id": .string(runID), "rounds": .integer(scenario.rounds),
          "finished_rounds": .integer(roundsDone),
          "clients": .integer(start.partition.clients.count),
          "expected_seconds_on_one_worker": .number(start.forecast.secondsOnOneWorker),
          "expected_peak_bytes": .integer(start.forecast.peakBytes),
          "notes": .array(start.notes.map { .string($0) }),
        ])
    case .finishedRound(let report):
      let clusters = report.clusters.map { cluster -> JSONValue in
        [
          "name": .string(scenario.population.clusters[cluster.cluster].name),
          "accuracy": cluster.testAccuracy.map { .number($0) } ?? .null,
        ]
      }
      var members: [String: JSONValue] = [
        "run_id": .string(runID), "round": .integer(report.round),
        "rounds": .integer(scenario.rounds), "stage": .string(report.stage.rawValue),
        "client_mean_accuracy": report.clientMeanAccuracy.map { .number($0) } ?? .null,
        "clusters": .array(clusters), "seconds": .number(report.seconds),
        "seconds_left": secondsLeft.map { .number($0) } ?? .null,
      ]
      if let sampled = report.sampled {
        members["evaluated_clients"] = .integer(sampled.clients)
        members["client_mean_error"] = .number(sampled.standardError)
      }
      write("round", members)
    }
  }
}
