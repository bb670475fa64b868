// Workers of a process that have nothing to do while another still trains a large client.

import Synchronization

/// How many workers are idle; whoever has a long batch borrows some.
public final class IdleWorkers: Sendable {
  private let idle = Mutex(0)

  public init() {}

  /// Workers that could be borrowed now.
  public var count: Int { idle.withLock { max($0, 0) } }

  /// Says that workers have become idle, or with a negative number that they have not any more.
  public func add(_ workers: Int) { idle.withLock { $0 += workers } }

  /// Borrows up to `wanted` workers, to be given back with `add`.
  func borrow(upTo wanted: Int) -> Int {
    idle.withLock { idle in
      let lent = max(0, min(idle, wanted))
      idle -= lent
      return lent
    }
  }
}
