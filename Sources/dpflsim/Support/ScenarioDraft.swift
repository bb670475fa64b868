// What becomes a first scenario: a data set with settings, or a table of one's own with what its rows say.

import Datasets
import Foundation
import Presentation
package import Scenarios

/// A first scenario before it is written.
package struct ScenarioDraft {
  package let scenario: JSONValue
  /// A sentence for each column of a table that is left out.
  package let leftOut: [String]

  package init(_ scenario: JSONValue, leftOut: [String] = []) {
    self.scenario = scenario
    self.leftOut = leftOut
  }
}

/// What was said of a first scenario; what was not has a default.
package struct ScenarioWishes {
  package static let counts = 1...100_000

  /// The scenario file, after which the scenario is called.
  package let file: String
  package var data = "synthetic"
  package var label: String?
  package var client: String?
  package var clients: Int?
  package var clusters: Int?
  /// A number, or none.
  package var epsilon: String?
  package var method: String?

  package init(file: String) { self.file = file }

  private var isTable: Bool { FileManager.default.fileExists(atPath: data) }

  /// - Throws: `Failure` for wishes that do not fit; `DatasetError` for a table that cannot be read.
  package func draft() throws -> ScenarioDraft {
    if isTable { return try proposal() }
    guard !meansTable else {
      throw Failure(
        .missingInput,
        "--data \(data): is no file (\(URL(fileURLWithPath: data).path) was looked for) and no data set; correct the "
          + "path, or take a name of `dpflsim data list`")
    }
    var scenario = NewScenario(name: NewScenario.name(of: file))
    if let known = KnownDataset.all.first(where: { $0.name == data }), known.isTextSet {
      throw Failure(
        .usage,
        "--data \(data): a first scenario has no language model; begin with a copy of a shipped one (`dpflsim examples`), "
          + "such as scenarios/toy-operators.json")
    }
    scenario.data = data
    scenario.clients = clients ?? scenario.clients
    scenario.clusters = clusters ?? scenario.clusters
    if let epsilon { scenario.epsilon = try Self.budget(epsilon) }
    scenario.method = method ?? scenario.method
    return ScenarioDraft(scenario.document)
  }

  /// Whether something that is no data set was meant as a table.
  private var meansTable: Bool {
    !KnownDataset.all.contains { $0.name == data }
      && (label != nil || client != nil || data.contains { $0 == "." || $0 == "/" })
  }

  /// Asks for everything; a table is asked for its columns, anything else for clients and clusters.
  ///
  /// - Parameter ask: a question, and the answer that an empty line stands for.
  package mutating func complete(_ ask: (_ question: String, _ usual: String) throws -> String)
    throws
  {
    data = try ask("Data set or table?", data)
    if isTable {
      let columns = try TableInspection(file: URL(fileURLWithPath: data)).columns.map(\.name)
      let shown = columns.prefix(20).joined(separator: ", ") + (columns.count > 20 ? ", …" : "")
      label = try ask("Which column is the label (\(shown))?", columns.last ?? "")
      let client = try ask("Which column says at which client a row is, or none?", "none")
      self.client = client == "none" ? nil : client
    } else if !meansTable {
      let usual = NewScenario(name: file)
      clients = try Self.count(try ask("How many clients?", "\(usual.clients)"))
      clusters = try Self.count(try ask("In how many clusters?", "\(usual.clusters)"))
    } else {
      return
    }
    epsilon = try ask("The ε of every client, or none?", isTable ? "3" : "4")
    method = try ask("Which method?", isTable ? "global" : "r-dpcfl")
  }

  private static func count(_ answer: String) throws -> Int {
    guard let number = Int(answer), counts.contains(number) else {
      throw Failure(.usage, "\(answer): is no number from 1 to 100000")
    }
    return number
  }

  private func proposal() throws -> ScenarioDraft {
    guard let label else {
      throw Failure(
        .usage,
        "--data \(data): a table needs its label's column; look with `data inspect` and add --label COLUMN"
      )
    }
    if clients != nil || clusters != nil {
      throw Failure(
        .usage,
        "--data \(data): a table's clients are named by a column (--client COLUMN), or dealt as the scenario says; "
          + "leave --clients and --clusters out and edit population in the file")
    }
    let text = InspectionText(
      try TableInspection(file: URL(fileURLWithPath: data), label: label, client: client))
    guard case .object(var members) = text.scenario,
      case .object(var privacy)? = members["privacy"]
    else { return ScenarioDraft(text.scenario, leftOut: text.leftOut) }
    if let epsilon {
      privacy["target_epsilon"] = try Self.budget(epsilon).map { .number($0) } ?? .null
      members["privacy"] = .object(privacy)
    }
    if let method { members["method"] = ["name": .string(method)] }
    members["name"] = .string(NewScenario.name(of: file))
    return ScenarioDraft(.object(members), leftOut: text.leftOut)
  }

  private static func budget(_ text: String) throws -> Double? {
    if text == "none" { return nil }
    guard let value = Double(text), value > 0, value.isFinite else {
      throw Failure(.usage, "--epsilon \(text): must be a number above 0, or none")
    }
    return value
  }
}
