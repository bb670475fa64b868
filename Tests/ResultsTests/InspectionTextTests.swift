// The scenario that a first look proposes, read back.

import Datasets
import Foundation
import Presentation
import Scenarios
import Testing

@Suite("Proposed scenarios")
struct InspectionTextTests {
  /// A folder as tools/convert-images writes it: two images, each for many rows.
  private func inFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let rows =
      "image,ward,y\n"
      + (0..<40).map { "\($0),\($0 % 2 == 0 ? "north" : "south"),\($0 / 2 % 2)\n" }.joined()
    try Data(rows.utf8).write(to: folder.appendingPathComponent("rows.csv"))
    let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 8, 0, 0, 0, 8]
    try Data(header + [UInt8](repeating: 7, count: 40 * 64))
      .write(to: folder.appendingPathComponent("images.idx"))
    return try body(folder)
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
