// Sweeps: how axes are read, which cells they give, and which of them are known already.

import Analysis
import Formatting
import Foundation
import Kernels
import Presentation
import Scenarios
import Store
import TestSupport
import Testing

@Suite("Sweep")
struct SweepTests {
  @Test("axes are read as they are written")
  func axes() throws {
    #expect(try SweepAxes.epsilons("0.5,1, none") == [0.5, 1, nil])
    #expect(try SweepAxes.seeds("0..2,7") == [0, 1, 2, 7])
    #expect(try SweepAxes.methods("r-dpcfl,ifca") == ["r-dpcfl", "ifca"])
    let setting = try SweepAxes.setting("method.candidate_clusters=[2,3],[4],null")
    #expect(setting.path == "method.candidate_clusters")
    #expect(setting.values == [[2, 3], [4], .null])
    #expect(try SweepAxes.setting("model.name=cnn,logistic").values == ["cnn", "logistic"])
  }

  @Test(
    "what cannot be read is refused",
    arguments: ["", "0", "-1", "1,,2", "1,1", "inf", "nan", "x"])
  func wrongEpsilons(_ text: String) {
    #expect(throws: SweepError.self) { try SweepAxes.epsilons(text) }
  }

  @Test(
    "seeds that cannot be read are refused",
    arguments: [
      "", "4..2", "1..", "-1", "0..1..2", "1,1", "0..9999999999",
      "0..99999,200000..200001",
    ])
  func wrongSeeds(_ text: String) {
    #expect(throws: SweepError.self) { try SweepAxes.seeds(text) }
  }

  @Test("3,000 damaged sweep files are read or refused")
  func corruption() throws {
    let text =
      #"{"scenario": "a", "epsilon": [1, 2.5, null], "seeds": "0..2,7", "vary": {"a.b": [1]}}"#
    let telling = Array("{}[]\",:.0159-enu \u{0}".utf8) + [0x80, 0xFF]
    var (read, refused) = (0, 0)
    for number in 0..<3000 {
      var stream = RandomStream(seed: 6, purpose: .test, client: number)
      var bytes = Array(text.utf8)
      for _ in 0...Int.random(in: 0..<3, using: &stream) {
        let place = Int.random(in: 0..<bytes.count, using: &stream)
        switch Int.random(in: 0..<3, using: &stream) {
        case 0: bytes[place] = telling.randomElement(using: &stream) ?? 0
        case 1: bytes.remove(at: place)
        default: bytes.insert(telling.randomElement(using: &stream) ?? 0, at: place)
        }
      }
      do {
        guard let file = try SweepFile(json: Data(bytes)) else { continue }
        #expect(!file.scenario.isEmpty && file.axes.cellCount > 0)
        read += 1
      } catch is SweepError {
        refused += 1
      }
    }
    #expect(read > 100 && refused > 100, "\(read) read, \(refused) refused")
  }

  @Test("more cells than a number can count are too many, not few")
  func manyCells() {
    // 256⁸ = 2⁶⁴, which is 0 in 64 bits.
    let values = (0..<256).map { JSONValue.integer($0) }
    #expect(throws: SweepError.tooManyCells(count: .max, limit: SweepAxes.cellLimit)) {
      try grid { axes in
        axes.settings = (0..<8).map { SweepAxes.Setting(path: "a\($0)", values: values) }
      }
    }
  }

  private func grid(_ change: (inout SweepAxes) -> Void, json: String = Grid.json) throws
    -> SweepGrid
  {
    var axes = SweepAxes()
    change(&axes)
    return try SweepGrid(json: Data(json.utf8), overrides: [], axes: axes)
  }

  @Test("every combination is a scenario of its own, seed by seed")
  func combinations() throws {
    let grid = try grid {
      $0.epsilons = [1, nil]
      $0.methods = ["r-dpcfl", "global"]
      $0.seeds = [3, 4]
      $0.settings = [SweepAxes.Setting(path: "rounds", values: [2, 5])]
    }
    #expect(grid.cells.count == 16)
    #expect(grid.invalid.isEmpty)
    #expect(Set(grid.cells.map(\.scenario.hash)).count == 16)
    #expect(grid.cells.prefix(8).allSatisfy { $0.scenario.seed == 3 })
    #expect(Set(grid.cells.map(\.scenario.rounds)) == [2, 5])
  }

  @Test("the scenario's own method keeps its settings, others have their defaults")
  func methods() throws {
    let json = Grid.json.replacingOccurrences(
      of: "\"r-dpcfl\"", with: "\"r-dpcfl\", \"num_clusters\": 3")
    let grid = try grid({ $0.methods = ["r-dpcfl", "ifca"] }, json: json)
    #expect(grid.cells[0].scenario.resolved["method"]?["num_clusters"] == 3)
    #expect(grid.cells[1].scenario.resolved["method"]?["num_clusters"] == .null)
  }

  @Test("none takes the noise from everybody, a number from those without a budget of their own")
  func ownBudgets() throws {
    let json = Grid.json.replacingOccurrences(
      of: "\"examples_per_client\": 100",
      with: "\"examples_per_client\": 100, \"privacy\": {\"target_epsilon\": 9}, "
        + "\"client_privacy\": [{\"target_epsilon\": 7}, {}]")
    let grid = try grid({ $0.epsilons = [1, nil] }, json: json)
    func targets(_ cell: SweepCell) -> [Double?] {
      cell.scenario.population.clusters.flatMap { cluster in
        (0..<cluster.clients).map { cluster.budget(ofClient: $0).targetEpsilon }
      }
    }
    #expect(targets(grid.cells[0]) == [7, 9, 1, 1, 1])
    #expect(targets(grid.cells[1]) == [nil, nil, nil, nil, nil])
  }

  @Test("a combination that is no scenario does not stop the others")
  func invalid() throws {
    let grid = try grid { $0.settings = [SweepAxes.Setting(path: "rounds", values: [2, -1])] }
    #expect(grid.cells.count == 1)
    #expect(grid.invalid.map(\.overrides) == [["rounds=-1"]])
    var progress = SweepProgress(grid)
    progress.set(.failed(message: "it broke"), of: 0)
    #expect(progress.failures.count == 2)
    #expect(progress.headline == "2 of 2 cells, 2 failed")
  }

  @Test("a reason stands in one line, and once")
  func reasons() throws {
    let grid = try grid { $0.seeds = [0, 1, 2] }
    var progress = SweepProgress(grid)
    progress.set(.refused(message: "too large\nfix it"), of: 0)
    progress.set(.refused(message: "too large\nfix it"), of: 1)
    progress.set(.failed(message: "it broke"), of: 2)
    let endings = [": too large; fix it", ": the same", ": it broke"]
    #expect(zip(progress.failures, endings).allSatisfy { $0.hasSuffix($1) })
    #expect(progress.failures.count == 3 && progress.headline == "3 of 3 cells, 3 failed")
    #expect(progress.states[0].reason == "too large; fix it")
    #expect(progress.document(of: 0)["status"] == "failed")
    #expect(progress.document(of: 0)["error"] == "too large\nfix it")
  }

  @Test("time left is the mean of what has run, for the share that has not")
  func timeLeft() throws {
    let grid = try grid { $0.seeds = [0, 1, 2, 3] }
    var progress = SweepProgress(grid)
    #expect(progress.secondsLeft == nil)
    progress.set(.done(runID: "a", seconds: 4), of: 0)
    progress.set(.running, of: 1)
    progress.advance(1, to: 0.25)
    #expect(isClose(try #require(progress.secondsLeft), 3 + 4 + 4))
    #expect(progress.headline == "1 of 4 cells, 1 running (25 %), 11.0 s left")
    var two = SweepProgress(grid, jobs: 2)
    two.set(.done(runID: "a", seconds: 4), of: 0)
    two.set(.running, of: 1)
    two.set(.running, of: 2)
    two.advance(2, to: 0.5)
    #expect(isClose(try #require(two.secondsLeft), (4 + 2 + 4) / 2))
    progress.set(.known(runID: "b"), of: 1)
    #expect(progress.secondsLeft == 8)
    #expect(progress.runIDs == ["a", "b"])
  }

  @Test("a finished run of the same scenario is found again, an unfinished one is not")
  func known() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let runID = try await Grid.store("global", 2, 1, in: store)
      _ = try RunRecorder(
        store: store, scenario: try Grid.scenario("global", 2, 0), workers: 1, machine: "m")
      func known(_ seed: UInt64) throws -> String? {
        try store.finishedRun(
          of: RunIdentity(
            scenarioHash: Grid.scenario("global", 2, seed).hash, dataHash: nil,
            build: BuildIdentity.of(.portable)))
      }
      #expect(try known(1) == runID)
      #expect(try known(0) == nil)
      let hash = try Grid.scenario("global", 2, 1).hash
      for (data, build) in [
        (String(repeating: "0", count: 64), BuildIdentity.of(.portable)),
        (nil, String(repeating: "0", count: 64)),
        (nil, nil),
      ] {
        let other = RunIdentity(scenarioHash: hash, dataHash: data, build: build)
        #expect(try store.finishedRun(of: other) == nil)
      }
      #expect(try known(2) == nil)
    }
  }

  @Test("sweep files say the same as options; a scenario is no sweep file")
  func files() throws {
    let text = """
      {"scenario": "a.json", "epsilon": [1, null, 0.5], "method": ["ifca"], "seeds": "0..2",
       "vary": {"rounds": [2, 3]}}
      """
    let file = try #require(try SweepFile(json: Data(text.utf8)))
    #expect(file.scenario == "a.json")
    #expect(file.axes.epsilons == [1, nil, 0.5])
    #expect(file.axes.seeds == [0, 1, 2])
    #expect(file.axes.settings == [SweepAxes.Setting(path: "rounds", values: [2, 3])])
    #expect(try SweepFile(json: Data(Grid.json.utf8)) == nil)
    for wrong in [
      "\"x\": 1", "\"epsilon\": [0]", "\"seeds\": [1.5]", "\"vary\": []", "\"method\": []",
    ] {
      #expect(throws: SweepError.self, "\(wrong)") {
        try SweepFile(json: Data("{\"scenario\": \"a\", \(wrong)}".utf8))
      }
    }
  }
}
