// What somebody reads who simulates the own hospitals: persons, class names and clients stand where they belong.

import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("Silos of one's own")
struct OwnSilosTests {
  /// Three hospitals of 200 rows, two rows a person, two classes with names.
  private static func scenario(_ program: Program) throws -> String {
    let rows = (0..<600).map { row in
      let ill = (row * 7) % 10 < 3
      return
        "\(row / 2),\(["North", "South", "West"][row % 600 / 200]),\((row * 37) % 101),\(ill ? "yes" : "no")"
    }
    let data = try program.write(
      "person,hospital,value,ill\n" + rows.joined(separator: "\n") + "\n", to: "rows.csv")
    return try program.write(
      """
      {
        "name": "hospitals", "rounds": 2,
        "data": {
          "name": "csv", "path": "\(data)", "label_column": "ill", "classes": ["no", "yes"],
          "client_column": "hospital", "id_column": "person",
          "columns": [{ "column": "value", "kind": "numeric", "min": 0, "max": 100 }]
        },
        "population": {}, "model": { "name": "logistic" },
        "local": { "batch_size": 20, "learning_rate": 0.1 },
        "privacy": { "target_epsilon": 3, "target_delta": 0.0001 },
        "method": { "name": "r-dpcfl" }
      }
      """, to: "hospitals.json")
  }

  @Test("an ε is that of a person, classes and hospitals have their names, the worst is a hospital")
  func reads() async throws {
    try await Program.inFolder { program in
      let scenario = try Self.scenario(program)
      let check = try program.call("check", scenario)
      #expect(check.output.contains("Protects each person at each client"), "\(check.errors)")
      let run = try program.call("run", scenario)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("worst client") && !run.errors.contains("worst cluster"))
      for words in [
        "privacy for each person at each client", "class 'yes' being positive", " train ",
        " test ", "Nobody knows true clusters",
      ] {
        #expect(run.output.contains(words), "\(words)")
      }
      let ledger = try program.call("privacy", "ledger", "latest")
      #expect(ledger.output.contains("For each person at each client"))
      let page = program.folder.appendingPathComponent("report.html")
      #expect(try program.call("report", "-o", page.path).status == 0)
      let text = try String(contentsOf: page, encoding: .utf8)
      for words in [
        "one person at one client", "one given person", "clients put together", "North",
      ] {
        #expect(text.contains(words), "\(words)")
      }
    }
  }
}
