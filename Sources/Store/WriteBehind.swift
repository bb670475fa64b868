// Writing that nobody waits for.

import GRDB
import Synchronization

/// A transaction that goes on while its caller does.
final class WriteBehind: Sendable {
  private let outcome = Mutex<Result<Void, any Error>?>(nil)

  fileprivate func end(_ result: Result<Void, any Error>) { outcome.withLock { $0 = result } }

  /// Says if it failed. Called in a transaction that was asked for later, which comes after it.
  func check() throws {
    if case .failure(let error) = outcome.withLock({ $0 }) { throw error }
  }
}

extension RunStore {
  /// Whatever is read or written later through this store comes after it.
  func writeBehind(_ body: @escaping @Sendable (Database) throws -> Void) -> WriteBehind {
    let behind = WriteBehind()
    writer.asyncWrite(body) { _, result in behind.end(result) }
    return behind
  }
}
