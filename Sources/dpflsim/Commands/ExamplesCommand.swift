// `dpflsim examples`

import ArgumentParser
import Federation
import Formatting
import Foundation
import Scenarios

struct ExamplesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "examples",
    abstract: "List the shipped scenarios with what each shows and how long it takes.",
    discussion: """
      Times are the forecasts of `check` on one core of this machine.

      dpflsim examples
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    let folder = Places().home.appendingPathComponent("scenarios", isDirectory: true)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let files = names.filter { $0.hasSuffix(".json") && !$0.hasSuffix(".schema.json") }.sorted()
    guard !files.isEmpty else {
      throw Failure(
        .missingInput, "\(folder.path): there are no scenarios; run tools/dpflsim in a clone")
    }
    let examples = try files.map { try Example(folder.appendingPathComponent($0)) }
    // One that can run as things are.
    let ready = examples.last { $0.seconds != nil } ?? examples.last
    try output.write { colors in
      examples.flatMap { $0.lines(colors: colors) }
        + ["", "Run one with: \(Places().command) run \(ready?.file ?? "")"]
    } document: {
      .array(examples.map(\.document))
    }
  }
}

/// A shipped scenario.
private struct Example {
  let file: String
  let scenario: Scenario
  /// Forecast for one core; nil where its data or model are not installed.
  let seconds: Double?

  init(_ url: URL) throws {
    file = "scenarios/\(url.lastPathComponent)"
    let written: Scenario
    do {
      written = try Scenario(
        json: ScenarioOptions.contents(of: url.path),
        folder: url.deletingLastPathComponent().path)
    } catch let error as ScenarioError {
      throw Failure(error).named(url.path)
    }
    let catalog = Places().catalog
    // Who its clients are may be known to its table alone.
    scenario = (try? written.askingItsTable(catalog)) ?? written
    seconds = try? CostForecast.forecast(scenario, catalog: catalog).secondsOnOneWorker
  }

  func lines(colors: Bool) -> [String] {
    let clients =
      scenario.isOpen
      ? "clients as its table names them" : NumberText.count(scenario.clientCount, "client")
    let time = seconds.map { "about \(NumberText.duration($0))" } ?? "its data are not installed"
    return [
      TextStyle.bold.applied(to: file, colors: colors)
        + "  \(scenario.method.name), \(clients), \(time)",
      "  \(scenario.description.printable)", "",
    ]
  }

  var document: JSONValue {
    [
      "file": .string(file), "name": .string(scenario.name),
      "description": .string(scenario.description), "method": .string(scenario.method.name),
      "clients": scenario.isOpen ? .null : .integer(scenario.clientCount),
      "seconds_on_one_worker": seconds.map { .number($0) } ?? .null,
    ]
  }
}
