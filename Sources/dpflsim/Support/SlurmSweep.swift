// `sweep --slurm`: one job array does what is missing, every cell into a store of its own, and a last job brings
// them together.

import Analysis
import ArgumentParser
import Datasets
import Federation
import Foundation
import Presentation
import Scenarios
import Store

struct SlurmOptions: ParsableArguments {
  @Flag(
    help: """
      Submit what is missing as one job array of Slurm; the same command again shows or finishes it.
      """)
  var slurm = false

  @Option(help: "With --slurm: at most so many tasks at the same time.")
  var arrayLimit: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "With --slurm: more options for sbatch, such as \"-p short -t 2:00:00\".",
      valueName: "options")
  )
  var sbatch = ""

  @Flag(help: "With --slurm: show plan and script, and submit nothing.")
  var dryRun = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("What a task of the array runs.", visibility: .private))
  var cell: [String] = []

  func validate() throws {
    guard slurm || (arrayLimit == nil && sbatch.isEmpty && !dryRun) else {
      throw ValidationError("--array-limit, --sbatch and --dry-run go with --slurm")
    }
    if let arrayLimit, arrayLimit < 1 {
      throw ValidationError("--array-limit must be at least 1, got \(arrayLimit)")
    }
    guard cell.isEmpty || task != nil else {
      throw ValidationError("--cell wants a plan and the number of a cell")
    }
  }

  /// The plan and the number of the cell that this process is to do.
  var task: (plan: String, cell: Int)? {
    guard cell.count == 2, let number = Int(cell[1]), number >= 0 else { return nil }
    return (cell[0], number)
  }
}

/// What submits the array.
struct SlurmSweep {
  let grid: SweepGrid
  /// The store in which all results are wanted.
  let store: URL
  let options: SlurmOptions
  let workers: Int?
  let storeOption: String

  /// Holds plans, scripts, logs and the stores of tasks.
  private var folder: URL { store.deletingPathExtension().appendingPathExtension("slurm") }

  /// Brings in what is done, and submits what is missing.
  ///
  /// - Returns: lines for the user.
  func submit() throws -> [String] {
    let store = try RunStore.open(store)
    try bringTogether(into: store)
    var identities = RunIdentities(catalog: Places().catalog)
    var hashes: Set<String> = []
    let waiting = try grid.cells.filter { cell in
      if let identity = identities.identity(of: cell.scenario),
        try store.finishedRun(of: identity) != nil
      {
        return false
      }
      // Combinations that are the same scenario run once.
      return hashes.insert(cell.scenario.hash).inserted
    }
    let total = grid.cells.count
    var lines = grid.invalid.map { "failed: \($0.overrides.joined(separator: " ")): \($0.message)" }
    let runs = try store.runs()
    for cell in waiting {
      if let run = runs.first(where: {
        $0.scenarioHash == cell.scenario.hash && $0.status == .failed
      }) {
        lines.append("failed: \(cell.overrides.joined(separator: " ")): \(run.error ?? "")")
      }
    }
    guard !waiting.isEmpty else {
      return lines + [
        "All \(total) cells are done.",
        "Compare them with: \(Places().command) compare\(storeOption)",
      ]
    }
    let plan = SlurmPlan(waiting)
    let place = folder.appendingPathComponent(plan.name, isDirectory: true)
    let program = Self.program
    let planFile = place.appendingPathComponent("plan.jsonl")
    let tasks = plan.tasks(maxArraySize: options.dryRun ? 1001 : try Slurm.maxArraySize())
    let script = plan.script(program: program, file: planFile.path, tasks: tasks)
    let array = try arguments(plan: plan, tasks: tasks, in: place)
    if options.dryRun {
      return lines + ["\(waiting.count) of \(total) cells are to be done, by \(tasks) tasks:"]
        + plan.cells.enumerated().map { "  \($0) \($1.label)" }
        + ["sbatch " + array.map { SlurmPlan.quoted($0) }.joined(separator: " "), script]
    }
    let jobFile = folder.appendingPathComponent("job")
    if let job = try? String(contentsOf: jobFile, encoding: .utf8), !job.isEmpty {
      let left = Slurm.tasksLeft(of: job)
      if left > 0 {
        return lines + [
          "\(total - waiting.count) of \(total) cells are done; job \(job) is at the rest, with \(left) tasks to go."
        ]
      }
    }
    try write(plan.text, to: planFile)
    try write(script, to: place.appendingPathComponent("task.sh"))
    let gather = place.appendingPathComponent("import.sh")
    try write(
      plan.importScript(
        program: program, folder: place.appendingPathComponent("cells").path, store: self.store.path
      ),
      to: gather)
    try makeFolder(place.appendingPathComponent("cells"))
    let job = try Slurm.submit(array)
    try write(job, to: jobFile)
    // Whoever repeats the command brings results in as well, so this one may fail.
    _ = try? Slurm.submit([
      "--parsable", "--job-name=dpflsim-import", "--dependency=afterany:\(job)",
      "--output=\(place.path)/import.log", gather.path,
    ])
    return lines + [
      "Submitted job \(job): \(waiting.count) of \(total) cells, by \(tasks) tasks. The same command again shows or "
        + "finishes it; what tasks say is in \(place.path)."
    ]
  }

  private func arguments(plan: SlurmPlan, tasks: Int, in place: URL) throws -> [String] {
    let limit = options.arrayLimit.map { "%\($0)" } ?? ""
    let bytes =
      plan.cells.map {
        (try? CostForecast(of: $0.scenario, catalog: Places().catalog).peakBytes) ?? 0
      }.max() ?? 0
    return [
      "--parsable", "--job-name=dpflsim-\(plan.name)", "--array=0-\(tasks - 1)\(limit)",
      "--output=\(place.path)/task-%a.log", "--open-mode=append", "--requeue",
      "--signal=B:TERM@120", "--cpus-per-task=\(workers ?? 1)",
      // A third more than is expected, and room for the program.
      "--mem=\(bytes / 1_000_000 * 4 / 3 + 200)M",
    ] + options.sbatch.split(separator: " ").map(String.init)
      + [place.appendingPathComponent("task.sh").path]
  }

  /// The stores of tasks that have ended come into the store.
  private func bringTogether(into store: RunStore) throws {
    let plans = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for plan in plans.sorted() {
      let cells = folder.appendingPathComponent(plan).appendingPathComponent("cells")
      let names = (try? FileManager.default.contentsOfDirectory(atPath: cells.path)) ?? []
      for name in names.sorted() where name.hasSuffix(".sqlite") {
        let other = try RunStore.openExisting(cells.appendingPathComponent(name))
        _ = try store.importRuns(from: other)
      }
    }
  }

  private func makeFolder(_ folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw StoreError.cannotWrite(path: folder.path, reason: StoreError.reason(of: error))
    }
  }

  private func write(_ text: String, to file: URL) throws {
    try makeFolder(file.deletingLastPathComponent())
    do { try Data(text.utf8).write(to: file, options: .atomic) } catch {
      throw StoreError.cannotWrite(path: file.path, reason: StoreError.reason(of: error))
    }
  }

  /// What a task starts: tools/dpflsim of the project, or this program.
  private static var program: String {
    let environment = ProcessInfo.processInfo.environment
    if let home = environment["DPFLSIM_HOME"], !home.isEmpty {
      let tool = URL(fileURLWithPath: home).appendingPathComponent("tools/dpflsim").path
      if FileManager.default.isExecutableFile(atPath: tool) { return tool }
    }
    return Bundle.main.executableURL?.path ?? "dpflsim"
  }
}

/// A task's work: one cell, in a store of its own.
struct SlurmTask {
  let plan: String
  let cell: Int
  let workers: Int?

  func run() async throws {
    guard let text = try? String(contentsOfFile: plan, encoding: .utf8) else {
      throw Failure(.missingInput, "\(plan): there is no such plan; start sweep --slurm again")
    }
    let scenario = try SlurmPlan.cell(cell, of: text).scenario
    let folder = URL(fileURLWithPath: plan).deletingLastPathComponent()
      .appendingPathComponent("cells", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let claim = try Self.claim(folder.appendingPathComponent("\(cell).lock"))
    defer { close(claim) }
    let store = try RunStore.open(folder.appendingPathComponent("\(cell).sqlite"))
    var identities = RunIdentities(catalog: Places().catalog)
    let identity = identities.identity(of: scenario)
    if let identity, let run = try store.finishedRun(of: identity) {
      return try Terminal.write("cell \(cell) is done: \(run)\n")
    }
    var execution = RunExecution(
      scenario: scenario, store: store, workers: workers ?? ProcessRanks.slurmCores ?? 1,
      progress: .silent, storeOption: " --store \(store.file?.path ?? "")")
    if let identity, let resumed = try store.resumableRun(of: identity) {
      execution.resumed = ResumedRun(runID: resumed.runID, fromElsewhere: true)
      do {
        return try await say(execution.run())
      } catch StoreError.notResumable, StoreError.noUsableCheckpoint {
        execution.resumed = nil
      }
    }
    try await say(execution.run())
  }

  private func say(_ stored: StoredRun) throws {
    try Terminal.write("cell \(cell): \(stored.run.runID)\n")
  }

  /// A cell belongs to one task: the lock goes with its process.
  private static func claim(_ file: URL) throws -> Int32 {
    let descriptor = open(file.path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreError.cannotWrite(path: file.path, reason: StoreError.reason(ofCode: errno))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw Failure(.stopped, "\(file.path): another task is at this cell")
    }
    return descriptor
  }
}
