// Runs of other data or of another build: they are run again by a sweep, and stand apart in a comparison.
// And data that lie beside their scenario are found from every folder.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("What a run is known by")
struct DataIdentityTests {
  /// 600 rows of a number and a class that it decides, with columns that decide nothing.
  private static func table(extraColumns: Int) -> String {
    let names = ["x"] + (0..<extraColumns).map { "e\($0)" } + ["y"]
    let rows = (0..<600).map { row -> String in
      let x = Double((row * 7919) % 601) / 300 - 1
      let extra = (0..<extraColumns).map { "\((row * 31 + $0) % 17)" }
      return (["\(x)"] + extra + [x > 0 ? "1" : "0"]).joined(separator: ",")
    }
    return ([names.joined(separator: ",")] + rows).joined(separator: "\n") + "\n"
  }

  private static let scenario = """
    {
      "name": "table", "rounds": 2,
      "data": { "name": "csv", "path": "t.csv", "label_column": "y" },
      "population": {
        "test_examples_per_client": 20,
        "clusters": [
          { "name": "a", "clients": 2, "minority": true, "examples_per_client": 80 },
          { "name": "b", "clients": 2, "examples_per_client": 80 }
        ]
      },
      "model": { "name": "logistic" },
      "local": { "batch_size": 20, "learning_rate": 0.5 },
      "privacy": { "target_epsilon": null },
      "method": { "name": "global" }
    }
    """

  private static func states(_ outcome: Program.Outcome) throws -> [String] {
    guard case .array(let cells)? = try JSONValue(parsing: Data(outcome.output.utf8))["cells"]
    else {
      return []
    }
    return cells.compactMap { if case .string(let state)? = $0["status"] { state } else { nil } }
  }

  @Test("a sweep knows its cells until the data or the program change; compare keeps them apart")
  func sweep() async throws {
    try await Program.inFolder { program in
      let folder = program.folder.appendingPathComponent("beside")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      // Called from the folder above: the path of the data begins at the scenario.
      let file = try program.write(Self.scenario, to: "beside/scenario.json")
      _ = try program.write(Self.table(extraColumns: 0), to: "beside/t.csv")
      func sweep() throws -> [String] {
        let outcome = try program.call(
          "sweep", file, "--seeds", "0..1", "--quiet", "--format", "json")
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try Self.states(outcome)
      }
      #expect(try sweep() == ["done", "done"])
      #expect(try sweep() == ["known", "known"])
      _ = try program.write(Self.table(extraColumns: 1), to: "beside/t.csv")
      #expect(try sweep() == ["done", "done"])
      func cells() throws -> [JSONValue] {
        let compared = try program.call("compare", "--format", "json")
        guard
          case .array(let cells)? = try JSONValue(parsing: Data(compared.output.utf8))["cells"]
        else { return [] }
        return cells
      }
      let apart = try cells()
      #expect(apart.count == 2)
      for cell in apart {
        #expect(cell["seeds"] == .array([.integer(0), .integer(1)]))
        guard case .string(let settings)? = cell["settings"] else { continue }
        #expect(settings.contains("data_hash="))
      }
      // As if another build had computed everything so far.
      try FaultTests.execute("UPDATE runs SET build = printf(\'%064d\', 7)", in: program)
      #expect(try sweep() == ["done", "done"])
      #expect(try cells().count == 3)
      // The first data again, with this build.
      _ = try program.write(Self.table(extraColumns: 0), to: "beside/t.csv")
      #expect(try sweep() == ["done", "done"])
      #expect(try sweep() == ["known", "known"])
    }
  }

  @Test("a run of another build is not continued, and it is said why")
  func otherBuild() async throws {
    try await Program.inFolder { program in
      let process = try program.start(InterruptionTests.endless)
      let runID = try InterruptionTests.waitForRounds(program, process)
      process.terminate()
      #expect(try program.outcome(of: process).status == 143)
      try FaultTests.execute("UPDATE runs SET build = printf(\'%064d\', 7)", in: program)
      let rest = try program.call("run", "--resume", runID, "--quiet")
      #expect(rest.status == 64 && rest.errors.contains("another build"), "\(rest.errors)")
    }
  }

  @Test("times: the simulation, and the whole beside it")
  func seconds() async throws {
    try await Program.inFolder { program in
      let run = try program.call(
        "run", Program.shipped("tiny.json"), "--quiet", "--format", "json")
      let document = try JSONValue(parsing: Data(run.output.utf8))
      guard case .number(let wall)? = document["wall_seconds"],
        case .number(let total)? = document["total_seconds"]
      else {
        Issue.record("no times: \(run.errors)")
        return
      }
      #expect(wall > 0 && total > wall)
    }
  }

  @Test("a second process finds the base model that the first one pretrained")
  func baseModel() async throws {
    try await Program.inFolder { program in
      for _ in 0..<2 {
        let run = try program.call(
          "run", Program.shipped("tiny.json"), "--set", "rounds=2", "--set",
          "data.public_examples=100", "--set",
          #"model.pretraining={"epochs": 1, "learning_rate": 0.1}"#, "--quiet")
        #expect(run.status == 0, "\(run.errors)")
      }
      let cache = program.folder.appendingPathComponent("cache").path
      #expect(try FileManager.default.contentsOfDirectory(atPath: cache).count == 1)
    }
  }
}
