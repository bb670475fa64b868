// `dpflsim init FILE`

import ArgumentParser
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

  func validate() throws {
    for (name, value) in [("--clients", clients), ("--clusters", clusters)] {
      if let value, !ScenarioWishes.counts.contains(value) {
        throw ValidationError("\(name) \(value): must be from 1 to 100000")
      }
    }
  }

  func run() throws {
    let place = URL(fileURLWithPath: file)
    guard force || !FileManager.default.fileExists(atPath: file) else {
      throw Failure(.cannotWrite, "\(file): is there already; name another file or add --force")
    }
    let isSaid =
      [data, label, client, epsilon, method].contains { $0 != nil } || clients != nil
      || clusters != nil
    var wishes = ScenarioWishes(file: file)
    if isSaid || !Self.canAsk {
      wishes.data = data ?? wishes.data
      (wishes.label, wishes.client) = (label, client)
      (wishes.clients, wishes.clusters) = (clients, clusters)
      (wishes.epsilon, wishes.method) = (epsilon, method)
    } else {
      try wishes.complete(Self.ask)
    }
    let draft = try wishes.draft()
    let document = draft.scenario
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
      + (draft.leftOut.isEmpty ? [] : ["", "Columns that it leaves out:"])
      + draft.leftOut.map { "  \($0.printable)." }
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

  private static func ask(_ question: String, _ usual: String) throws -> String {
    try Terminal.write("\(question) [\(usual)] ")
    let answer = (readLine() ?? "").trimmingCharacters(in: .whitespaces)
    return answer.isEmpty ? usual : answer
  }
}
