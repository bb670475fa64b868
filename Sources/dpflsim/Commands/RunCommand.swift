// `dpflsim run SCENARIO` and `dpflsim run --resume RUN`

public import ArgumentParser
public import Federation
import Foundation
import Presentation
import Ranks
import Scenarios
import Store
import Synchronization

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Simulate a scenario, store every round, and show the result.",
    usage: """
      dpflsim run <scenario> [<options>]
      dpflsim run --resume <run> [<options>]
      """,
    discussion: """
      Progress goes to standard error, the result to standard output. The run is stored as it goes; \
      `dpflsim runs show` shows it again. SIGINT and SIGTERM save the last finished round and say how \
      to go on; a second signal ends the run at once. A run that was interrupted in whatever way goes \
      on with --resume and ends with the result of an uninterrupted one. What `dpflsim check` finds \
      critical ends the run before anything is trained (65), unless it is allowed by name.

      dpflsim run scenarios/tiny.json
      dpflsim run scenarios/skewed.json --set privacy.target_epsilon=1 --set seed=3
      dpflsim run --resume latest
      """)

  @OptionGroup var scenario: ScenarioOptions
  @OptionGroup var allowed: AllowOptions

  @Option(
    help: ArgumentHelp("Go on with an interrupted run of the store.", valueName: "run"))
  var resume: String?

  @Flag(help: "With --resume: also if another machine's process seems to be at it.")
  var takeOver = false

  @Option(
    help: ArgumentHelp(
      """
      Save a checkpoint every so many rounds, every so many seconds (such as 30s), never, or auto: after every \
      round, as long as that takes at most a twentieth of the time.
      """,
      valueName: "rounds"))
  var checkpointEvery = CheckpointPolicy.usual

  @Flag(
    help: """
      Keep every released update as a safetensors file with its noise, so that others can audit the run; give it \
      again with --resume.
      """)
  var keepUpdates = false

  @OptionGroup var store: StoreOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Work on so many cores (default: all). The result does not depend on it.")
  var workers: Int?

  @Option(
    help: ArgumentHelp(
      "Take at most about so much memory, such as 500MB or 2GB: cache less, or refuse to start.",
      valueName: "size"))
  var memoryLimit: MemorySize?

  @Option(
    help: ArgumentHelp(
      """
      With several ranks: end when one is silent for so many seconds, or for ten times the longest round.
      """, valueName: "seconds"))
  var rankTimeout = 300.0

  @Option(
    help: ArgumentHelp(
      "Write each finished round as scalars for TensorBoard into this folder.", valueName: "folder")
  )
  var tensorboard: String?

  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    guard tensorboard != "" else {
      throw ValidationError("the name of the folder is empty; write . for this folder")
    }
    guard rankTimeout > 0, rankTimeout.isFinite else {
      throw ValidationError("--rank-timeout must be above 0, got \(rankTimeout)")
    }
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, got \(workers)")
    }
    guard (scenario.file == nil) != (resume == nil) else {
      throw ValidationError("name either a scenario file or, with --resume, a stored run")
    }
    guard
      resume == nil
        || (scenario.changes.isEmpty && scenario.seed == nil && allowed.allow.isEmpty)
    else {
      throw ValidationError(
        "--resume goes on with the stored scenario, so --set, --seed and --allow do not go with it")
    }
    guard resume != nil || !takeOver else {
      throw ValidationError("--take-over goes with --resume")
    }
  }

  func run() async throws {
    let shared = try await RankedRun(
      ProcessRanks.join(), patience: rankTimeout, workers: workers)
    guard shared.ranks.isFirst else { return try await assist(shared) }
    var execution = try execution(workers: shared.workers)
    if shared.isShared { try await share(&execution, by: shared) }
    execution.begun = Main.begun
    execution.tensorBoard = tensorboard.map { URL(fileURLWithPath: $0, isDirectory: true) }
    execution.keepsUpdates = keepUpdates
    let sharing = Mutex<RankSharing?>(nil)
    execution.tellSharing = { told in sharing.withLock { $0 = told } }
    let stored = try await execution.run()
    try output.write(
      stored,
      shared.lines(sharing.withLock { $0 }) + [
        "Stored as \(stored.run.runID); see it again with: \(Places().command) runs show "
          + "\(stored.run.runID)\(store.repeated)"
      ])
  }

  /// Of rank 0 where there are others.
  private func share(_ execution: inout RunExecution, by shared: RankedRun) async throws {
    execution.shared = shared
    if resume != nil { _ = try await shared.shared(execution.scenario) }
  }

  /// Of the other ranks, which open no store.
  private func assist(_ shared: RankedRun) async throws {
    let known =
      resume == nil ? try scenario.scenario(allowing: allowed) : try await shared.shared(nil)
    try await RunExecution.assist(
      with: known, by: shared, checkpoints: checkpointEvery, memoryLimit: memoryLimit?.bytes,
      keepsUpdates: keepUpdates, resumes: resume != nil)
  }

  /// Whether another machine's process had the run in a job of Slurm that is no more.
  private func isLeft(_ run: RunRecord) -> Bool {
    guard run.status == .running, run.process.isAlive == nil else { return false }
    return run.place.slurmJob.map { Slurm.isGone($0) } ?? false
  }

  private func execution(workers: Int) throws -> RunExecution {
    let progress = progress.style(colors: output.colors(on: .error))
    guard let resume else {
      return RunExecution(
        scenario: try scenario.scenario(allowing: allowed), store: try store.open(),
        workers: workers, progress: progress, checkpoints: checkpointEvery,
        memoryLimit: memoryLimit?.bytes, storeOption: store.repeated)
    }
    let file = try store.openExisting()
    let run = try file.run(named: resume)
    return RunExecution(
      scenario: try file.scenario(of: run), store: file, workers: workers,
      progress: progress, checkpoints: checkpointEvery, memoryLimit: memoryLimit?.bytes,
      resumed: ResumedRun(runID: run.runID, fromElsewhere: takeOver || isLeft(run)),
      storeOption: store.repeated)
  }
}

extension CheckpointPolicy: ExpressibleByArgument {
  /// "3" rounds, "30s" seconds, "never" or "auto".
  public init?(argument: String) {
    if argument == "never" {
      self = .never
    } else if argument == "auto" {
      self = .usual
    } else if argument.hasSuffix("s"), let seconds = Double(argument.dropLast()),
      seconds > 0, seconds.isFinite
    {
      self = .seconds(seconds)
    } else if let rounds = Int(argument), rounds >= 1 {
      self = .rounds(rounds)
    } else {
      return nil
    }
  }

  public var defaultValueDescription: String {
    switch self {
    case .rounds(let count): "\(count)"
    case .seconds(let seconds): "\(seconds)s"
    case .share: "auto"
    case .never: "never"
    }
  }
}

/// An amount of memory: "500MB", "2GB", or bytes.
struct MemorySize: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let text = argument.uppercased()
    let units = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("", 1.0)]
    guard let (suffix, factor) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Double(text.dropLast(suffix.count)), number > 0,
      let bytes = Int(exactly: (number * factor).rounded())
    else { return nil }
    self.bytes = bytes
  }
}
