// `dpflsim advise SCENARIO`

import Analysis
import ArgumentParser
import Formatting
import Foundation
import Presentation
import Scenarios

struct AdviseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "advise",
    abstract:
      "Say which budget, method and settings serve the worst-off cluster, and how sure that is.",
    usage: "dpflsim advise [<scenario>] [<options>]",
    discussion: """
      Looks at the finished runs of a scenario and trains nothing: the least ε within one point of the \
      best accuracy of the worst-off cluster is taken, and nothing that is no better than always \
      answering the most frequent class, and no budget that only runs because a finding of the \
      check was allowed. `dpflsim sweep --advise` makes the runs first. Choosing by results on private data costs ε that \
      is not counted: choose on public data.

      dpflsim advise scenarios/skewed.json
      """)

  @Argument(
    help: ArgumentHelp(
      "A scenario file, or the name of a scenario (default: every scenario with runs).",
      valueName: "scenario"))
  var scenario: String?

  @OptionGroup var store: StoreOptions

  @OptionGroup var table: TableOptions

  func validate() throws {
    if table.format == .csv {
      throw ValidationError("--format csv: name table, json, markdown or latex")
    }
  }

  func run() throws {
    let name = try scenario.map { try Self.name(of: $0) }
    let store = try store.openExisting()
    let comparison = try store.comparison(scenario: name)
    guard !comparison.cells.isEmpty else {
      throw Failure(
        .missingInput,
        "there are no finished runs\(name.map { " of the scenario \($0)" } ?? ""); make some with \(Places().command) "
          + "sweep \(scenario ?? "SCENARIO") --epsilon 1,2,4,8,none --method r-dpcfl,ifca,global,local --seeds 0..5 "
          + "--advise")
    }
    let advice = try store.pricedAdvice(comparison)
    switch table.format {
    case .markdown, .latex:
      let lines = advice.flatMap { $0.page(comparison, isLaTeX: table.format == .latex) }
      return try Terminal.write(lines.joined(separator: "\n") + "\n")
    case .json, .table, .csv: break
    }
    try table.output.write { colors in
      Array(advice.map { $0.lines(comparison, colors: colors) }.joined(separator: [""]))
    } document: {
      .array(advice.map(\.document))
    }
  }

  /// The name that a scenario file gives, or the text itself where there is no such file.
  private static func name(of text: String) throws -> String {
    guard text.hasSuffix(".json") || FileManager.default.fileExists(atPath: text) else {
      return text
    }
    do {
      return try Scenario(
        json: ScenarioOptions.contents(of: text), folder: ScenarioOptions.folder(of: text)
      ).name
    } catch let error as ScenarioError {
      throw Failure(error).named(text)
    }
  }
}
