// One thread for all calls of MPI, which wants them from one: tasks go from thread to thread, and a thread of theirs
// must never wait.

import Foundation
import Synchronization

final class CallThread: Sendable {
  private let calls = Mutex<[@Sendable () -> Void]>([])
  private let waiting = DispatchSemaphore(value: 0)

  init() {
    let thread = Thread { [self] in carryOut() }
    thread.name = "dpflsim.ranks"
    thread.start()
  }

  /// For as long as the process lives.
  private func carryOut() {
    while true {
      waiting.wait()
      let call = calls.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      call?()
    }
  }

  /// Runs `body` on the thread, after whatever came before.
  func run<Output: Sendable>(
    _ body: @escaping @Sendable () throws -> Output
  ) async throws -> Output {
    try await withCheckedThrowingContinuation { continuation in
      calls.withLock { calls in
        calls.append { continuation.resume(with: Result(catching: body)) }
      }
      waiting.signal()
    }
  }
}
