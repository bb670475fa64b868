// What the tests of this room share: the shipped scenarios, changed documents, and Python.

import Foundation
import Scenarios
import TestSupport

/// The folder of the package, found through this file even where the sources are linked from
/// elsewhere.
let packageFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

let scenariosFolder = packageFolder.appendingPathComponent("scenarios")

/// Every scenario that is shipped, with its path below `scenarios/`.
let shippedNames = [
  "skewed.json", "skewed-lora.json", "permuted-labels.json", "label-skew-budgets.json",
  "sentiment.json", "toy-operators.json", "tiny.json",
  "many-clients.json", "clipping.json", "lab.json", "states.json", "schools.json", "sites.json",
  "workclass.json",
  "paper/fashion-mnist-rotation.json", "paper/fashion-mnist-labels.json",
  "paper/small-rotation.json", "paper/small-labels.json",
]

func shippedData(_ name: String) throws -> Data {
  try Data(contentsOf: scenariosFolder.appendingPathComponent(name))
}

func shippedDocument(_ name: String) throws -> JSONValue {
  try JSONValue(parsing: shippedData(name))
}

/// The problems that reading a document gives; empty when it is read.
func problems(of text: String, overrides: [String] = []) -> [ScenarioError.Problem] {
  do throws(ScenarioError) {
    _ = try Scenario(json: Data(text.utf8), overrides: overrides)
    return []
  } catch {
    return error.problems
  }
}

// MARK: - Changed documents

/// One step into a document.
enum Step: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  case key(String)
  case index(Int)

  init(stringLiteral value: String) { self = .key(value) }
  init(integerLiteral value: Int) { self = .index(value) }
}

extension JSONValue {
  /// This document with the value at `steps` replaced, or removed where `value` is nil.
  func setting(_ steps: [Step], to value: JSONValue?) -> JSONValue {
    guard let step = steps.first else { return value ?? self }
    let rest = Array(steps.dropFirst())
    switch (step, self) {
    case (.key(let key), .object(var members)):
      if rest.isEmpty {
        members.removeValue(forKey: key)
        if let value { members.updateValue(value, forKey: key) }
      } else {
        members[key] = (members[key] ?? [:]).setting(rest, to: value)
      }
      return .object(members)
    case (.index(let index), .array(var entries)):
      if rest.isEmpty, value == nil {
        entries.remove(at: index)
      } else {
        entries[index] = entries[index].setting(rest, to: value)
      }
      return .array(entries)
    default: return JSONValue.object([:]).setting(steps, to: value)
    }
  }
}

/// Values that fit few places of a scenario.
private let strangeValues: [JSONValue] = [
  .null, true, 0, -1, 0.5, 1e300, .integer(.max), .integer(.min), "", "x", [], [:], [[]],
  [1, 2, 3],
  [2.0, 2], ["min": 2, "max": 1], ["name": "mlp"], ["type": "shards"], ["clip": 1], 5.0, 1000,
]

/// A shipped scenario with every value in turn replaced by each strange value, and once removed.
func replacedDocuments(_ name: String) throws -> [JSONValue] {
  func places(in value: JSONValue) -> [[Step]] {
    switch value {
    case .object(let members):
      members.sorted { $0.key < $1.key }.flatMap { key, inner in
        [[.key(key)]] + places(in: inner).map { [.key(key)] + $0 }
      }
    case .array(let entries):
      entries.enumerated().flatMap { index, inner in
        [[.index(index)]] + places(in: inner).map { [.index(index)] + $0 }
      }
    default: []
    }
  }
  let document = try shippedDocument(name)
  return places(in: document).flatMap { steps in
    strangeValues.map { document.setting(steps, to: $0) } + [document.setting(steps, to: nil)]
  }
}

// MARK: - Python

struct PythonMissing: Error, CustomStringConvertible {
  let description =
    "neither python3 nor /usr/bin/python3 has the module jsonschema; apt install python3-jsonschema"
}

/// Runs Python with the given arguments and gives what it printed.
func runPython(_ arguments: [String], needing module: String? = nil) throws -> String {
  for interpreter in [["/usr/bin/env", "python3"], ["/usr/bin/python3"]] {
    if let module, try run(interpreter + ["-c", "import \(module)"]).status != 0 { continue }
    return try run(interpreter + arguments).output
  }
  throw PythonMissing()
}

private func run(_ command: [String]) throws -> (status: Int32, output: String) {
  let (status, output) = try call(URL(fileURLWithPath: command[0]), Array(command.dropFirst()))
  return (status, String(decoding: output, as: UTF8.self))
}
