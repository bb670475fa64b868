// Calls the built program as a user would and gives back what it said.

import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// A folder of its own for store, cache and files, and the program that works in it.
struct Program: Sendable {
  let folder: URL

  /// What a call left.
  struct Outcome: Sendable {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Beside the test bundle, where the package manager builds everything, or named by
  /// `DPFLSIM_BINARY`.
  static let binary: URL = {
    if let named = ProcessInfo.processInfo.environment["DPFLSIM_BINARY"] {
      return URL(fileURLWithPath: named)
    }
    return Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("dpflsim")
  }()

  /// Under which sanitizer tools/sanitize runs the tests; nil without.
  static let sanitizer = ProcessInfo.processInfo.environment["DPFLSIM_SANITIZER"]

  /// Where a program with a sanitizer reports to.
  private static let sanitizerOptions = ProcessInfo.processInfo.environment.filter {
    ["ASAN_OPTIONS", "TSAN_OPTIONS"].contains($0.key)
  }

  /// A shipped scenario.
  static func shipped(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("scenarios/\(name)").path
  }

  /// A program in a new folder, which is removed after `body`.
  static func inFolder<Value>(_ body: (Program) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(Program(folder: folder))
  }

  var store: URL { folder.appendingPathComponent("results/dpflsim.sqlite") }

  /// Starts the program, or another that starts it; its streams go to files, so that it can never wait for a reader.
  func start(
    _ arguments: [String], output: String = "output", environment: [String: String] = [:],
    executable: String? = nil
  ) throws -> Process {
    let process = Process()
    process.executableURL = executable.map { URL(fileURLWithPath: $0) } ?? Self.binary
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = [
      "PATH": "/usr/bin:/bin", "DPFLSIM_HOME": folder.path, "COLUMNS": "100",
    ].merging(Self.sanitizerOptions) { $1 }.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try handle(output)
    process.standardError = try handle("errors")
    try process.run()
    return process
  }

  /// Calls the program and waits for its end.
  func call(
    _ arguments: String..., environment: [String: String] = [:]
  ) throws -> Outcome {
    try call(arguments, environment: environment)
  }

  func call(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try outcome(of: start(arguments, environment: environment))
  }

  func outcome(of process: Process) throws -> Outcome {
    Outcome(
      status: Self.status(of: process), output: try text("output"), errors: try text("errors"))
  }

  /// Waits for the end of a process; 128 and the signal's number if one ended it.
  ///
  /// Foundation learns of the end from a socket that other children, started at the same moment, may have
  /// inherited and keep open; so the system is asked.
  static func status(of process: Process) -> Int32 {
    #if canImport(Glibc)
      let exited: Int32 = 1  // CLD_EXITED
      while true {
        var info = siginfo_t()
        let answer = waitid(
          P_PID, id_t(process.processIdentifier), &info, WEXITED | WNOHANG | WNOWAIT)
        // Foundation has collected it, and knows.
        guard answer == 0 else { break }
        if info.si_signo == SIGCHLD {
          let status = info._sifields._sigchld.si_status
          return info.si_code == exited ? status : 128 + status
        }
        usleep(2000)
      }
    #endif
    process.waitUntilExit()
    let status = process.terminationStatus
    return process.terminationReason == .exit ? status : 128 + status
  }

  /// Waits without giving the thread away: a test that comes back only when others let it would leave the program that it
  /// watches computing meanwhile, beside all tests.
  static func pause(_ milliseconds: Int) { usleep(UInt32(1000 * milliseconds)) }

  private func text(_ name: String) throws -> String {
    let file = folder.appendingPathComponent(name)
    return FileManager.default.fileExists(atPath: file.path)
      ? try String(contentsOf: file, encoding: .utf8) : ""
  }

  private func handle(_ name: String) throws -> FileHandle {
    if name.hasPrefix("/") { return try FileHandle(forWritingTo: URL(fileURLWithPath: name)) }
    let file = folder.appendingPathComponent(name)
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
  }

  /// Writes a file into the folder and gives its path.
  func write(_ text: String, to name: String) throws -> String {
    let file = folder.appendingPathComponent(name)
    try Data(text.utf8).write(to: file)
    return file.path
  }
}
