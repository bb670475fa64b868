// Which column of a table looks like the person whose row it is.

import Datasets
import Foundation
import Testing

private let dataFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("data")

@Suite struct TableInspectionTests {
  /// The columns of a table of `rows` rows but its label, `y`.
  private func look(
    _ columns: [(name: String, value: (Int) -> String)], rows: Int
  ) throws -> [TableInspection.Column] {
    let header = (columns.map(\.name) + ["y"]).joined(separator: ",")
    let lines = (0..<rows).map { row in
      (columns.map { "\"\($0.value(row))\"" } + ["\(row % 2)"]).joined(separator: ",")
    }
    return try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("t.csv")
      try Data(([header] + lines).joined(separator: "\n").utf8).write(to: file)
      let look = try TableInspection(file: file, label: "y")
      #expect(look.person?.name == look.columns.first { $0.kind == .person }?.name)
      return look.columns.dropLast()
    }
  }

  private func kinds(
    _ columns: [(name: String, value: (Int) -> String)], rows: Int
  ) throws -> [TableInspection.Column.Kind] {
    try look(columns, rows: rows).map(\.kind)
  }

  @Test("persons are known by the name of their column; values that repeat evenly are told alone")
  func repeated() throws {
    let person = { (row: Int) in "\(5000 + row * 2 / 5)" }
    for name in ["patient_no", "PatientID", "subject", "MRN", "user id", "Customer"] {
      #expect(try kinds([(name, person)], rows: 100) == [.person], "\(name)")
      #expect(try kinds([(name, { "p-" + person($0) })], rows: 100) == [.person], "\(name)")
    }
    let visit = { (row: Int) in "\(row / 2)" }
    let columns = try look([("k", person), ("visit", visit)], rows: 100)
    #expect(columns.map(\.kind) == [.numeric, .numeric])
    #expect(columns.map(\.repeatsEvenly) == [true, true])
    #expect(
      try kinds([("patient_no", person), ("visit", visit)], rows: 100) == [.person, .numeric])
    // Few persons with several rows are some: without them nobody has.
    #expect(try kinds([("patient", { "\(max(3, $0))" })], rows: 100) == [.person])
    #expect(try kinds([("patient", { "\($0)" })], rows: 100) == [.identifier])
  }

  @Test("dates are dates, however they are written, and versions and codes are none")
  func dates() throws {
    for write in [
      { "2024-\($0 % 12 + 1)-\($0 % 28 + 1)" }, { "\($0 % 28 + 1).0\($0 % 9 + 1).2023" },
      { "\($0 % 12 + 1)/\($0 % 28 + 1)/24" }, { "2020-01-0\($0 % 9 + 1)T12:30:00Z" },
      { "1/\($0 % 28 + 1)/2024 7:05 PM" },
      { $0 % 3 == 0 ? "unknown" : "2024-01-\($0 % 28 + 1)" },
    ] as [(Int) -> String] {
      #expect(try kinds([("k", write)], rows: 100) == [.date], "\(write(5))")
    }
    for write in [
      { "\($0 % 9).\($0 % 7).12" }, { "2024-\($0 % 6 + 20)-01" }, { "12:3\($0 % 9)" },
      { "\($0 % 9)-1-2 x" },
    ] as [(Int) -> String] {
      #expect(try kinds([("k", write)], rows: 100) == [.categorical], "\(write(5))")
    }
  }

  @Test("sentences are texts, and neither names nor codes are")
  func texts() throws {
    let note = { (row: Int) in "seen on the ward, no fever, reference \(row)" }
    #expect(try kinds([("k", note)], rows: 100) == [.text])
    #expect(try kinds([("k", { "Ward of the North \($0 % 3)" })], rows: 100) == [.categorical])
    #expect(try kinds([("k", { "Doe, Jane \($0)" })], rows: 100) == [.identifier])
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
