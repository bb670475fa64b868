// SIGINT and SIGTERM: the first one ends the run at the next boundary, the second one at once.

import Dispatch
import Foundation
import Synchronization

/// Listens for requests to stop.
final class SignalWatch: Sendable {
  /// The first signal that came; 0 before.
  private let first = Atomic<Int32>(0)
  /// When it came, in nanoseconds since the machine started.
  private let arrival = Atomic<UInt64>(0)
  /// A signal that comes again so soon is the same request: `timeout` sends its signal to the process and then
  /// to its group.
  private static let echo: UInt64 = 500_000_000

  /// Starts listening, for as long as the process lives.
  ///
  /// - Parameter stop: called once, with the first signal.
  func start(stop: @escaping @Sendable () -> Void) {
    let queue = DispatchQueue(label: "dpflsim.signals", qos: .userInteractive)
    for number in [SIGINT, SIGTERM] {
      // The default action would end the process before the source is asked.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      // The handler keeps its source alive.
      source.setEventHandler { [self] in
        guard source.data > 0 else { return }
        let earlier = first.compareExchange(
          expected: 0, desired: number, ordering: .sequentiallyConsistent)
        let now = DispatchTime.now().uptimeNanoseconds
        if earlier.exchanged {
          arrival.store(now, ordering: .sequentiallyConsistent)
          stop()
        } else if now - arrival.load(ordering: .sequentiallyConsistent) > Self.echo {
          _exit(128 + number)
        }
      }
      source.activate()
    }
  }

  /// The status to exit with; nil if no signal came.
  var status: ExitStatus? {
    switch first.load(ordering: .sequentiallyConsistent) {
    case 0: nil
    case SIGTERM: .terminated
    default: .interrupted
    }
  }
}
