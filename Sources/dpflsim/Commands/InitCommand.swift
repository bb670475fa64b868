// `dpflsim init FILE`

import ArgumentParser
import Datasets
import Federation
import Formatting
import Foundation
import Presentation
import Scenarios
import Store

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write a first scenario, from options or by asking.",
    usage: "dpflsim init <file> [<options>]",
    discussion: """
      In a terminal without options it asks for data, clients, ε and method; otherwise what is not given \
      has a default. Tables get their scenario from `data inspect`, whose proposal is written here.

      dpflsim init my.json --data fashion-mnist --clients 12 --epsilon 4
      dpflsim init wards.json --data patients.csv --label outcome --client hospital
      """)

  @Argument(help: ArgumentHelp("The scenario file to write.", valueName: "file"))
  var file: String

  @Option(help: "A data set of `dpflsim data list`, or a table (default: synthetic).")
  var data: String?

  @Option(help: ArgumentHelp("The label's column in a table.", valueName: "column"))
  var label: String?

  @Option(
    help: ArgumentHelp("The column of a table whose values are the clients.", valueName: "column"))
  var client: String?

  @Option(help: "Clients (default: 12); those of a table are its own.")
  var clients: Int?

  @Option(help: "True clusters (default: 3).")
  var clusters: Int?

  @Option(help: "The budget of every client, or none (default: 4; of a table 3).")
  var epsilon: String?

  @Option(help: "The method (default: r-dpcfl; of a table global).")
  var method: String?

  @Flag(help: "Replace a file that is there.")
  var force = false

  private static let counts = 1...100_000

  func validate() throws {
    for (name, value) in [("--clients", clients), ("--clusters", clusters)] {
      if let value, !Self.counts.contains(value) {
        throw ValidationError("\(name) \(value): must be from 1 to 100000")
      }
    }
  }

  func run() throws {
    let place = URL(fileURLWithPath: file)
    guard force || !FileManager.default.fileExists(atPath: file) else {
      throw Failure(.cannotWrite, "\(file): is there already; name another file or add --force")
    }
    let isAsked =
      [data, epsilon, method].contains { $0 != nil } || clients != nil || clusters != nil
    let document = try isAsked || !Self.canAsk ? fromOptions() : fromAnswers()
    // What is written can be read.
    do throws(ScenarioError) {
      _ = try Scenario(
        json: Data(document.text.utf8), folder: place.deletingLastPathComponent().path)
    } catch {
      throw Failure(error).named(file)
    }
    do {
      try Data((document.prettyText + "\n").utf8).write(to: place, options: .atomic)
    } catch {
      throw Failure(
        .cannotWrite,
        "\(file): cannot be written (\(StoreError.reason(of: error))); choose another place")
    }
    let command = Places().command
    let lines =
      ["\(file) is written. Its keys:"]
      + NewScenario.comments.map { "  \($0.key): \($0.text)" }
      + fromRows(document) + ["", "Next: \(command) check \(file)", "      \(command) run \(file)"]
    try Terminal.write(lines.flatMap { $0.wrapped() }.joined(separator: "\n") + "\n")
  }

  /// What an ε would not hold for.
  private func fromRows(_ scenario: JSONValue) -> [String] {
    guard scenario["data"]?["from_rows"] == true else { return [] }
    let hasColumns = scenario["data"]?["columns"] != nil
    guard scenario["privacy"]?["target_epsilon"] != .null else {
      return [
        "",
        "Its \(hasColumns ? "bounds, categories and classes" : "classes") were read from the rows (data.from_rows): "
          + "replace them before you set an ε.",
      ]
    }
    return [
      "",
      "Its \(hasColumns ? "bounds, categories and classes" : "classes") were read from the rows, so no epsilon holds yet, and "
        + "run refuses. Replace them by what is known without the rows"
        + (hasColumns
          ? ", or have scales estimated privately (kind estimated, docs/data.md)" : "")
        + "; then remove data.from_rows. For a first look of your own: run --allow DP115.",
    ]
  }

  private static var canAsk: Bool {
    isatty(FileHandle.standardInput.fileDescriptor) == 1 && Terminal.isLive(.output)
  }

  private func fromOptions() throws -> JSONValue {
    let data = data ?? "synthetic"
    if FileManager.default.fileExists(atPath: data) { return try proposal(for: data) }
    var scenario = try start(data)
    scenario.clients = clients ?? scenario.clients
    scenario.clusters = clusters ?? scenario.clusters
    if let epsilon { scenario.epsilon = try Self.budget(epsilon) }
    scenario.method = method ?? scenario.method
    return scenario.document
  }

  private func fromAnswers() throws -> JSONValue {
    func ask(_ question: String, _ usual: String) throws -> String {
      try Terminal.write("\(question) [\(usual)] ")
      let answer = (readLine() ?? "").trimmingCharacters(in: .whitespaces)
      return answer.isEmpty ? usual : answer
    }
    let data = try ask("Data set or table?", "synthetic")
    if FileManager.default.fileExists(atPath: data) { return try proposal(for: data) }
    var scenario = try start(data)
    for (question, key) in [
      ("How many clients?", \NewScenario.clients), ("In how many clusters?", \NewScenario.clusters),
    ] {
      let answer = try ask(question, "\(scenario[keyPath: key])")
      guard let number = Int(answer), Self.counts.contains(number) else {
        throw Failure(.usage, "\(answer): is no number from 1 to 100000")
      }
      scenario[keyPath: key] = number
    }
    scenario.epsilon = try Self.budget(try ask("The ε of every client, or none?", "4"))
    scenario.method = try ask("Which method?", scenario.method)
    return scenario.document
  }

  private func start(_ data: String) throws -> NewScenario {
    if let known = KnownDataset.all.first(where: { $0.name == data }), known.isTextSet {
      throw Failure(
        .usage,
        "--data \(data): a first scenario has no language model; begin with a copy of a shipped one (`dpflsim examples`), "
          + "such as scenarios/toy-operators.json")
    }
    var scenario = NewScenario(
      name: URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent)
    scenario.data = data
    return scenario
  }

  private func proposal(for table: String) throws -> JSONValue {
    guard let label else {
      throw Failure(
        .usage,
        "--data \(table): a table needs its label's column; look with `data inspect` and add --label COLUMN"
      )
    }
    if clients != nil || clusters != nil {
      throw Failure(
        .usage,
        "--data \(table): a table's clients are named by a column (--client COLUMN), or dealt as the scenario says; "
          + "leave --clients and --clusters out and edit population in the file")
    }
    let inspection = try TableInspection(
      file: URL(fileURLWithPath: table), label: label, client: client)
    let scenario = InspectionText(inspection).scenario
    guard case .object(var members) = scenario, case .object(var privacy)? = members["privacy"]
    else { return scenario }
    if let epsilon {
      privacy["target_epsilon"] = try Self.budget(epsilon).map { .number($0) } ?? .null
      members["privacy"] = .object(privacy)
    }
    if let method { members["method"] = ["name": .string(method)] }
    return .object(members)
  }

  private static func budget(_ text: String) throws -> Double? {
    if text == "none" { return nil }
    guard let value = Double(text), value > 0, value.isFinite else {
      throw Failure(.usage, "--epsilon \(text): must be a number above 0, or none")
    }
    return value
  }
}
