// Options that mean the same in every command.

import ArgumentParser
import Federation
import Formatting
import Foundation
import JSON
import Presentation
import Scenarios
import Store

enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case table
  case json
}

struct OutputOptions: ParsableArguments {
  @Option(help: "How the answer is written.")
  var format: OutputFormat = .table

  @Flag(help: "Write no colours (as does NO_COLOR in the environment).")
  var noColor = false

  /// Whether a stream takes colours.
  func colors(on stream: Terminal.Stream) -> Bool {
    let refusal = ProcessInfo.processInfo.environment["NO_COLOR"] ?? ""
    return !noColor && refusal.isEmpty && Terminal.isLive(stream)
  }

  /// Writes a run in the format asked for.
  func write(_ run: StoredRun, _ more: [String] = []) throws(Failure) {
    guard format == .json else {
      return try write(lines: { run.lines(colors: $0) + more }, document: { run.document })
    }
    try run.writeDocument { part throws(Failure) in try Terminal.write(part) }
    try Terminal.write("\n")
  }

  /// Writes the answer in the format asked for.
  func write(lines: (_ colors: Bool) -> [String], document: () -> JSONValue) throws(Failure) {
    switch format {
    case .table:
      let lines = lines(colors(on: .output)).flatMap { $0.wrapped() }
      try Terminal.write(lines.joined(separator: "\n") + "\n")
    case .json: try Terminal.write(document().prettyText + "\n")
    }
  }
}

struct StoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The store of runs (default: results/dpflsim.sqlite of the project).", valueName: "path"))
  var store: String?

  var file: URL { store.map { URL(fileURLWithPath: $0) } ?? Places().defaultStore }

  func validate() throws {
    if store == "" { throw ValidationError("--store is empty; name a file") }
  }

  func open() throws(StoreError) -> RunStore { try RunStore.open(file) }

  func openExisting() throws(StoreError) -> RunStore { try RunStore.openExisting(file) }

  /// The option again, where it must be repeated to find the same store.
  var repeated: String { store.map { " --store \($0)" } ?? "" }
}

/// Critical findings with which a scenario runs all the same.
struct AllowOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Run in spite of a critical finding of the check, such as DP102, and say so beside every ε; repeatable.",
      valueName: "rule"))
  var allow: [String] = []

  func validate() throws {
    for rule in allow where !RunCheck.allowableRules.contains(rule) {
      throw ValidationError(
        "--allow \(rule): is no critical rule; they are "
          + RunCheck.allowableRules.joined(separator: ", "))
    }
  }

  /// The change of a scenario that adds them to those that it allows by itself; none without the option.
  func changes(of scenario: Data) -> [String] {
    guard !allow.isEmpty else { return [] }
    var names = Set(allow)
    // What cannot be read is refused by the reader of scenarios.
    if case .array(let own)? = (try? JSONValue(parsing: scenario))?["privacy"]?["allow"] {
      for case .string(let name) in own { names.insert(name) }
    }
    return ["privacy.allow=" + JSONValue.array(names.sorted().map { .string($0) }).text]
  }
}

struct ScenarioOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("The scenario file.", valueName: "scenario"))
  var file: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Change a setting of the scenario, such as privacy.target_epsilon=2; repeatable.",
      valueName: "key=value"))
  var changes: [String] = []

  @Option(help: "Seed of every random draw, in place of the scenario's.")
  var seed: UInt64?

  /// Reads and checks the scenario with its changes.
  func scenario(allowing allowed: AllowOptions? = nil) throws -> Scenario {
    guard let file else { throw Failure(.usage, "name a scenario file") }
    let data = try Self.contents(of: file)
    let overrides =
      changes + (seed.map { ["seed=\($0)"] } ?? []) + (allowed?.changes(of: data) ?? [])
    return try Self.scenario(of: file, data, overrides: overrides)
  }

  /// The scenario in a file with these contents; what its table decides is asked of the table.
  static func scenario(of file: String, _ contents: Data, overrides: [String]) throws -> Scenario {
    do {
      return try Scenario(json: contents, overrides: overrides, folder: folder(of: file))
        .askingItsTable(Places().catalog)
    } catch let error as ScenarioError {
      throw Failure(error).named(file)
    }
  }

  /// Where relative paths in a file begin.
  static func folder(of file: String) -> String {
    URL(fileURLWithPath: file).standardizedFileURL.deletingLastPathComponent().path
  }

  /// No more than a scenario can have: what is longer is refused by the reader of scenarios.
  static func contents(of file: String) throws(Failure) -> Data {
    guard FileManager.default.fileExists(atPath: file) else {
      throw Failure(.missingInput, "\(file): there is no such file; name a scenario file")
    }
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
      return try handle.read(upToCount: JSONValue.sizeLimit + 1) ?? Data()
    } catch {
      throw Failure(
        .cannotRead, "\(file): cannot be read (\(StoreError.reason(of: error))); make it readable")
    }
  }
}
