// Who listens to a run that ranks share: rank 0 as ever, the others for how long rounds take.

import Federation
import Ranks

/// Follows the run for everybody else, and sets how long a rank waits for others.
actor RankPatience: RunObserver {
  private let ranks: any RankGroup
  private let least: Double
  private let next: (any RunObserver)?

  /// - Parameters:
  ///   - seconds: at least so long.
  ///   - next: who else listens.
  init(_ ranks: any RankGroup, seconds: Double, next: (any RunObserver)? = nil) {
    self.ranks = ranks
    least = seconds
    self.next = next
    // Nothing is known of how long rank 0 will pretrain.
    ranks.setPatience(seconds: 10 * seconds)
  }

  private var longest = 0.0

  func receive(_ event: RunEvent) async throws {
    switch event {
    case .started(let start):
      longest = start.forecast.secondsOnOneWorker / Double(max(start.rounds, 1))
      ranks.setPatience(seconds: max(least, 10 * longest))
    case .finishedRound(let report):
      longest = max(longest, report.seconds)
      ranks.setPatience(seconds: max(least, 10 * longest))
    case .preparing, .announced, .released, .checkpoint: break
    }
    try await next?.receive(event)
  }
}
