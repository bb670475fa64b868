// Runs under the launchers of Open MPI and MPICH, where they are installed (tools/setup --tests).

import Foundation
import Testing

/// A launcher with the plug-in for its MPI.
struct Launcher: Sendable, CustomTestStringConvertible {
  enum Kind: String, Sendable, CaseIterable {
    case openMPI = "openmpi"
    case mpich
  }

  let kind: Kind
  var testDescription: String { kind.rawValue }

  var launcher: String { "/usr/bin/mpirun.\(kind.rawValue)" }

  private static let project = URL(fileURLWithPath: Program.shipped("tiny.json"))
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Those that are here.
  static let here = Kind.allCases.map { Launcher(kind: $0) }.filter {
    FileManager.default.isExecutableFile(atPath: $0.launcher)
      && FileManager.default.isExecutableFile(atPath: "/usr/bin/mpicc.\($0.kind.rawValue)")
  }

  static let reason: Comment =
    "mpirun and mpicc are not installed; tools/setup --tests installs them"

  /// Compiles the plug-in and gives its path.
  func plugin(in program: Program) throws -> String {
    let build = Process()
    build.executableURL = Self.project.appendingPathComponent("tools/mpi/build")
    build.arguments = [program.folder.appendingPathComponent("ranks").path]
    build.environment = ["PATH": "/usr/bin:/bin", "DPFLSIM_MPICC": "mpicc.\(kind.rawValue)"]
    let pipe = Pipe()
    build.standardOutput = pipe
    try build.run()
    let path = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    #expect(Program.status(of: build) == 0)
    return path.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private var many: [String] { kind == .openMPI ? ["--oversubscribe"] : [] }

  func start(
    _ program: Program, ranks: Int, plugin: String, _ arguments: [String]
  ) throws -> Process {
    try program.start(
      many + ["-n", "\(ranks)", Program.binary.path] + arguments,
      environment: [
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "DPFLSIM_RANKS_PLUGIN": plugin, "HOME": program.folder.path,
      ], executable: launcher)
  }

  func call(
    _ program: Program, ranks: Int, plugin: String, _ arguments: [String]
  ) throws -> Program.Outcome {
    try program.outcome(of: start(program, ranks: ranks, plugin: plugin, arguments))
  }
}

@Suite(
  "Ranks from the command line", .serialized,
  .enabled(if: !Launcher.here.isEmpty && Program.sanitizer == nil, Launcher.reason))
struct RanksCommandTests {
  private static let arguments = [
    "run", Program.shipped("tiny.json"), "--quiet", "--format", "json",
  ]
  private static let tinyDigest = "9c7df7089e1ff671999154b5ed195c542a77fd25dc6065b81c24ef047ea5d064"

  private static func runs(of program: Program) throws -> Int {
    try KillTests.contents(of: program).count
  }

  @Test("2 or 4 ranks store one run, with the digest of one process", arguments: Launcher.here)
  func digest(_ launcher: Launcher) async throws {
    try await Program.inFolder { program in
      let plugin = try launcher.plugin(in: program)
      let outcome = try launcher.call(
        program, ranks: launcher.kind == .mpich ? 4 : 2, plugin: plugin, Self.arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.components(separatedBy: Self.tinyDigest).count == 2)
      #expect(try Self.runs(of: program) == 1)
      // Code that others could have written is not loaded.
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: plugin)
      let refused = try launcher.call(program, ranks: 2, plugin: plugin, Self.arguments)
      #expect(refused.status == 69)
      #expect(refused.errors.contains("can be written by others"))
    }
  }

  @Test("ranks that cannot see one another, or differ, are refused", arguments: Launcher.here)
  func refused(_ launcher: Launcher) async throws {
    try await Program.inFolder { program in
      let missing = try launcher.call(program, ranks: 2, plugin: "", Self.arguments)
      #expect(missing.status == 69)
      #expect(missing.errors.components(separatedBy: "install its compiler mpicc").count == 2)
      if let other = Launcher.here.first(where: { $0.kind != launcher.kind }) {
        let wrong = try launcher.call(
          program, ranks: 2, plugin: other.plugin(in: program), Self.arguments)
        #expect(wrong.status == 69)
        #expect(wrong.errors.contains("see nobody but themselves"))
      }
      #expect(try Self.runs(of: program) == 0)
      let plugin = try launcher.plugin(in: program)
      let seeds = try launcher.call(
        program, ranks: 1, plugin: plugin,
        Self.arguments + [":", "-n", "1", Program.binary.path] + Self.arguments + ["--seed", "3"])
      #expect(seeds.status == 65)
      #expect(seeds.errors.contains("rank 1 has another scenario than rank 0"))
    }
  }

  @Test(
    "a killed rank ends the others; the run goes on with another number",
    arguments: Launcher.here.suffix(1))
  func killed(_ launcher: Launcher) async throws {
    try await Program.inFolder { program in
      let settings = ["run", Program.shipped("tiny.json"), "--quiet", "--set", "rounds=150"]
      let alone = try program.call(settings + ["--store", program.folder.path + "/alone.sqlite"])
      #expect(alone.status == 0)
      let plugin = try launcher.plugin(in: program)
      let job = try launcher.start(program, ranks: 2, plugin: plugin, settings)
      let runID = try InterruptionTests.waitForRounds(program, job, atLeast: 3)
      let victim = try #require(Self.ranks(below: job.processIdentifier).last)
      kill(victim, SIGKILL)
      #expect(Program.status(of: job) != 0)
      let rest = try launcher.call(
        program, ranks: 3, plugin: plugin, ["run", "--resume", runID, "--quiet"])
      #expect(rest.status == 0, "\(rest.errors)")
      let digests = try KillTests.contents(of: program).values.map(\.digest)
      let store = program.folder.path + "/alone.sqlite"
      let document = try program.call(
        "runs", "show", "latest", "--store", store, "--format", "json")
      #expect(document.output.contains(try #require(digests.first.flatMap { $0 })))
    }
  }

  /// The processes of the program that a launcher has started, by number.
  private static func ranks(below launcher: Int32) -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    var parents: [Int32: Int32] = [:]
    for process in all.compactMap({ Int32($0) }) {
      guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
      else { continue }
      let fields = text[text.index(after: end)...].split(separator: " ")
      parents[process] = fields.count > 1 ? Int32(fields[1]) : nil
    }
    let program = Program.binary.resolvingSymlinksInPath().path
    return parents.keys.sorted().filter { process in
      var ancestor: Int32? = process
      while let known = ancestor, known != launcher { ancestor = parents[known] }
      let file = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
      return ancestor == launcher && file == program
    }
  }
}
