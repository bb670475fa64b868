// Which column of a table looks like the person whose row it is.

import Datasets
import Foundation
import Testing

private let dataFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("data")

@Suite struct TableInspectionTests {
  /// Kinds of the columns of a table of `rows` rows, label `y`.
  private func kinds(
    _ columns: [(name: String, value: (Int) -> String)], rows: Int
  ) throws -> [TableInspection.Column.Kind] {
    let header = (columns.map(\.name) + ["y"]).joined(separator: ",")
    let lines = (0..<rows).map { row in
      (columns.map { $0.value(row) } + ["\(row % 2)"]).joined(separator: ",")
    }
    return try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("t.csv")
      try Data(([header] + lines).joined(separator: "\n").utf8).write(to: file)
      let look = try TableInspection(file: file, label: "y")
      #expect(look.person?.name == look.columns.first { $0.kind == .person }?.name)
      return look.columns.dropLast().map(\.kind)
    }
  }

  @Test("values that repeat two or three times each are persons, as numbers and as words")
  func repeated() throws {
    let person = { (row: Int) in "\(5000 + row * 2 / 5)" }
    #expect(try kinds([("k", person)], rows: 100) == [.person])
    #expect(try kinds([("k", { "p-" + person($0) })], rows: 100) == [.person])
    // Of two such columns one can be the person: the one with a telling name, else the one with more values.
    let visit = { (row: Int) in "\(row / 2)" }
    #expect(try kinds([("k", person), ("visit", visit)], rows: 100) == [.numeric, .person])
    #expect(
      try kinds([("patient_no", person), ("visit", visit)], rows: 100) == [.person, .numeric])
  }

  @Test("measurements, grades and unique values are none")
  func others() throws {
    // Counts of a smooth law: many values once or twice, some often.
    let measured = { (row: Int) in "\(Int(1000 * pow(Double((row * 37) % 101) / 101, 3)) / 4)" }
    let kinds = try kinds(
      [
        ("bp", measured), ("grade", { "\($0 % 6)" }), ("id", { "\($0 + 9)" }),
        ("weight", { "\(Double($0 / 2) + 0.5)" }), ("day", { "\($0 % 7)" }),
      ], rows: 202)
    #expect(kinds == [.numeric, .numeric, .identifier, .numeric, .numeric])
  }

  @Test(
    "the person of the tables with natural clients is found, and nobody in those without",
    .enabled(
      if: ["sites.csv", "schools.csv", "states.csv"].allSatisfy {
        FileManager.default.fileExists(atPath: dataFolder.appendingPathComponent($0).path)
      }, "tools/data states schools sites fetches them"))
  func natural() throws {
    for (name, label, client, person) in [
      ("sites", "visit", "site", "person"), ("schools", "score", "school", nil),
      ("states", "vote", "state", nil),
    ] {
      let look = try TableInspection(
        file: dataFolder.appendingPathComponent("\(name).csv"), label: label, client: client)
      #expect(look.person?.name == person)
    }
  }
}
