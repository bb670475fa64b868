// The plug-in of tools/mpi, opened at run time: the program itself needs no MPI, and works with whichever the
// launcher brings. Beside Kernels this is the only room with unsafe pointers.

import Foundation

/// The functions of an opened plug-in; see tools/mpi/ranks.c. To be called from one thread.
struct RankPlugin: Sendable {
  /// What this program and the plug-in have agreed on.
  static let interface: Int32 = 1

  typealias Start =
    @convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32
  typealias Text = @convention(c) (UnsafeMutablePointer<CChar>, Int32) -> Int32
  typealias Reduce = @convention(c) (UnsafeMutablePointer<Int64>, Int64, Double) -> Int32
  typealias Broadcast = @convention(c) (UnsafeMutableRawPointer, Int64, Int32, Double) -> Int32
  typealias GatherNumber = @convention(c) (Int64, UnsafeMutablePointer<Int64>, Double) -> Int32
  typealias GatherBytes =
    @convention(c) (
      UnsafeRawPointer?, UnsafePointer<Int64>, Int32, Int32, UnsafeMutablePointer<Int32>,
      UnsafeMutableRawPointer?, Double
    ) -> Int32
  typealias Barrier = @convention(c) (Double) -> Int32
  typealias Abort = @convention(c) (Int32) -> Void
  typealias Number = @convention(c) () -> Int32

  let start: Start
  let version: Text
  let sum: Reduce
  let maximum: Reduce
  let broadcast: Broadcast
  let gatherNumber: GatherNumber
  let gatherBytes: GatherBytes
  let barrier: Barrier
  let abort: Abort
  let stop: Number

  /// - Throws: `RanksError.unavailable` for a file that is missing, that others could have written, or that is no
  ///   plug-in for this program.
  init(path: String) throws(RanksError) {
    try Self.check(path)
    // Some MPIs open parts of theirs that look for symbols of the whole process.
    guard let library = dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
      let reason = dlerror().map { String(cString: $0) } ?? "no reason given"
      throw .unavailable(
        reason:
          "the MPI plug-in \(path) cannot be opened (\(reason)); start with the launcher of the MPI for "
          + "which it was compiled, or remove it and start tools/dpflsim again")
    }
    func symbol<Function>(_ name: String, _ type: Function.Type) throws(RanksError) -> Function {
      guard let address = dlsym(library, "dpflsim_ranks_\(name)") else {
        throw .unavailable(
          reason:
            "\(path) is no MPI plug-in of dpflsim (\(name) is missing); remove it and start tools/dpflsim again"
        )
      }
      return unsafeBitCast(address, to: type)
    }
    guard try symbol("interface", Number.self)() == Self.interface else {
      throw .unavailable(
        reason:
          "the MPI plug-in \(path) belongs to another version of dpflsim; remove it and start tools/dpflsim again"
      )
    }
    start = try symbol("start", Start.self)
    version = try symbol("version", Text.self)
    sum = try symbol("sum", Reduce.self)
    maximum = try symbol("maximum", Reduce.self)
    broadcast = try symbol("broadcast", Broadcast.self)
    gatherNumber = try symbol("gather_number", GatherNumber.self)
    gatherBytes = try symbol("gather_bytes", GatherBytes.self)
    barrier = try symbol("barrier", Barrier.self)
    abort = try symbol("abort", Abort.self)
    stop = try symbol("stop", Number.self)
  }

  /// It is code that this process will run: nobody else may have written it.
  private static func check(_ path: String) throws(RanksError) {
    var facts = stat()
    guard stat(path, &facts) == 0 else {
      throw .unavailable(
        reason: "there is no MPI plug-in at \(path); start tools/dpflsim, which compiles it")
    }
    guard facts.st_uid == geteuid() || facts.st_uid == 0, facts.st_mode & 0o022 == 0 else {
      throw .unavailable(
        reason:
          "the MPI plug-in \(path) belongs to somebody else or can be written by others, so it is not opened; "
          + "remove it and start tools/dpflsim again")
    }
  }
}
