// Sweeps as a user runs them: killed and taken up again, from files, side by side, with failures.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite("Sweep command")
struct SweepCommandTests {
  /// Cells that take long enough to be hit.
  static let grid = [
    "sweep", Program.shipped("tiny.json"), "--set", "rounds=120", "--epsilon", "4,none",
    "--method", "r-dpcfl,global", "--seeds", "0..2", "--quiet",
  ]

  /// The digest of every cell of a sweep, and how many runs its store has, finished or not.
  private func digests(_ program: Program) throws -> (byScenario: [String: String], runs: Int) {
    let runs = try RunStore.openExisting(program.store).runs()
    var digests: [String: String] = [:]
    for run in runs where run.status == .done { digests[run.scenarioHash] = run.resultDigest }
    return (digests, runs.count)
  }

  @Test("progress for programs: every cell comes to its end, stored ones are known at once")
  func progressForPrograms() async throws {
    try await Program.inFolder { program in
      func events(_ seeds: String) throws -> [JSONValue] {
        let sweep = try program.call(
          "sweep", Program.shipped("tiny.json"), "--seeds", seeds, "--jobs", "1", "--progress",
          "json")
        #expect(sweep.status == 0, "\(sweep.errors)")
        return try sweep.errors.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
          try JSONValue(parsing: Data($0.utf8))
        }
      }
      _ = try events("0")
      let second = try events("0..1")
      let first = try #require(second.first)
      #expect(first["event"] == "sweep")
      #expect(first["over"] == 1)
      #expect(first["cells"]?[0]?["status"] == "known")
      #expect(first["total"] == 2)
      let shares: [Double] = second.dropFirst().compactMap { $0["share"]?.double }
      let eighths: [Double] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8].map { $0 / 8 }
      #expect(shares == eighths)
      let last = try #require(second.last)
      #expect(last["state"]?["status"] == "done")
      #expect(last["over"] == 2)
    }
  }

  /// Waits until so many runs are finished and another one goes on; false if the program ended first.
  private func wait(for count: Int, _ program: Program, _ process: Process) -> Bool {
    for _ in 0..<6000 {
      guard process.isRunning else { return false }
      if let store = try? RunStore.openExisting(program.store),
        let runs = try? store.runs(), runs.contains(where: { $0.presentStatus == .running }),
        runs.count(where: { $0.status == .done }) >= count
      {
        return true
      }
      // The tests beside this one may keep a task that sleeps waiting until the sweep has ended.
      usleep(5000)
    }
    return false
  }

  @Test("killed at any point a sweep goes on, runs nothing twice, and ends with the same digests")
  func killed() async throws {
    let whole = try await Program.inFolder { program in
      let outcome = try program.call(Self.grid)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return try digests(program)
    }
    #expect(whole.runs == 12 && whole.byScenario.count == 12)
    try await Program.inFolder { program in
      var kills = 0
      for (count, signal) in zip([0, 1, 3, 6, 9], [SIGKILL, SIGINT, SIGKILL, SIGTERM, SIGKILL]) {
        let process = try program.start(Self.grid)
        let hit = wait(for: count, program, process)
        if hit {
          kill(process.processIdentifier, signal)
          kills += 1
        }
        let outcome = try program.outcome(of: process)
        guard hit, signal != SIGKILL else { continue }
        #expect(outcome.status == 128 + signal)
        #expect(outcome.errors.contains("repeat the same command to go on with it"))
        #expect(!outcome.output.contains("failed"))
      }
      #expect(kills >= 3)
      let rest = try program.call(Self.grid)
      #expect(rest.status == 0, "\(rest.errors)")
      let resumed = try digests(program)
      #expect(resumed.byScenario == whole.byScenario)
      #expect(resumed.runs == 12)
      // Once more: everything is known.
      let again = try program.call(Self.grid)
      #expect(again.output.contains("12 of 12 cells, 12 already stored."))
      #expect(try digests(program).runs == 12)
    }
  }

  @Test("one cell at a time or several, one worker or more, little memory: the same digests")
  func sideBySide() async throws {
    let axes = [
      "sweep", Program.shipped("tiny.json"), "--method", "r-dpcfl,ifca,local", "--seeds", "0,1",
      "--quiet",
    ]
    var all: Set<[String: String]> = []
    for options in [
      ["--jobs", "1", "--workers", "2"], ["--jobs", "3", "--workers", "1"],
      ["--jobs", "6", "--workers", "6", "--memory-limit", "1KB"],
    ] {
      all.insert(
        try await Program.inFolder { program in
          let outcome = try program.call(axes + options)
          #expect(outcome.status == 0, "\(outcome.errors)")
          return try digests(program).byScenario
        })
    }
    #expect(all.count == 1 && all.first?.count == 6)
  }

  @Test("two sweeps at once on one store run no cell twice")
  func twoAtOnce() async throws {
    try await Program.inFolder { program in
      // Both must find a store: making one is not what is tested.
      #expect(try program.call("run", Program.shipped("tiny.json"), "--quiet").status == 0)
      let processes = try [program.start(Self.grid), program.start(Self.grid, output: "second")]
      for process in processes { #expect(Program.status(of: process) == 0) }
      let stored = try digests(program)
      #expect(stored.runs == 13 && stored.byScenario.count == 13)
    }
  }

  @Test("a sweep file runs as its options would, and options replace its axes")
  func file() async throws {
    try await Program.inFolder { program in
      let scenario = try String(contentsOfFile: Program.shipped("tiny.json"), encoding: .utf8)
      _ = try program.write(scenario, to: "base.json")
      let file = try program.write(
        """
        {"scenario": "base.json", "epsilon": [2, null], "method": ["global", "local"],
         "seeds": "0..1", "vary": {"rounds": [2, 3]}}
        """, to: "grid.json")
      let first = try program.call("sweep", file, "--format", "json")
      #expect(first.status == 0, "\(first.errors)")
      let document = try JSONValue(parsing: Data(first.output.utf8))
      #expect(document["total"] == 16 && document["failed"] == 0)
      let comparison = try RunStore.openExisting(program.store).comparison()
      #expect(comparison.settings == ["rounds=2", "rounds=3"])
      let options = try program.call(
        "sweep", program.folder.appendingPathComponent("base.json").path, "--epsilon", "2,none",
        "--method", "global,local", "--seeds", "0,1", "--vary", "rounds=2,3")
      #expect(options.output.contains("16 of 16 cells, 16 already stored"))
      let fewer = try program.call("sweep", file, "--seeds", "1", "--epsilon", "none")
      #expect(fewer.output.contains("4 of 4 cells, 4 already stored"))
      for wrong in ["{\"scenario\": \"base.json\", \"seed\": 1}", "{\"scenario\": 5}"] {
        let outcome = try program.call("sweep", program.write(wrong, to: "wrong.json"))
        #expect(outcome.status == 65 && outcome.errors.contains("wrong.json: "), "\(outcome)")
      }
      let missing = try program.call(
        "sweep", program.write("{\"scenario\": \"nowhere.json\"}", to: "missing.json"))
      #expect(missing.status == 66)
    }
  }

  @Test("a refusal stands in one line a cell, its reason once")
  func refusals() async throws {
    try await Program.inFolder { program in
      let outcome = try program.call(
        "sweep", Program.shipped("tiny.json"), "--set", "privacy.target_delta=0.5", "--seeds",
        "0..2", "--jobs", "1")
      #expect(outcome.status == 65)
      #expect(!outcome.errors.contains("\\u{"), "\(outcome.errors)")
      func count(_ text: String) -> Int {
        outcome.errors.replacing("\n", with: " ").components(separatedBy: text).count - 1
      }
      // Live, and once more at the end.
      #expect(count("privacy.target_delta: ") == 2, "\(outcome.errors)")
      #expect(count("refused: as before") == 2 && count(": the same") == 2, "\(outcome.errors)")
    }
  }

  @Test("a cell that fails is listed and stops no other; equal cells run once")
  func failures() async throws {
    try await Program.inFolder { program in
      // 1,000 examples are too few for the clients, which shows only when data are dealt.
      let outcome = try program.call(
        "sweep", Program.shipped("tiny.json"), "--vary", "data.synthetic.train_examples=4000,1000",
        "--vary", "rounds=2,-1", "--format", "json", "--quiet")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let document = try JSONValue(parsing: Data(outcome.output.utf8))
      #expect(document["total"] == 4 && document["failed"] == 3)
      guard case .array(let cells)? = document["cells"] else {
        Issue.record("no cells")
        return
      }
      #expect(cells.count { $0["status"] == "done" } == 1)
      #expect(cells.filter { $0["status"] == "failed" }.allSatisfy { $0["error"] != nil })
      // One optimiser, once with its default written out.
      let twins = try program.call(
        "sweep", Program.shipped("tiny.json"), "--vary",
        #"local.optimizer={"name":"momentum"},{"name":"momentum","momentum":0.9}"#, "--quiet")
      #expect(twins.output.contains("2 of 2 cells, 1 already stored."), "\(twins)")
      for axes in [
        ["--vary", "privacy.target_epsilon=1,2", "--epsilon", "3,4"],
        ["--vary", "seed=1,2", "--seeds", "0"],
        ["--vary", "method.name=local", "--method", "ifca"],
      ] {
        let conflict = try program.call(["sweep", Program.shipped("tiny.json")] + axes)
        #expect(conflict.status == 64 && conflict.errors.contains("\(axes[2]) sets it too"))
      }
    }
  }
}
