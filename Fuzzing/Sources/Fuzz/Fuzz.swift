// The program: libFuzzer's own, which calls in here. tools/fuzz starts it.
//
//     Fuzz list | Fuzz seeds TARGET FOLDER | FUZZ_TARGET=TARGET Fuzz [OPTIONS OF libFuzzer] [FOLDER OR FILE ...]
//
// The target is named in the environment, so that processes which libFuzzer starts itself (to merge folders) know it.
// This package may hand pointers about: libFuzzer is C, and each pointer ends in the function it enters.

import CLibFuzzer
import Foundation
import Synchronization

/// The target of this process.
let chosen = Mutex<FuzzTarget?>(nil)

/// Called before anything else: does what its own words on the command line say, or leaves it to libFuzzer.
@c(LLVMFuzzerInitialize)
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let words = (1..<max(1, Int(count.pointee))).compactMap { index in
    arguments.pointee[index].map { String(cString: $0) }
  }
  if words == ["list"] {
    for target in FuzzTarget.all { print("\(target.name)\t\(target.largest)") }
    exit(0)
  }
  let writesSeeds = words.count == 3 && words[0] == "seeds"
  let name = writesSeeds ? words[1] : ProcessInfo.processInfo.environment["FUZZ_TARGET"]
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    print("there is no such target; tools/fuzz --list names them")
    exit(64)
  }
  if writesSeeds { exit(writeSeeds(of: target, to: URL(fileURLWithPath: words[2]))) }
  chosen.withLock { $0 = target }
  return 0
}

@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let target = chosen.withLock { $0 }
  target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

/// Where the program begins in a build that is not for fuzzing as a whole, for which the linker makes this `main`.
@c(Fuzz_main)
public func begin(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var count = count
  var arguments = arguments
  return LLVMFuzzerRunDriver(&count, &arguments) { testOneInput($0, $1) }
}

/// The exit status.
private func writeSeeds(of target: FuzzTarget, to folder: URL) -> CInt {
  do {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (index, seed) in try target.seeds().enumerated() {
      try Data(seed).write(to: folder.appendingPathComponent("seed-\(index)"))
    }
    return 0
  } catch {
    print("no seeds of \(target.name): \(error)")
    return 1
  }
}
