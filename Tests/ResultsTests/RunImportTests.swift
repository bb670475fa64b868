// Stores of a cluster's tasks: their runs come into one store as they are, once.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("Stores brought together")
struct RunImportTests {
  @Test("ended runs come with all rows and files, once; a running one stays")
  func imported() async throws {
    try await withFolder { folder in
      let one = try RunStore.open(folder.appendingPathComponent("cells/1.sqlite"))
      let stored = try await Sample.store(Sample.result(), in: one)
      let running = try Sample.recorder(in: one)
      let store = try RunStore.open(folder.appendingPathComponent("all.sqlite"))
      #expect(try store.importRuns(from: one) == [stored.run.runID])
      #expect(try store.importRuns(from: one) == [])
      let come = try store.details(of: store.run(named: stored.run.runID))
      #expect(come.result == stored.result)
      #expect(try store.rounds(of: stored.run.runID) == one.rounds(of: stored.run.runID))
      #expect(
        try store.ledgerEntries(of: stored.run.runID) == one.ledgerEntries(of: stored.run.runID))
      let artifacts = try store.artifacts(of: stored.run.runID)
      #expect(!artifacts.isEmpty)
      for artifact in artifacts {
        #expect(artifact.path.hasPrefix("all.files/"))
        #expect(
          FileManager.default.fileExists(atPath: folder.appendingPathComponent(artifact.path).path))
      }
      try await running.end(as: .failed, reason: "no", cost: Sample.cost)
      #expect(try store.importRuns(from: one) == [running.runID])
    }
  }
}

@Suite("Job arrays")
struct SlurmPlanTests {
  private static func plan() throws -> SlurmPlan {
    let url = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("scenarios/tiny.json")
    var axes = SweepAxes()
    axes.seeds = [0, 1, 2, 3, 4]
    return SlurmPlan(
      try SweepGrid(json: Data(contentsOf: url), overrides: [], axes: axes, folder: "/a b").cells)
  }

  @Test("a cell is read again as it was written, and what is no plan is refused")
  func file() throws {
    let plan = try Self.plan()
    for (index, cell) in plan.cells.enumerated() {
      let read = try SlurmPlan.cell(index, of: plan.text)
      #expect(read == cell)
      #expect(read.scenario.folder == "/a b")
      #expect(read.label == "seed=\(index)")
    }
    for (index, text) in [(5, plan.text), (0, ""), (0, "{}\n"), (0, "no\n")] {
      #expect(throws: SweepError.self) { try SlurmPlan.cell(index, of: text) }
    }
    #expect(plan.tasks(maxArraySize: 1001) == 5)
    #expect(plan.tasks(maxArraySize: 4) == 3)
  }

  @Test("the tasks of an array do every cell once, whatever the paths, and end as their cells do")
  func script() async throws {
    try await withFolder { folder in
      let plan = try Self.plan()
      let program = folder.appendingPathComponent("it's \"a\" $program")
      try Data(
        "#!/bin/bash\necho \"$*\" >> \(SlurmPlan.quoted(folder.path))/calls\n[ \"$4\" != 3 ] || exit 65\n"
          .utf8
      ).write(to: program)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: program.path)
      let script = folder.appendingPathComponent("task.sh")
      try Data(plan.script(program: program.path, file: "/pl'an", tasks: 3).utf8).write(to: script)
      var statuses: [Int32] = []
      for task in 0..<3 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [script.path]
        process.environment = ["SLURM_ARRAY_TASK_ID": "\(task)", "PATH": "/usr/bin:/bin"]
        try process.run()
        process.waitUntilExit()
        statuses.append(process.terminationStatus)
      }
      #expect(statuses == [65, 0, 0])
      let calls = try String(
        contentsOf: folder.appendingPathComponent("calls"), encoding: .utf8)
      #expect(
        calls.split(separator: "\n")
          == [0, 3, 1, 4, 2].map { "sweep --cell /pl'an \($0)" })
    }
  }
}
