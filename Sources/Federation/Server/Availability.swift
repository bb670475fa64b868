// Who of a cohort really reports: drawn from the seed for every client and round by itself, so that a
// resumed run sees the same absences.

import Foundation
import Kernels
import Scenarios

/// What becomes of a client's part in a round.
enum Attendance: Sendable, Hashable {
  case reports
  /// It cannot be reached: it neither trains nor releases anything.
  case dropsOut
  /// It trains and releases, and its update comes after the deadline.
  case comesLate
}

/// Draws the attendance of every client in every round.
struct Availability: Sendable {
  private let settings: Scenario.Participation
  private let seed: UInt64
  private let fullParticipationRounds: Set<Int>
  /// Examples that each client goes through in a round, over the median.
  private let work: [Double]

  init(scenario: Scenario, clients: [ClientPlan]) {
    settings = scenario.participation
    seed = scenario.seed
    fullParticipationRounds = scenario.method.fullParticipationRounds
    let examples = clients.map { Double($0.stepsPerRound * $0.batchSize) }
    let sorted = examples.sorted()
    let middle = sorted.count / 2
    let median =
      sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    work = examples.map { $0 / median }
  }

  /// - Parameter round: from 0.
  func attendance(of client: Int, round: Int) -> Attendance {
    guard !fullParticipationRounds.contains(round) else { return .reports }
    var stream = RandomStream(seed: seed, purpose: .dropout, round: round, client: client)
    if stream.nextUnit() < settings.dropoutProbability { return .dropsOut }
    guard let deadline = settings.deadline else { return .reports }
    var time = work[client]
    if stream.nextUnit() < settings.stragglerProbability {
      // Mean 1 + (slowdown − 1).
      time *= 1 - (settings.stragglerSlowdown - 1) * Elementary.log(stream.nextOpenUnit())
    }
    return time <= deadline ? .reports : .comesLate
  }
}
