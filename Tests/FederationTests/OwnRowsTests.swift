// What a run and a check say of the rows of one's own table.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

/// Two hospitals of sixty rows each, written where a scenario finds them.
final class HospitalTable {
  let file = FileManager.default.temporaryDirectory
    .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")

  init(row: (Int) -> (who: String, age: String, label: String)) throws {
    let lines = (0..<120).map { index in
      let own = row(index)
      return "\(own.who),\(index % 2 == 0 ? "north" : "south"),\(own.age),\(own.label)\n"
    }
    try Data(("who,hospital,age,y\n" + lines.joined()).utf8).write(to: file)
  }

  deinit { try? FileManager.default.removeItem(at: file) }

  func scenario(_ changes: String...) throws -> Scenario {
    try Scenario(
      json: Data(
        """
        {"name": "hospitals", "rounds": 2,
         "data": {"name": "csv", "path": "\(file.path)", "label_column": "y", "classes": ["no", "yes"],
                  "client_column": "hospital", "id_column": "who",
                  "columns": [{"column": "age", "kind": "numeric", "min": 0, "max": 100}]},
         "population": {}, "model": {"name": "logistic"},
         "local": {"batch_size": 20, "learning_rate": 0.5},
         "privacy": {"target_epsilon": 6, "target_delta": 1e-3}, "method": {"name": "global"}}
        """.utf8), overrides: changes
    ).askingItsTable(DatasetCatalog())
  }

  func findings(_ scenario: Scenario) throws -> [CheckReport.Finding] {
    try PrivacyLinter(scenario: scenario, catalog: DatasetCatalog()).report().findings
  }
}

@Suite("Rows of one's own table") struct OwnRowsTests {
  @Test("warnings name a table's clients and say what can be done about them")
  func warnings() throws {
    // Most rows of the south are of three persons.
    let table = try HospitalTable { index in
      let isAlone = index % 2 == 0 || index % 10 == 1
      return (
        who: isAlone ? "p\(index)" : "s\(index % 6)", age: "\(20 + index % 60)",
        label: index % 3 == 0 ? "yes" : "no"
      )
    }
    let findings = try table.findings(
      table.scenario("method={\"name\": \"r-dpcfl\"}", "local.batch_size=30"))
    func finding(_ rule: String) throws -> CheckReport.Finding {
      try #require(findings.first { $0.rule == rule }, "\(rule)")
    }
    let small = try finding("DP105")
    #expect(small.path == "data.path" && small.message.contains("client 'north'"))
    let batch = try finding("DP104")
    #expect(batch.message.contains("client 'south' trains on"))
    #expect(!batch.message.contains("examples_per_client"))
    #expect(try finding("DP106").message.contains("client 'north'"))
    let sizes = try finding("DP206")
    #expect(sizes.path == "data.client_column" && sizes.message.contains("mr-mtl"))
    #expect(try finding("DP302").message.contains("with so few clients use a method"))
  }

  @Test("a run's notes and its digest: rows left out are told, and change nothing else")
  func notes() async throws {
    func outcome(_ table: HospitalTable) async throws -> RunResult {
      try await Simulation(
        scenario: table.scenario(), catalog: DatasetCatalog(),
        options: SimulationOptions(workers: 2)
      ).run(observer: Recorder()).result
    }
    func row(_ index: Int, unnamed: String) -> (who: String, age: String, label: String) {
      let who = index < 10 ? unnamed : "p\(index)"
      return (who, "\(20 + index % 60)", index % 3 == 0 ? "yes" : "no")
    }
    let named = try await outcome(HospitalTable { row($0, unnamed: "q\($0)") })
    let unnamed = try await outcome(HospitalTable { row($0, unnamed: "") })
    #expect(named.notes.allSatisfy { !$0.hasPrefix("rows: ") })
    #expect(unnamed.notes.contains("rows: 10 rows have no who and count as persons of their own"))
    #expect(unnamed.resultDigest == named.resultDigest)
    let short = try await outcome(
      HospitalTable { index in
        let own = row(index, unnamed: "q")
        return (index < 20 ? "p\(index % 4)" : own.who, own.age, index < 100 ? own.label : "")
      })
    #expect(short.notes.contains("rows: 20 rows without a label were left out"))
    #expect(
      short.notes.contains {
        $0.hasSuffix("for training of persons with another row were left out")
      }
    )
  }
}
