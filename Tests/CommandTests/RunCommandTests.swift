// `dpflsim run` and `dpflsim runs`, end to end on the tiny scenario.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Tensors
import Testing

@Suite("dpflsim run")
struct RunCommandTests {
  @Test("JSON is one document with the contract's keys, and the same as shown later")
  func document() async throws {
    try await Program.inFolder { program in
      let run = try program.call("run", Program.shipped("tiny.json"), "--format", "json")
      #expect(run.status == 0, "\(run.errors)")
      let document = try JSONValue(parsing: Data(run.output.utf8))
      for key in [
        "run_id", "scenario", "scenario_hash", "method", "seed", "rounds", "result_digest",
        "wall_seconds", "peak_rss_bytes", "workers", "accuracy", "clusters", "fairness",
        "clustering", "privacy", "communication",
      ] {
        #expect(document[key] != nil, "\(key)")
      }
      #expect(document["status"] == "done" && document["scenario"] == "tiny")
      #expect(document["rounds"] == 8 && document["finished_rounds"] == 8)
      #expect(document["clusters"]?[0]?["name"] == "offset-0")
      #expect(document["clusters"]?[0]?["minority"] == .bool(true))
      let shown = try program.call("runs", "show", "latest", "--format", "json")
      #expect(shown.status == 0 && shown.output == run.output)
    }
  }

  @Test("progress for programs: every round in turn, the last with the figures of the result")
  func progressForPrograms() async throws {
    try await Program.inFolder { program in
      let run = try program.call(
        "run", Program.shipped("tiny.json"), "--format", "json", "--progress", "json")
      let document = try JSONValue(parsing: Data(run.output.utf8))
      let events = try run.errors.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
        try JSONValue(parsing: Data($0.utf8))
      }
      let rounds = events.filter { $0["event"] == "round" }
      #expect(rounds.map { $0["round"] } == (1...8).map { .integer($0) })
      #expect(rounds.last?["client_mean_accuracy"] == document["accuracy"]?["client_mean"])
      #expect(rounds.last?["clusters"]?[1]?["name"] == "offset-1")
      #expect(rounds.last?["clusters"]?[1]?["accuracy"] == document["clusters"]?[1]?["accuracy"])
      let started = try #require(events.first { $0["event"] == "started" })
      #expect(started["run_id"] == document["run_id"] && started["clients"] == 8)
      let quiet = try program.call(
        "run", Program.shipped("tiny.json"), "--progress", "json", "--quiet")
      #expect(quiet.status == 0 && quiet.errors.isEmpty, "\(quiet.errors)")
    }
  }

  @Test("every client keeps its budget, and the ledger proves what was stated")
  func budget() async throws {
    try await Program.inFolder { program in
      let run = try program.call("run", Program.shipped("tiny.json"), "--format", "json")
      let document = try JSONValue(parsing: Data(run.output.utf8))
      let audit = try program.call("privacy", "ledger", "latest", "--format", "json")
      #expect(audit.status == 0, "\(audit.errors)")
      let ledger = try JSONValue(parsing: Data(audit.output.utf8))
      #expect(ledger["contradictions"] == [])
      for client in 0..<8 {
        let stated = try #require(document["privacy"]?["epsilon_by_client"]?[client]?.double)
        let proven = try #require(ledger["clients"]?[client]?["epsilon"]?.double)
        #expect(stated <= 5 && stated > 4.9)
        #expect(abs(proven - stated) < 1e-6)
        #expect((ledger["clients"]?[client]?["releases"]?.double ?? 0) >= 8)
      }
      let lines = try program.call("privacy", "ledger", "latest", "--format", "jsonl")
      #expect(
        try JSONValue(parsing: Data(lines.output.prefix { $0 != "\n" }.utf8))["mechanism"] != nil)
      let table = try program.call("privacy", "ledger", "latest", "--compare")
      #expect(table.output.contains("within the target"))
      #expect(table.output.contains("ε, loss distributions (pld)"))
    }
  }

  @Test("what the check finds critical ends a run with 65 and stores nothing, unless it is allowed")
  func refused() async throws {
    try await Program.inFolder { program in
      let plan = [
        Program.shipped("tiny.json"), "--set", "privacy.target_delta=0.5", "--set", "rounds=2",
      ]
      let refused = try program.call(["run"] + plan + ["--format", "json"])
      #expect(refused.status == 65 && refused.output.isEmpty, "\(refused.errors)")
      #expect(refused.errors.contains("privacy.target_delta: 0.5 is above"))
      #expect(refused.errors.contains("--allow DP102"))
      #expect(try RunStore.openExisting(program.store).runs().isEmpty)
      let swept = try program.call(["sweep"] + plan + ["--seeds", "0..1", "--quiet"])
      #expect(swept.status == 65 && swept.errors.contains("DP102"), "\(swept.errors)")

      let allowed = try program.call(["run"] + plan + ["--allow", "DP102"])
      #expect(allowed.status == 0, "\(allowed.errors)")
      #expect(allowed.errors.contains("allowed: DP102, privacy.target_delta"))
      #expect(allowed.errors.components(separatedBy: "warning: DP103").count == 2)
      #expect(allowed.output.contains("Allowed, though ε says little then: DP102"))
      let shown = try program.call("runs", "show", "latest", "--format", "json")
      let document = try JSONValue(parsing: Data(shown.output.utf8))
      #expect(document["privacy"]?["allowed"]?[0]?["rule"] == "DP102")
      #expect(document["warnings"]?[0]?["rule"] == "DP103")
      // The scenario can say it by itself, and is then the same scenario.
      let again = try program.call(
        ["sweep"] + plan + ["--set", #"privacy.allow=["DP102"]"#, "--seeds", "0..1"])
      #expect(again.status == 0 && !again.output.contains("failed"), "\(again.errors)")
      #expect(try RunStore.openExisting(program.store).runs().count == 2)
      let unknown = try program.call(["run"] + plan + ["--allow", "DP103"])
      #expect(unknown.status == 64 && unknown.errors.contains("DP103"), "\(unknown.errors)")
    }
  }

  @Test("a budget that ends before the run does: 75, and what was spent is within it")
  func stopped() async throws {
    try await Program.inFolder { program in
      let run = try program.call(
        "run", Program.shipped("tiny.json"), "--set", "privacy.noise_multiplier=0.9", "--set",
        "method.name=global", "--format", "json", "--quiet")
      #expect(run.status == 75 && run.output.isEmpty, "\(run.errors)")
      #expect(run.errors.hasPrefix("dpflsim: stopped before round "))
      let stored = try RunStore.openExisting(program.store).run(named: "latest")
      #expect(stored.status == .stopped && stored.resultDigest == nil)
      let ledger = try JSONValue(
        parsing: Data(program.call("privacy", "ledger", "latest", "--format", "json").output.utf8))
      for client in 0..<8 {
        let epsilon = try #require(ledger["clients"]?[client]?["epsilon"]?.double)
        #expect(epsilon > 0 && epsilon <= 5)
      }
    }
  }

  @Test("privacy of whole clients is said as such, and its ledger proves it")
  func clientUnit() async throws {
    try await Program.inFolder { program in
      let run = try program.call(
        "run", Program.shipped("tiny.json"), "--set", "privacy.unit=client", "--set",
        "method.name=global", "--format", "json", "--quiet")
      #expect(run.status == 0, "\(run.errors)")
      let document = try JSONValue(parsing: Data(run.output.utf8))
      #expect(document["privacy"]?["unit"] == "client")
      let ledger = try JSONValue(
        parsing: Data(program.call("privacy", "ledger", "latest", "--format", "json").output.utf8))
      #expect(ledger["unit"] == "client" && ledger["contradictions"] == [])
      let stated = try #require(document["privacy"]?["epsilon_max"]?.double)
      let proven = try #require(ledger["clients"]?[0]?["epsilon"]?.double)
      #expect(abs(stated - proven) < 1e-6 && stated <= 5)
      #expect(
        try program.call("runs", "show", "latest").output
          .contains("for each client with all its examples"))
    }
  }

  @Test("the digest does not depend on the number of workers, and depends on the seed")
  func digest() async throws {
    try await Program.inFolder { program in
      func digest(_ arguments: [String]) throws -> JSONValue? {
        let run = try program.call(
          ["run", Program.shipped("tiny.json"), "--format", "json", "--quiet"] + arguments)
        return try JSONValue(parsing: Data(run.output.utf8))["result_digest"]
      }
      let one = try #require(try digest(["--workers", "1"]))
      #expect(try digest(["--workers", "2"]) == one)
      #expect(try digest(["--workers", "4"]) == one)
      #expect(try digest(["--seed", "1"]) != one)
      #expect(try digest(["--set", "privacy.target_epsilon=null"]) != one)
    }
  }

  @Test("progress is a line a round on standard error; --quiet takes it away")
  func progress() async throws {
    try await Program.inFolder { program in
      let loud = try program.call("run", Program.shipped("tiny.json"))
      let lines = loud.errors.split(separator: "\n")
      #expect(lines.count { $0.hasPrefix("round ") } == 8)
      #expect(lines.last?.hasPrefix("round 8/8, ") == true)
      #expect(lines.last?.contains("worst cluster") == true)
      #expect(!loud.errors.contains("\u{1B}") && !loud.errors.contains("\r"))
      let quiet = try program.call("run", Program.shipped("tiny.json"), "--quiet")
      #expect(quiet.errors.isEmpty && quiet.status == 0)
    }
  }

  @Test("the table tells what a person wants to know")
  func table() async throws {
    try await Program.inFolder { program in
      let run = try program.call("run", Program.shipped("tiny.json"))
      for words in [
        "tiny: r-dpcfl, seed 0, 8 rounds", "Clusters found", "model 0", "minority", "Gap between",
        "target", "noise multiplier", "of memory", "Stored as", "runs show",
      ] {
        #expect(run.output.contains(words), "\(words)")
      }
      #expect(!run.output.contains("\u{1B}"))
      let shown = try program.call("runs", "show", "latest")
      #expect(run.output.hasPrefix(shown.output))
    }
  }

  @Test("runs are listed, shown by the beginning of their name, and deleted with their files")
  func runs() async throws {
    try await Program.inFolder { program in
      #expect(try program.call("runs").status == 66)
      for seed in ["0", "1"] {
        _ = try program.call("run", Program.shipped("tiny.json"), "--seed", seed, "--quiet")
      }
      let list = try JSONValue(
        parsing: Data(program.call("runs", "--format", "json").output.utf8))
      #expect(list[0]?["seed"] == 1 && list[1]?["seed"] == 0 && list[2] == nil)
      guard case .string(let name)? = list[0]?["run_id"] else {
        Issue.record("the list names no run")
        return
      }
      #expect(try program.call("runs", "list").output.contains(name))
      #expect(try program.call("runs", "show", String(name.dropLast(2))).status == 0)
      let files = program.folder.appendingPathComponent("results/dpflsim.files/\(name)")
      #expect(FileManager.default.fileExists(atPath: files.path))
      // The beginning of a name is enough to look at a run, not to delete it.
      for short in [String(name.dropLast(2)), "latest"] {
        let partial = try program.call("runs", "delete", short)
        #expect(partial.status == 66)
        #expect(partial.errors.contains("deleting needs the whole name, \(name)"))
      }
      #expect(try program.call("runs", "delete", name).output == "deleted \(name)\n")
      #expect(!FileManager.default.fileExists(atPath: files.path))
      #expect(try program.call("runs", "show", name).status == 66)
      let left = try program.call("runs", "--limit", "5").output.split(separator: "\n")
      #expect(left.count { $0.contains("-tiny-") } == 1)
    }
  }

  @Test("models lie beside the store as the document says")
  func models() async throws {
    try await Program.inFolder { program in
      let run = try program.call("run", Program.shipped("tiny.json"), "--format", "json")
      let document = try JSONValue(parsing: Data(run.output.utf8))
      guard case .array(let files)? = document["files"] else {
        Issue.record("the document names no files")
        return
      }
      #expect(files.count >= 3)
      for file in files {
        guard case .string(let path)? = file["path"] else { continue }
        let data = try Data(
          contentsOf: program.store.deletingLastPathComponent().appendingPathComponent(path))
        #expect(file["bytes"]?.double == Double(data.count))
        let model = try Safetensors(data: data)
        #expect(model.metadata["scenario_hash"].map { .string($0) } == document["scenario_hash"])
        #expect(!model.tensors.isEmpty)
      }
    }
  }

  @Test("data describe shows the partition that the run uses")
  func describe() async throws {
    try await Program.inFolder { program in
      let answer = try program.call(
        "data", "describe", Program.shipped("tiny.json"), "--format", "json")
      #expect(answer.status == 0, "\(answer.errors)")
      let document = try JSONValue(parsing: Data(answer.output.utf8))
      #expect(document["shared_train_examples"] == 0)
      for client in 0..<8 {
        #expect(document["clients"]?[client]?["train_examples"] == 300)
        guard case .array(let counts)? = document["clients"]?[client]?["seen_labels"] else {
          Issue.record("client \(client) has no counts")
          continue
        }
        #expect(counts.compactMap(\.double).reduce(0, +) == 300)
      }
      let uneven = [
        "--seed", "3", "--set",
        #"population.clusters[0].examples_per_client={"min": 100, "max": 300}"#, "--format", "json",
      ]
      let shown = try JSONValue(
        parsing: Data(
          program.call(["data", "describe", Program.shipped("tiny.json")] + uneven).output.utf8))
      let run = try JSONValue(
        parsing: Data(
          program.call(["run", Program.shipped("tiny.json"), "--quiet"] + uneven).output.utf8))
      for client in 0..<8 {
        let examples = try #require(shown["clients"]?[client]?["train_examples"])
        #expect(examples == run["clients"]?[client]?["train_examples"])
      }
      #expect(shown["clients"]?[0]?["train_examples"] != 300)
      let table = try program.call("data", "describe", Program.shipped("tiny.json"))
      #expect(table.output.contains("offset-2"))
    }
  }
}

extension JSONValue {
  var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}
