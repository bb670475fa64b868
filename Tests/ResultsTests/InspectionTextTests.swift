// The scenario that a first look proposes, read back.

import Datasets
import Federation
import Foundation
import Presentation
import Scenarios
import Testing

@Suite("Proposed scenarios")
struct InspectionTextTests {
  /// A folder as tools/convert-images writes it: two images, each for many rows.
  private func inFolder(
    size: UInt8 = 8, bytes: Int? = nil, _ body: (URL) throws -> Void
  ) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let rows =
      "image,ward,y\n"
      + (0..<40).map { "\($0),\($0 % 2 == 0 ? "north" : "south"),\($0 / 2 % 2)\n" }.joined()
    try Data(rows.utf8).write(to: folder.appendingPathComponent("rows.csv"))
    let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, size, 0, 0, 0, size]
    let count = bytes ?? 40 * Int(size) * Int(size)
    try Data(header + [UInt8](repeating: 7, count: count))
      .write(to: folder.appendingPathComponent("images.idx"))
    try body(folder)
  }

  @Test("beside packed images it is one of images, by the folder or by its table")
  func images() throws {
    try inFolder { folder in
      for path in [folder, folder.appendingPathComponent("rows.csv")] {
        let text = InspectionText(
          try TableInspection(file: path, label: "y", client: "ward"))
        let scenario = try Scenario(json: Data(text.scenario.prettyText.utf8))
        #expect(scenario.data.name == "images")
        #expect(text.scenario["data"]?["path"]?.text.contains(folder.lastPathComponent) == true)
        #expect(text.scenario["data"]?["columns"] == nil)
        #expect(text.document["columns"]?[0]?["kind"] == "image")
        #expect(CarriedBudget.of(try TableInspection(file: path, label: "y")).isEmpty)
      }
    }
  }

  private func look(_ folder: URL) throws -> InspectionText {
    InspectionText(try TableInspection(file: folder, label: "y"))
  }

  @Test("images that the network cannot take get another model, and broken ones a sentence")
  func sizes() throws {
    for (size, model) in [(8, "cnn"), (7, "logistic")] as [(UInt8, JSONValue)] {
      try inFolder(size: size) { folder in
        let scenario = try look(folder).scenario
        #expect(scenario["model"]?["name"] == model)
      }
    }
    try inFolder(bytes: 100) { folder in
      let error = #expect(throws: DatasetError.self) { try look(folder) }
      #expect(error?.description.contains("images.idx") == true)
    }
    try inFolder { folder in
      let rows = folder.appendingPathComponent("rows.csv")
      try Data("image,y\n0,1\n40,0\n".utf8).write(to: rows)
      let error = #expect(throws: DatasetError.self) { try look(folder) }
      #expect(error?.description.contains("line 3") == true)
      try Data("picture,y\n0,1\n4,0\n".utf8).write(to: rows)
      #expect(throws: DatasetError.self) { try look(folder) }
    }
  }

  @Test(
    "what a run could not find out stands in the proposal: an encoding, and which of two columns")
  func details() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let text =
      "age,age,Straße,y\n"
      + (0..<40).map { "\($0 % 9),\($0 % 7).5,\($0 % 2 == 0 ? "groß" : "klein"),\($0 % 2)\n" }
      .joined()
    try #require(text.data(using: .isoLatin1)).write(to: file)
    let scenario = InspectionText(try TableInspection(file: file, label: "y")).scenario
    #expect(scenario["data"]?["encoding"] == "latin-1")
    #expect(scenario["data"]?["columns"]?[0]?["column"] == 0)
    #expect(scenario["data"]?["columns"]?[1]?["column"] == 1)
    #expect(scenario["data"]?["columns"]?[2]?["column"] == "Straße")
  }

  @Test("what cannot be an input is left out, and a list of categories is whole or not proposed")
  func leftOut() throws {
    let header = "admitted,note,place,unit,ref,y\n"
    let rows = (0..<400).map {
      "2024-01-\($0 % 28 + 1),no fever was seen on day \($0),p\($0 % 51),u\($0 % 50),\(1000 + $0 / 2),\($0 % 2)\n"
    }
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data((header + rows.joined()).utf8).write(to: file)
    let text = InspectionText(try TableInspection(file: file, label: "y"))
    let data = try #require(text.scenario["data"])
    #expect(data["drop_columns"] == ["admitted", "note", "place"])
    #expect(data["columns"]?[0]?["column"] == "unit" && data["columns"]?[1]?["column"] == "ref")
    #expect(data["columns"]?[0]?["categories"]?[49] != nil)
    #expect(
      text.leftOut == [
        "admitted: dates; left out, derive an age or a duration from it",
        "note: long texts; left out, see data.name \"text\"",
        "place: 51 categories, more than 50; left out, list those worth an input",
      ])
    // Of what a column's name does not say there is a remark alone.
    #expect(data["id_column"] == nil)
    #expect(text.lines(colors: false).joined().contains("'ref' has 200 values, which repeat"))
  }

  @Test("a scenario is called as its file, in characters that a name may have")
  func names() {
    for (file, name) in [
      ("wards.json", "wards"), ("/data/Unfälle 2024.csv", "Unf-lle-2024"), ("a/b.v2.csv", "b.v2"),
      ("(x).json", "x-"), ("東.json", "scenario"),
      (String(repeating: "n", count: 90), String(repeating: "n", count: 64)),
    ] {
      #expect(NewScenario.name(of: file) == name)
    }
  }

  @Test("values with commas are quoted, and line ends are signs")
  func values() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let words = ["\"low, slow\"", "\"two\r\nlines\"", "plain"]
    let rows = (0..<30).map { "\(words[$0 % 3]),\($0 % 2)\n" }
    try Data(("how,y\n" + rows.joined()).utf8).write(to: file)
    let lines = InspectionText(try TableInspection(file: file, label: "y")).lines(colors: false)
    let text = lines.joined(separator: "\n")
    #expect(text.contains("'low, slow', plain, two⏎lines"), "\(text)")
    #expect(text.contains("decimal sign '.'.") && text.contains("delimiter ','"))
  }

  @Test("where a name occurs twice, positions say which column is label, client and person")
  func twins() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let rows = (0..<200).map {
      "\($0 % 7).5,\($0 % 9).5,\($0 % 11).5,\($0 / 2),\($0 / 4 % 2 == 0 ? "n" : "s"),\($0 % 2)\n"
    }
    try Data(("patient_id,site,y,patient_id,site,y\n" + rows.joined()).utf8).write(to: file)
    #expect(throws: DatasetError.self) { try TableInspection(file: file, label: "y") }
    let look = try TableInspection(file: file, label: "5", client: "4")
    #expect(look.label == "y" && look.client == "site")
    let proposed = InspectionText(look).scenario
    let data = try #require(proposed["data"])
    #expect(data["label_column"] == 5 && data["client_column"] == 4 && data["id_column"] == 3)
    let scenario = try Scenario(json: Data(proposed.prettyText.utf8)).askingItsTable(
      DatasetCatalog())
    let format = try #require(scenario.data.table?.format)
    let set = try Table.dataset(
      name: "t", format: format, train: ("t.csv", try [UInt8](Data(contentsOf: file))), test: nil)
    #expect(set.holdings?.count == 2)
  }

  @Test("clients carry by persons where a column says whose a row is")
  func persons() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let rows = (0..<800).map { "\($0 / 20),\($0 < 400 ? "a" : "b"),\($0 % 13).5,\($0 % 2)\n" }
    try Data(("patient_id,site,x,y\n" + rows.joined()).utf8).write(to: file)
    let inspection = try TableInspection(file: file, label: "y", client: "site")
    #expect(inspection.person?.name == "patient_id")
    #expect(inspection.persons == ["a": 20, "b": 20])
    #expect(CarriedBudget.of(inspection).map(\.rows) == [16, 16])
  }

  @Test("a table alone stays a table, whatever it is called")
  func table() throws {
    try inFolder { folder in
      try FileManager.default.removeItem(at: folder.appendingPathComponent("images.idx"))
      let file = folder.appendingPathComponent("rows.csv")
      let text = InspectionText(try TableInspection(file: file, label: "y", client: "ward"))
      #expect(text.scenario["data"]?["name"] == "csv")
      #expect(throws: DatasetError.self) { try TableInspection(file: folder, label: "y") }
    }
  }
}
