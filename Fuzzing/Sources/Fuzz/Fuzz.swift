// The program: libFuzzer's own, which calls in here. tools/fuzz starts it.
//
//     Fuzz list | Fuzz seeds TARGET FOLDER | Fuzz TARGET [OPTIONS OF libFuzzer] [FOLDER OR FILE ...]
//
// This package may hand pointers about: libFuzzer is C, and each pointer ends in the function it enters.

import Foundation
import Synchronization

/// The target of this process.
let chosen = Mutex<FuzzTarget?>(nil)

/// Called before anything else: takes the program's own words from the command line.
@c(LLVMFuzzerInitialize)
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let words = (1..<max(1, Int(count.pointee))).compactMap { index in
    arguments.pointee[index].map { String(cString: $0) }
  }
  let name = words.first == "seeds" ? words.dropFirst().first : words.first
  let target = FuzzTarget.all.first { $0.name == name }
  if words == ["list"] {
    for target in FuzzTarget.all { print("\(target.name)\t\(target.largest)") }
    exit(0)
  }
  guard let target else {
    print("there is no such target; tools/fuzz --list names them")
    exit(64)
  }
  if words.first == "seeds", words.count == 3 {
    exit(writeSeeds(of: target, to: URL(fileURLWithPath: words[2])))
  }
  chosen.withLock { $0 = target }
  // Without the name of the target: libFuzzer would take it for a folder of inputs.
  arguments.pointee[1] = arguments.pointee[0]
  count.pointee -= 1
  arguments.pointee += 1
  return 0
}

@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let target = chosen.withLock { $0 }
  target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
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
