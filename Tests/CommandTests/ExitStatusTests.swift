// Exit codes and the sentences that go with them: other programs rely on the first, people on the second.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import TestSupport
import Testing

@Suite("Exit codes")
struct ExitStatusTests {
  static let malformed: [JSONValue] = {
    let text = try? String(contentsOf: goldenFile("malformed.jsonl"), encoding: .utf8)
    return (text ?? "").split(separator: "\n").compactMap {
      try? JSONValue(parsing: Data($0.utf8))
    }
  }()

  @Test("the table of malformed scenarios is there")
  func table() throws {
    #expect(Self.malformed.count >= 60)
  }

  /// The table in four parts, which run side by side.
  @Test("a malformed scenario: 65, one sentence, and no run that looks finished", arguments: 0..<4)
  func malformed(_ part: Int) async throws {
    let tiny = try JSONValue(
      parsing: Data(contentsOf: URL(fileURLWithPath: Program.shipped("tiny.json"))))
    try await Program.inFolder { program in
      for line in Self.malformed.indices.filter({ $0 % 4 == part }).map({ Self.malformed[$0] }) {
        guard case .string(let says)? = line["says"] else {
          Issue.record("a line without a sentence: \(line.text)")
          continue
        }
        let file = try program.write(line.applied(to: tiny).text, to: "malformed.json")
        let run = try program.call("run", file, "--format", "json")
        #expect(run.status == 65, "\(line.text)")
        #expect(run.output.isEmpty)
        let sentences = run.errors.split(separator: "\n").filter { $0.hasPrefix("dpflsim: ") }
        #expect(sentences.count == 1 && run.errors.contains(says), "\(line.text): \(run.errors)")
        #expect(!run.errors.contains("fault of dpflsim"))
      }
      // A few are refused only when noise is calibrated or data are dealt: those runs are stored as failed.
      guard FileManager.default.fileExists(atPath: program.store.path) else { return }
      for run in try RunStore.openExisting(program.store).runs() {
        #expect(run.status == .failed && run.resultDigest == nil && run.error != nil)
      }
    }
  }

  @Test(
    "text that is no scenario: 65",
    arguments: [
      "", " ", "{", "}", "[]", "null", "5", "\"x\"", "{\"name\": \"x\",}", "{\"name\": NaN}",
      "{'name': 1}", "{\"name\": \"a\", \"name\": \"b\"}", "{\"rounds\": 1e999}",
      "{\"rounds\": 99999999999999999999}", "{} {}", "// comment\n{}", "\u{0}",
      "{\"name\": \"\u{1}\"}",
      String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 10_000),
      "{\"name\": \"" + String(repeating: "x", count: 5_000_000) + "\"}",
    ])
  func noScenario(_ text: String) async throws {
    try await Program.inFolder { program in
      let run = try program.call("run", program.write(text, to: "s.json"))
      #expect(run.status == 65, "\(run.errors.prefix(500))")
      #expect(run.errors.hasPrefix("dpflsim: "))
      #expect(run.errors.utf8.count < 3000)
      #expect(!FileManager.default.fileExists(atPath: program.store.path))
    }
  }

  @Test(
    "wrong usage: 64",
    arguments: [
      ["bogus"], ["run"], ["run", "a", "b"], ["run", "a", "--workers", "0"],
      ["run", "a", "--workers", "x"], ["run", "a", "--format", "xml"],
      ["run", "a", "--seed", "-1"],
      ["run", "a", "--seed", "1.5"], ["run", "a", "--bogus"], ["runs", "show"],
      ["runs", "list", "--limit", "0"], ["runs", "bogus"], ["privacy", "epsilon"],
      [
        "privacy", "epsilon", "--noise-multiplier", "1", "--sample-rate", "2", "--steps", "1",
        "--delta", "1e-5",
      ],
      [
        "privacy", "epsilon", "--noise-multiplier", "0", "--sample-rate", "0.1", "--steps", "1",
        "--delta", "1e-5",
      ],
      [
        "privacy", "calibrate", "--target-epsilon", "nan", "--sample-rate", "0.1", "--steps", "1",
        "--delta", "1e-5",
      ],
      [
        "privacy", "calibrate", "--target-epsilon", "1", "--sample-rate", "0.1", "--steps", "1",
        "--delta", "0",
      ],
      [
        "privacy", "calibrate", "--target-epsilon", "1", "--sample-rate", "0.1", "--steps", "1",
        "--delta", "1e-5", "--selections", "3",
      ], ["lab", "merging", "a", "--seed", "18446744073709551615"],
      ["lab", "merging", "a", "--tasks", "1"],
      ["lab", "merging", Program.shipped("tiny.json"), "--tasks", "7"],
    ])
  func usage(_ arguments: [String]) async throws {
    try await Program.inFolder { program in
      let outcome = try program.call(arguments)
      #expect(outcome.status == 64, "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
      // One line: place, what, and how to fix it.
      let lines = outcome.errors.split(separator: "\n")
      #expect(lines.count == 1 && outcome.errors.hasPrefix("dpflsim: "), "\(outcome.errors)")
      #expect(outcome.errors.contains("; "), "\(outcome.errors)")
      #expect(!outcome.errors.contains("Usage:"))
    }
  }

  @Test(
    "an option that is known elsewhere is refused with the reason",
    arguments: [
      (["check", "x.json", "--store", "s"], "check: --store has no meaning here"),
      (["check", "x.json", "--quiet"], "check: --quiet has no meaning here"),
      (["compare", "--seed", "3"], "compare: --seed has no meaning here"),
      (["compare", "--quiet"], "compare: --quiet has no meaning here"),
      (["privacy", "ledger", "latest", "--workers", "1"], "privacy ledger: --workers has no"),
      (["runs", "delete", "x", "--format", "json"], "runs delete: --format has no meaning here"),
      (["data", "--set", "a=1"], "data: --set has no meaning here"),
      (["--store", "s", "runs"], "--store: stands before the command"),
      (["run", "x.json", "--stor", "s"], "run: Unknown option '--stor'"),
    ] as [([String], String)])
  func commonOptions(_ arguments: [String], _ words: String) async throws {
    try await Program.inFolder { program in
      let outcome = try program.call(arguments)
      #expect(outcome.status == 64 && outcome.output.isEmpty)
      #expect(outcome.errors.hasPrefix("dpflsim: " + words), "\(outcome.errors)")
    }
  }

  @Test("a wrong --set names the option's place: 65")
  func overrides() async throws {
    try await Program.inFolder { program in
      for (change, words) in [
        ("rounds=0", "rounds: "), ("privacy.target_epsilon=abc", "privacy.target_epsilon"),
        ("population.clusters[9].clients=3", "population.clusters"), ("rounds", "rounds"),
        ("=5", "="), ("bogus=1", "bogus"),
      ] {
        let run = try program.call("run", Program.shipped("tiny.json"), "--set", change)
        #expect(run.status == 65, "\(change): \(run.errors)")
        #expect(run.errors.contains(words), "\(change): \(run.errors)")
      }
    }
  }

  @Test("what is not there: 66")
  func missing() async throws {
    try await Program.inFolder { program in
      let store = program.folder.appendingPathComponent("x.sqlite").path
      for arguments in [
        ["run", "no.json"], ["runs", "--store", store], ["runs", "show", "x", "--store", store],
        ["privacy", "ledger", "latest", "--store", store], ["data", "describe", "no.json"],
        ["run", Program.shipped("skewed.json"), "--set", "data.path=\"/no/such/folder\""],
      ] {
        let outcome = try program.call(arguments)
        #expect(outcome.status == 66, "\(arguments): \(outcome.errors)")
        #expect(outcome.output.isEmpty)
      }
      #expect(!FileManager.default.fileExists(atPath: store))
    }
  }

  @Test("an unwritable store or output: 73; an unreadable file or a foreign store: 74")
  func readAndWrite() async throws {
    try await Program.inFolder { program in
      let tiny = Program.shipped("tiny.json")
      for store in ["/proc/x.sqlite", "/dev/null/x.sqlite"] {
        #expect(try program.call("run", tiny, "--store", store).status == 73, "\(store)")
      }
      #expect(try program.call("run", program.folder.path).status == 74)
      let foreign = try program.write(String(repeating: "x", count: 5000), to: "foreign.sqlite")
      #expect(try program.call("run", tiny, "--store", foreign).status == 74)
      #expect(try program.call("runs", "--store", foreign).status == 74)
      let process = try program.start(["data"], output: "/dev/full")
      #expect(try program.outcome(of: process).status == 73)
    }
  }

  @Test("help and version: 0, on standard output")
  func help() async throws {
    try await Program.inFolder { program in
      for arguments in [[], ["--help"], ["run", "--help"], ["help", "runs"], ["--version"]] {
        let outcome = try program.call(arguments)
        #expect(outcome.status == 0 && outcome.errors.isEmpty && !outcome.output.isEmpty)
      }
    }
  }

  @Test(
    "what help says",
    arguments: [
      "", "run", "runs", "runs list", "runs show", "runs import", "runs delete", "privacy",
      "privacy epsilon",
      "privacy calibrate", "privacy ledger", "data", "data list", "data describe", "data inspect",
      "check", "audit", "merge", "sweep",
      "compare", "report", "export", "init", "examples", "advise", "watch",
      "lab", "lab lora-noise", "lab membership", "lab federated-noise", "lab merging",
      "lab planning-tokens", "lab projection", "lab detection",
    ])
  func helpText(_ command: String) async throws {
    try await Program.inFolder { program in
      let words = command.split(separator: " ").map(String.init)
      let outcome = try program.call(words + ["--help"])
      let lines = outcome.output.split(separator: "\n")
      let hasExample = lines.contains { $0.hasPrefix((["dpflsim"] + words).joined(separator: " ")) }
      #expect(hasExample, "no command to copy")
      #expect(lines.allSatisfy { $0.count <= 100 })
      let name = "help\(words.map { "-" + $0 }.joined()).txt"
      if ProcessInfo.processInfo.environment["DPFLSIM_RECORD"] != nil {
        try Data(outcome.output.utf8).write(to: goldenFile(name))
        Issue.record("recorded \(name); look at it and run again")
        return
      }
      let expected = try String(contentsOf: goldenFile(name), encoding: .utf8)
      #expect(outcome.output == expected)
    }
  }
}

extension JSONValue {
  /// This line of the table applied to a scenario.
  func applied(to scenario: JSONValue) -> JSONValue {
    var spoiled = scenario
    if case .object(let changes)? = self["set"] {
      for (place, value) in changes {
        spoiled = spoiled.setting(place.split(separator: ".").map(String.init)[...], to: value)
      }
    }
    if case .array(let places)? = self["remove"] {
      for case .string(let place) in places {
        spoiled = spoiled.setting(place.split(separator: ".").map(String.init)[...], to: nil)
      }
    }
    return spoiled
  }

  private func setting(_ place: ArraySlice<String>, to value: JSONValue?) -> JSONValue {
    guard let step = place.first else { return value ?? self }
    let rest = place.dropFirst()
    switch self {
    case .object(var members):
      members[step] =
        rest.isEmpty ? value : (members[step] ?? [:]).setting(rest, to: value)
      return .object(members)
    case .array(var entries):
      guard let index = Int(step), entries.indices.contains(index) else { return self }
      entries[index] = entries[index].setting(rest, to: value)
      return .array(entries)
    default: return JSONValue.object([:]).setting(place, to: value)
    }
  }
}
