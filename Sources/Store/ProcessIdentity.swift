// Which process writes a run, so that a run whose process is gone does not look as if it went on.

import Foundation

/// A process, told apart from a later one that got the same number.
public struct ProcessIdentity: Sendable, Hashable {
  /// Name of the machine and of its present start.
  public let host: String
  public let processID: Int
  /// When the process began, in clock ticks since the machine was started; nil if nobody told.
  public let startTicks: Int?

  public init(host: String, processID: Int, startTicks: Int?) {
    self.host = host
    self.processID = processID
    self.startTicks = startTicks
  }

  /// The process that asks.
  public static var current: ProcessIdentity {
    let processID = Int(ProcessInfo.processInfo.processIdentifier)
    return ProcessIdentity(
      host: currentHost, processID: processID, startTicks: startTicks(of: processID))
  }

  /// Whether the process goes on; nil if it belongs to another machine, which cannot be asked.
  public var isAlive: Bool? {
    let (mine, theirs) = (Self.currentHost, host)
    guard mine != theirs else { return Self.startTicks(of: processID) == startTicks }
    // The same machine after a new start: nothing of before goes on.
    let (myName, theirName) = (mine.split(separator: "/").first, theirs.split(separator: "/").first)
    return myName == theirName ? false : nil
  }

  private static let currentHost: String = {
    let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    let start = boot.map { "/" + $0.trimmingCharacters(in: .whitespacesAndNewlines) } ?? ""
    return ProcessInfo.processInfo.hostName + start
  }()

  /// Field 22 of /proc/PID/stat; nil if there is no such process (or no /proc).
  private static func startTicks(of processID: Int) -> Int? {
    guard let line = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8),
      // The second field is the program's name in parentheses and may hold anything.
      let nameEnd = line.lastIndex(of: ")")
    else { return nil }
    let fields = line[line.index(after: nameEnd)...].split(separator: " ")
    // A process that has ended and is not yet collected by its parent writes no more.
    guard fields.count > 19, fields[0] != "Z" else { return nil }
    return Int(fields[19])
  }
}
