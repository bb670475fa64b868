// The exit codes of every command; other programs rely on them.

/// How a command ended, after the BSD header sysexits.h.
public enum ExitStatus: Int32, Sendable, CaseIterable {
  case done = 0
  /// Wrong options or arguments.
  case usage = 64
  /// The scenario or the data are invalid, or cannot be used together.
  case invalidInput = 65
  /// A file, a data set, a store or a run is not there.
  case missingInput = 66
  /// Something that is needed is not installed.
  case unavailable = 69
  /// A fault of dpflsim.
  case fault = 70
  case cannotWrite = 73
  case cannotRead = 74
  /// Stopped at a budget or a limit; a later call may go on.
  case stopped = 75
  /// SIGINT, after what was finished had been stored.
  case interrupted = 130
  /// SIGTERM, likewise.
  case terminated = 143
}
