// docs/scenario.md: its tables are those of the code, and its example is read.

import Foundation
import Scenarios
import Testing

@Suite("Reference")
struct ReferenceTests {
  private let file = packageFolder.appendingPathComponent("docs/scenario.md")

  /// The document with the text between `<!-- keys of PATH -->` and `<!-- end -->` generated anew.
  private func generated(_ document: String) throws -> (text: String, used: Set<String>) {
    let tables = Dictionary(Scenario.referenceTables.map { ($0.path, $0.table) }) { first, _ in
      first
    }
    var used: Set<String> = []
    let parts = document.components(separatedBy: "<!-- keys of ")
    var output = parts[0]
    for part in parts.dropFirst() {
      let head = try #require(part.range(of: " -->"))
      let tail = try #require(part.range(of: "<!-- end -->"))
      let name = String(part[..<head.lowerBound])
      let table = try #require(tables[name == "the file" ? "" : name], "no object \(name)")
      used.insert(table)
      output += "<!-- keys of \(name) -->\n\n\(table)\n" + part[tail.lowerBound...]
    }
    return (output, used)
  }

  @Test("the tables are those of the code, and no object is left out")
  func tables() throws {
    let document = try String(contentsOf: file, encoding: .utf8)
    let (text, used) = try generated(document)
    try expectGenerated(text, in: file)
    for (path, table) in Scenario.referenceTables {
      #expect(used.contains(table), "docs/scenario.md has no table for \(path)")
    }
  }

  @Test("every JSON example of the document is a scenario that is read")
  func examples() throws {
    let document = try String(contentsOf: file, encoding: .utf8)
    let blocks = document.components(separatedBy: "```json\n").dropFirst()
    #expect(!blocks.isEmpty)
    for block in blocks {
      let text = try #require(block.components(separatedBy: "```").first)
      #expect(problems(of: text).isEmpty, "\(text)")
    }
  }
}

/// Expects a file to hold a generated text; with DPFLSIM_UPDATE set, writes it instead.
func expectGenerated(_ text: String, in file: URL) throws {
  if ProcessInfo.processInfo.environment["DPFLSIM_UPDATE"] != nil {
    try Data(text.utf8).write(to: file)
  }
  let isSame = try String(contentsOf: file, encoding: .utf8) == text
  #expect(
    isSame,
    "\(file.lastPathComponent) is out of date; run DPFLSIM_UPDATE=1 tools/test, read the change"
  )
}
