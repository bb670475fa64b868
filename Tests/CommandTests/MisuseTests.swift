// What is asked or given wrongly around a run: other data, another clock, options that do not go together, names that
// leave their folder.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("Misuse")
struct MisuseTests {
  @Test("lab detection on a table without known clusters names the column that would say them")
  func clustersUnknown() async throws {
    try await Program.inFolder { program in
      let rows = (0..<400).map { "\($0 % 11),w\($0 % 4),\($0 / 4 % 2)\n" }
      let data = try program.write("a,ward,y\n" + rows.joined(), to: "wards.csv")
      let scenario = try program.write(
        """
        {
          "name": "wards", "rounds": 2,
          "data": {
            "name": "csv", "path": "\(data)", "label_column": "y", "classes": [0, 1],
            "client_column": "ward",
            "columns": [ { "column": "a", "kind": "numeric", "min": 0, "max": 10 } ]
          },
          "population": {}, "model": { "name": "logistic" },
          "local": { "batch_size": 20, "learning_rate": 0.1 },
          "privacy": { "target_epsilon": 3, "target_delta": 1e-4 },
          "method": { "name": "r-dpcfl" }
        }
        """, to: "wards.json")
      let outcome = try program.call("lab", "detection", scenario)
      #expect(
        outcome.status == 65 && outcome.errors.contains("data.cluster_column"), "\(outcome.errors)")
    }
  }

  @Test("data that changed since a run began: 65, and the run is left as it was")
  func dataChanged() async throws {
    try await Program.inFolder { program in
      func table(_ shift: Int) -> String {
        let rows = (0..<4000).map { row in
          let label = row % 2
          return "\((row * 37 + shift) % 101),\((row * 53) % 97 + 40 * label),\(label)"
        }
        return "a,b,label\n" + rows.joined(separator: "\n") + "\n"
      }
      let data = try program.write(table(0), to: "data.csv")
      let scenario = try program.write(
        """
        {
          "name": "table", "rounds": 100000,
          "data": { "name": "csv", "path": "\(data)", "label_column": "label" },
          "population": {
            "test_examples_per_client": 50,
            "clusters": [ { "name": "all", "clients": 4, "examples_per_client": 200 } ]
          },
          "model": { "name": "logistic" },
          "local": { "batch_size": 20, "learning_rate": 0.1 },
          "privacy": { "target_epsilon": null },
          "method": { "name": "global" }
        }
        """, to: "table.json")
      let process = try program.start(["run", scenario])
      let runID = try InterruptionTests.waitForRounds(program, process)
      kill(process.processIdentifier, SIGTERM)
      #expect(try program.outcome(of: process).status == 143)
      func state() throws -> [String] {
        let store = try RunStore.openExisting(program.store)
        let run = try store.run(named: runID)
        let counts = [try store.rounds(of: runID).count, try store.ledgerEntries(of: runID).count]
        return ["\(run.status)", run.error ?? "", "\(run.finishedAt as Any)", "\(counts)"]
      }
      let before = try state()
      #expect(before[0] == "interrupted")
      _ = try program.write(table(1), to: "data.csv")
      let resumed = try program.call("run", "--resume", runID, "--quiet")
      #expect(resumed.status == 65, "\(resumed.errors)")
      #expect(resumed.errors.contains("are not those it began with"))
      #expect(try state() == before)
      _ = try program.write(table(0), to: "data.csv")
      let third = try program.start(["run", "--resume", runID])
      kill(third.processIdentifier, SIGKILL)
      _ = try program.outcome(of: third)
      #expect(try RunStore.openExisting(program.store).rounds(of: runID).count >= 2)
    }
  }

  @Test("a clock that goes back changes neither the order of runs nor what is resumed")
  func clock() async throws {
    try await Program.inFolder { program in
      let store = try RunStore.open(program.store)
      let scenario = try Scenario(json: Data(contentsOf: URL(fileURLWithPath: FaultTests.tiny)))
      let times = [2_000_000_000.0, 1_000_000_000]
      let runs = try times.map {
        try RunRecorder(
          store: store, scenario: scenario, workers: 1, machine: "",
          startedAt: Date(timeIntervalSince1970: $0)
        ).runID
      }
      #expect(try store.run(named: "latest").runID == runs[1])
      #expect(try store.runs().map(\.runID) == [runs[1], runs[0]])
    }
  }

  @Test("wrong uses of --resume: 64 or 66, one sentence")
  func usage() async throws {
    try await Program.inFolder { program in
      #expect(try program.call("run", "--resume", "latest").status == 66)
      #expect(try program.call("run", FaultTests.tiny, "--quiet").status == 0)
      let done = try program.call("run", "--resume", "latest")
      #expect(done.status == 64 && done.errors.contains("it is done"))
      for arguments in [
        ["run"], ["run", FaultTests.tiny, "--resume", "latest"],
        ["run", "--resume", "latest", "--seed", "1"], ["run", FaultTests.tiny, "--take-over"],
        ["run", FaultTests.tiny, "--checkpoint-every", "0"],
        ["run", FaultTests.tiny, "--checkpoint-every", "-3s"],
        ["run", FaultTests.tiny, "--memory-limit", "much"],
      ] {
        #expect(try program.call(arguments).status == 64, "\(arguments)")
      }
      #expect(try program.call("run", "--resume", "nobody").status == 66)
    }
  }

  @Test(
    "a memory limit: fewer cached features and the same digest, or 75 before training",
    .disabled(if: Program.sanitizer != nil, "a sanitizer takes several times the memory"))
  func memoryLimit() async throws {
    try await Program.inFolder { program in
      let refused = try program.call("run", FaultTests.tiny, "--memory-limit", "10MB", "--quiet")
      #expect(refused.status == 75 && refused.errors.contains("--memory-limit: the run needs"))
      #expect(try RunStore.openExisting(program.store).runs().isEmpty)
      let run = try program.call(
        "run", FaultTests.tiny, "--memory-limit", "1GB", "--quiet", "--format", "json")
      #expect(run.status == 0, "\(run.errors)")
      let document = try JSONValue(parsing: Data(run.output.utf8))
      let expected = try #require(document["expected_peak_bytes"]?.double)
      let measured = try #require(document["peak_rss_bytes"]?.double)
      #expect(abs(expected - measured) < 0.25 * measured)
      #expect(document["result_digest"] == (try FaultTests.expected(program, [])))
      // A byte less than what all features take: fewer are kept, and nothing else changes.
      let frozen = [
        "--set", #"model={"name": "mlp", "hidden": [64, 48]}"#, "--set", "rounds=3", "--set",
        #"adapter={"type": "lora", "r": 4, "lora_alpha": 4, "target_modules": ["fc2", "fc3"], "freeze_a": true}"#,
      ]
      func frozenRun(_ options: [String]) throws -> JSONValue {
        let run = try program.call(
          ["run", FaultTests.tiny, "--quiet", "--format", "json"] + frozen + options)
        #expect(run.status == 0, "\(run.errors)")
        return try JSONValue(parsing: Data(run.output.utf8))
      }
      let whole = try frozenRun([])
      let most = try #require(whole["expected_peak_bytes"]?.double)
      let part = try frozenRun(["--memory-limit", "\(Int(most) - 1)"])
      #expect(try #require(part["expected_peak_bytes"]?.double) < most)
      #expect(part["result_digest"] == whole["result_digest"])
    }
  }

  @Test("names and paths from files stay inside their folder, and reports escape them")
  func hostileNames() async throws {
    try await Program.inFolder { program in
      #expect(try program.call("run", FaultTests.tiny, "--quiet").status == 0)
      for name in ["../../etc/passwd", "..", "a/b", "a b", "<script>", ""] {
        let run = try program.call(
          "run", FaultTests.tiny, "--quiet", "--set", "name=\"\(name)\"")
        #expect(run.status == 65, "\(name)")
        for command in [["runs", "show", name], ["run", "--resume", name]] where !name.isEmpty {
          let outcome = try program.call(command)
          #expect([64, 66].contains(outcome.status), "\(outcome)")
          #expect(!outcome.errors.contains("there is no store"))
        }
      }
      let run = try program.call(
        "run", FaultTests.tiny, "--quiet", "--set", "description=\"</script><script>alert(1)\"")
      #expect(run.status == 0, "\(run.errors)")
      #expect(try program.call("report", "-o", "report.html").status == 0)
      // What is no file is not replaced: here a pipe, elsewhere a device.
      let pipe = program.folder.appendingPathComponent("pipe").path
      #expect(try FaultTests.shell("mkfifo '\(pipe)'") == 0)
      #expect(try program.call("report", "-o", pipe).status == 73)
      #expect(try FaultTests.shell("test -p '\(pipe)'") == 0)
      let page = try String(
        contentsOf: program.folder.appendingPathComponent("report.html"), encoding: .utf8)
      #expect(!page.contains("<script>alert(1)"))
      // A link in the place of a model file is not followed: what it points to stays.
      let victim = try program.write("mine", to: "victim")
      let store = try RunStore.openExisting(program.store)
      let last = try #require(try store.runs().first)
      let link = store.folder(of: last.runID).appendingPathComponent("model-0.safetensors")
      try FileManager.default.removeItem(at: link)
      try FileManager.default.createSymbolicLink(
        at: link, withDestinationURL: URL(fileURLWithPath: victim))
      #expect(try program.call("runs", "delete", last.runID).status == 0)
      #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
    }
  }
}
