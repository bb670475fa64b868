// One command, several programs: `dpflsim` is compiled for old processors, and where `dpflsim-v3` or `dpflsim-v4`
// stand beside it, the best that the processor can run takes its place (docs/decisions/0003-processors.md).

import Foundation
package import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// Which of the programs in a folder goes on.
package struct ProgramChoice {
  package static let variable = "DPFLSIM_CPU"
  /// Set for the program that was chosen, which chooses no more.
  private static let mark = "DPFLSIM_CPU_CHOSEN"

  /// What this program was compiled for.
  let compiled: ProcessorLevel
  /// What the processor can do.
  let available: ProcessorLevel
  /// The environment's wish.
  let wanted: String?
  /// Whether the program of a level stands beside this one.
  let isThere: (ProcessorLevel) -> Bool

  package init(
    compiled: ProcessorLevel, available: ProcessorLevel, wanted: String?,
    isThere: @escaping (ProcessorLevel) -> Bool
  ) {
    self.compiled = compiled
    self.available = available
    self.wanted = wanted
    self.isThere = isThere
  }

  /// The level whose program takes this one's place; nil goes on with this one.
  ///
  /// - Throws: a `Failure` where a wish cannot be met.
  package func level() throws(Failure) -> ProcessorLevel? {
    guard let wanted else {
      return ProcessorLevel.allCases.last { $0 > compiled && $0 <= available && isThere($0) }
    }
    guard let level = ProcessorLevel(rawValue: wanted), level != .base else {
      throw Failure(.usage, "\(Self.variable): must be v2, v3 or v4, got \"\(wanted)\"")
    }
    guard level <= available else {
      throw Failure(
        .unavailable,
        "\(Self.variable): this processor is no x86-64-\(wanted); leave it out, or choose a lower level"
      )
    }
    if level == compiled { return nil }
    guard isThere(level) else {
      throw Failure(
        .unavailable,
        "\(Self.variable): there is no dpflsim-\(wanted) beside this program (compiled for "
          + "\(compiled.rawValue)); tools/release makes one")
    }
    return level
  }

  /// Gives this process to the program that fits, if there is a better one; returns otherwise.
  static func apply() throws(Failure) {
    let environment = ProcessInfo.processInfo.environment
    guard environment[mark] == nil, let own = Bundle.main.executableURL?.resolvingSymlinksInPath()
    else { return }
    func path(_ level: ProcessorLevel) -> String {
      own.deletingLastPathComponent().appendingPathComponent("dpflsim-\(level.rawValue)").path
    }
    let choice = ProgramChoice(
      compiled: .compiled, available: .available, wanted: environment[variable],
      isThere: { FileManager.default.isExecutableFile(atPath: path($0)) })
    guard let level = try choice.level() else { return }
    setenv(mark, level.rawValue, 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    execv(path(level), arguments)
    throw Failure(
      .unavailable,
      "\(path(level)): cannot be started (\(String(cString: strerror(errno)))); take it away to go on without"
    )
  }
}
