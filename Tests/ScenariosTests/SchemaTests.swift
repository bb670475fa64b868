// The published JSON Schema: generated from the same shapes as the checks, and judged by an
// implementation of JSON Schema that shares nothing with them.

import Foundation
import Scenarios
import Testing

@Suite("JSON Schema")
struct SchemaTests {
  private struct Verdict: Decodable {
    let file: String
    let errors: [String]
  }

  /// What the Python package jsonschema says about each document, in their order.
  private func verdicts(on documents: [String]) throws -> [[String]] {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-schema-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var files: [String] = []
    for (index, document) in documents.enumerated() {
      let file = folder.appendingPathComponent("\(index).json")
      try Data(document.utf8).write(to: file)
      files.append(file.path)
    }
    let tool = packageFolder.appendingPathComponent("tools/validate-scenarios").path
    let lines = try runPython([tool] + files, needing: "jsonschema").split(separator: "\n")
    let verdicts = try lines.map { try JSONDecoder().decode(Verdict.self, from: Data($0.utf8)) }
    #expect(verdicts.map(\.file) == files)
    return verdicts.map(\.errors)
  }

  @Test("the published file is the schema of the code")
  func published() throws {
    try expectGenerated(
      Scenario.schema.prettyText + "\n",
      in: scenariosFolder.appendingPathComponent("scenario.schema.json"))
  }

  @Test("every shipped scenario and its resolved form are valid")
  func shippedAreValid() throws {
    var documents: [String] = []
    for name in shippedNames {
      documents.append(String(decoding: try shippedData(name), as: UTF8.self))
      documents.append(try Scenario(json: shippedData(name)).resolvedJSON)
    }
    let found = try verdicts(on: documents)
    #expect(found.count == documents.count)
    #expect(found.flatMap { $0 } == [])
  }

  @Test("the schema refuses exactly the malformed scenarios whose shape is wrong")
  func malformed() throws {
    let found = try verdicts(on: malformedScenarios.map { try $0.document().text })
    #expect(found.count == malformedScenarios.count)
    for (malformed, errors) in zip(malformedScenarios, found) {
      #expect(
        errors.isEmpty == !malformed.isShape, "\(malformed.testDescription): \(errors)")
    }
  }

  @Test("the schema and the reader agree on the shape of hundreds of changed scenarios")
  func agreement() throws {
    // Every third, since Python takes its time; 22 changes a place, so all kinds of them occur.
    let documents = try replacedDocuments("label-skew-budgets.json").enumerated()
      .filter { $0.offset % 3 == 0 }.map(\.element)
    let found = try verdicts(on: documents.map(\.text))
    var accepted = 0
    for (document, errors) in zip(documents, found) {
      let isShaped = (try? Scenario.shaped(document)) != nil
      accepted += isShaped ? 1 : 0
      #expect(isShaped == errors.isEmpty, "\(errors) for \(document.text)")
    }
    #expect(found.count > 600 && accepted > 60, "\(accepted) of \(found.count) accepted")
  }

  @Test("no object of the schema lets an unknown key pass")
  func closed() {
    var objects = 0
    func visit(_ value: JSONValue) {
      switch value {
      case .array(let entries): entries.forEach(visit)
      case .object(let members):
        if case .object(let properties)? = members["properties"], members["type"] != nil {
          objects += 1
          #expect(members["additionalProperties"] == false)
          #expect(properties.values.allSatisfy { $0["description"] != nil })
        }
        members.values.forEach(visit)
      default: break
      }
    }
    visit(Scenario.schema)
    #expect(objects > 20)
  }
}
