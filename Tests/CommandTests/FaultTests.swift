// What goes wrong around a run: disks that fill, stores that vanish or are locked, files that change.
// Each time the program says what happened, what was stored stays readable, and the run goes on.

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

@Suite("Faults")
struct FaultTests {
  static let tiny = Program.shipped("tiny.json")

  /// The digest of a run of the tiny scenario with settings, in a store of its own.
  static func expected(_ program: Program, _ settings: [String]) throws -> JSONValue {
    let run = try program.call(
      ["run", tiny, "--quiet", "--format", "json", "--store", "expected.sqlite"] + settings)
    return try #require(
      try JSONValue(parsing: Data(run.output.utf8))["result_digest"], "\(run.errors)")
  }

  /// Runs a command as a shell would.
  @discardableResult
  static func shell(_ command: String) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return Program.status(of: process)
  }

  /// Whether this process may mount a small file system (as root in most build machines).
  static let canMount: Bool = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return
      (try? shell(
        "mount -t tmpfs -o size=64k tmpfs '\(folder.path)' && umount '\(folder.path)'")) == 0
  }()

  @Test(
    "a full disk ends the run with 73; with room again it goes on to the same digest",
    .enabled(if: canMount, "mounting a small file system needs root"),
    arguments: [400, 500, 800])
  func diskFull(_ kilobytes: Int) async throws {
    try await Program.inFolder { program in
      let settings = ["--set", "rounds=400", "--set", "evaluation.every=10", "--workers", "1"]
      let expected = try Self.expected(program, settings)
      let disk = program.folder.appendingPathComponent("disk").path
      #expect(
        try Self.shell("mkdir '\(disk)' && mount -t tmpfs -o size=\(kilobytes)k tmpfs '\(disk)'")
          == 0)
      defer { _ = try? Self.shell("umount -l '\(disk)'") }
      let store = ["--store", "\(disk)/runs.sqlite"]
      let run = try program.call(["run", Self.tiny, "--quiet"] + settings + store)
      #expect(run.status == 73, "\(run.errors)")
      #expect(run.output.isEmpty && run.errors.contains("make room"))
      let lines = run.errors.split(separator: "\n").map { $0.replacing("Also: ", with: "") }
      #expect(Set(lines).count == lines.count, "\(run.errors)")
      let list = try program.call(["runs"] + store)
      #expect(list.status == 0 && !list.output.contains("done"), "\(list.errors)")
      #expect(try Self.shell("mount -o remount,size=64m '\(disk)'") == 0)
      let rest = try program.call(
        ["run", "--resume", "latest", "--quiet", "--format", "json"] + store)
      #expect(rest.status == 0, "\(rest.errors)")
      #expect(
        try JSONValue(parsing: Data(rest.output.utf8))["result_digest"] == expected)
    }
  }

  /// Changes the tables of the program's store, as no other program should.
  static func execute(_ sql: String, in program: Program) throws {
    let script =
      "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
    #expect(try shell("python3 -c '\(script)' '\(program.store.path)' \"\(sql)\"") == 0)
  }

  @Test(
    "a result that cannot be written loses no round: the cause is said, and the run goes on from its end",
    arguments: ["1", "3", "never"])
  func resultRefused(checkpoints: String) async throws {
    try await Program.inFolder { program in
      let expected = try Self.expected(program, [])
      #expect(try program.call("runs").status == 66)
      #expect(try program.call("run", Self.tiny, "--quiet").status == 0)
      func refusal(_ table: String) -> String {
        "CREATE TRIGGER no_\(table) BEFORE INSERT ON \(table) "
          + "BEGIN SELECT RAISE(ABORT, 'no \(table) today'); END"
      }
      try Self.execute(refusal("client_results"), in: program)
      let run = try program.call(
        "run", Self.tiny, "--quiet", "--checkpoint-every", checkpoints)
      #expect(run.status == 70 && run.output.isEmpty, "\(run.errors)")
      #expect(run.errors.contains("no client_results today"))
      #expect(run.errors.contains("rounds are stored; try again with: "))
      #expect(!run.errors.contains("make room"))
      // No round is done again: none could be stored.
      try Self.execute("DROP TRIGGER no_client_results", in: program)
      try Self.execute(refusal("rounds"), in: program)
      let rest = try program.call("run", "--resume", "latest", "--quiet", "--format", "json")
      #expect(rest.status == 0, "\(rest.errors)")
      #expect(
        try JSONValue(parsing: Data(rest.output.utf8))["result_digest"] == expected)
    }
  }

  @Test(
    "a write-protected store: its runs can be read, and a new one is refused before it trains",
    .enabled(if: canMount, "mounting a small file system needs root"))
  func readOnly() async throws {
    try await Program.inFolder { program in
      let disk = program.folder.appendingPathComponent("disk").path
      #expect(
        try Self.shell("mkdir '\(disk)' && mount -t tmpfs -o size=64m tmpfs '\(disk)'") == 0)
      defer { _ = try? Self.shell("umount -l '\(disk)'") }
      let store = ["--store", "\(disk)/runs.sqlite"]
      #expect(try program.call(["run", Self.tiny, "--quiet"] + store).status == 0)
      // Permissions do not bind root, a read-only file system binds everybody.
      #expect(try Self.shell("mount -o remount,ro '\(disk)'") == 0)
      let elsewhere = ["--store", "\(disk)/new/runs.sqlite"]
      for refusedStore in [store, elsewhere] {
        let run = try program.call(["run", Self.tiny, "--quiet"] + refusedStore)
        #expect(run.status == 73, "\(run.errors)")
        let sentences = run.errors.split(separator: "\n")
        #expect(sentences.count == 1 && run.output.isEmpty, "\(run.errors)")
        #expect(run.errors.contains("cannot be written (the file system is read-only)"))
      }
      let list = try program.call(["runs"] + store)
      #expect(list.status == 0 && list.output.contains("done"), "\(list.errors)")
      let shown = try program.call(["runs", "show", "latest"] + store)
      #expect(shown.status == 0, "\(shown.errors)")
    }
  }

  /// What runs a command as somebody whom permissions bind; nil where nobody can be had.
  static let unprivileged: String? = {
    guard geteuid() == 0 else { return "" }
    let other = "setpriv --reuid 65534 --regid 65534 --clear-groups "
    return (try? shell("\(other)'\(Program.binary.path)' --version")) == 0 ? other : nil
  }()

  @Test(
    "a store of somebody else, in a folder of theirs, can be read",
    .enabled(if: unprivileged != nil, "nobody else can run the program"))
  func othersStore() async throws {
    try await Program.inFolder { program in
      #expect(try program.call("run", Self.tiny, "--quiet").status == 0)
      let folder = program.store.deletingLastPathComponent().path
      let protect = "chmod 444 '\(program.store.path)' && chmod 555 '\(folder)'"
      #expect(try Self.shell(protect) == 0)
      defer { _ = try? Self.shell("chmod 755 '\(folder)'") }
      let prefix = try #require(Self.unprivileged)
      for command in ["runs", "runs show latest", "compare"] {
        let call = "'\(Program.binary.path)' \(command) --store '\(program.store.path)'"
        #expect(try Self.shell(prefix + call) == 0, "\(command)")
      }
    }
  }

  @Test("a store that is deleted while a run writes it: an error, no crash, no half result")
  func storeDeleted() async throws {
    try await Program.inFolder { program in
      let process = try program.start(InterruptionTests.endless)
      defer { process.terminate() }
      _ = try InterruptionTests.waitForRounds(program, process)
      // The run makes files while they are being removed.
      let folder = program.store.deletingLastPathComponent().path
      while FileManager.default.fileExists(atPath: folder), process.isRunning {
        try Self.shell("rm -rf '\(folder)'")
      }
      // Whether the run makes its folder anew or not, its database is gone.
      let outcome = try program.outcome(of: process)
      #expect([73, 74].contains(outcome.status), "\(outcome.errors.suffix(300))")
      #expect(outcome.output.isEmpty && !outcome.errors.contains("fault of dpflsim"))
    }
  }

  @Test("a store that another process keeps locked for good: 74, and it is said")
  func locked() async throws {
    try await Program.inFolder { program in
      #expect(try program.call("run", Self.tiny, "--quiet").status == 0)
      // Holds an exclusive lock for longer than the program waits.
      let script = """
        import os, sqlite3, sys, time
        database = sqlite3.connect(sys.argv[1], isolation_level=None)
        database.execute("BEGIN EXCLUSIVE")
        sign = sys.argv[1] + ".locked"
        open(sign, "w").close()
        while os.path.exists(sign):
            time.sleep(0.1)
        """
      let holder = Process()
      holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      holder.arguments = ["python3", "-c", script, program.store.path]
      holder.standardOutput = FileHandle.nullDevice
      holder.standardError = FileHandle.nullDevice
      try holder.run()
      let sign = program.store.path + ".locked"
      // It lets go when its sign is taken away.
      defer { try? FileManager.default.removeItem(atPath: sign) }
      for _ in 0..<3000 where !FileManager.default.fileExists(atPath: sign) {
        Program.pause(20)
      }
      #expect(FileManager.default.fileExists(atPath: sign))
      let run = try program.call("run", Self.tiny, "--quiet")
      #expect(run.status == 74)
      #expect(run.errors.contains("another process keeps the store locked"))
    }
  }

}
