// Other programs that tests call: scripts of the project, and whether what they need is installed.

public import Foundation

/// The project's folder, found through this file even where the sources are linked from elsewhere.
public let projectFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// Whether a tool's Python environment is installed.
public func hasEnvironment(_ name: String) -> Bool {
  FileManager.default.fileExists(
    atPath: projectFolder.appendingPathComponent("\(name)/.ready").path)
}

/// Calls a script of `tools/`.
public func callTool(
  _ name: String, _ arguments: [String]
) throws -> (status: Int32, output: Data) {
  try call(projectFolder.appendingPathComponent("tools/\(name)"), arguments)
}

/// Calls a program and gives what it printed.
public func call(
  _ program: URL, _ arguments: [String]
) throws -> (status: Int32, output: Data) {
  let process = Process()
  process.executableURL = program
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  // Read before waiting: a full pipe would keep the process from ending.
  let output = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, output)
}
