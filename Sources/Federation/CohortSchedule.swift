// Who takes part in which round: drawn from the seed before the run, so that a client's releases can
// be counted exactly and its noise calibrated for them.

import Kernels

package struct CohortSchedule: Sendable {
  private let cohorts: [[Int]]
  private let counts: [Int]

  /// - Parameters:
  ///   - cohortSize: clients drawn for each round, without replacement; nil takes all.
  ///   - fullRounds: rounds in which everybody takes part whatever the cohort's size.
  package init(clients: Int, rounds: Int, cohortSize: Int?, seed: UInt64, fullRounds: Set<Int> = [])
  {
    let everybody = Array(0..<clients)
    var counts = [Int](repeating: 0, count: clients)
    cohorts = (0..<rounds).map { round in
      var cohort = everybody
      if let cohortSize, cohortSize < clients, !fullRounds.contains(round) {
        var stream = RandomStream(seed: seed, purpose: .cohortSampling, round: round)
        // The first places of a Fisher–Yates shuffle are a uniform draw without replacement.
        for place in 0..<cohortSize {
          let other = place + Int(stream.next(upperBound: UInt64(clients - place)))
          cohort.swapAt(place, other)
        }
        cohort = cohort.prefix(cohortSize).sorted()
      }
      for client in cohort { counts[client] += 1 }
      return cohort
    }
    self.counts = counts
  }

  /// Every client joins each round by itself with probability `rate`.
  package init(clients: Int, rounds: Int, poissonRate rate: Double, seed: UInt64) {
    var counts = [Int](repeating: 0, count: clients)
    cohorts = (0..<rounds).map { round in
      var stream = RandomStream(seed: seed, purpose: .cohortSampling, round: round)
      let cohort = (0..<clients).filter { _ in stream.nextUnit() < rate }
      for client in cohort { counts[client] += 1 }
      return cohort
    }
    self.counts = counts
  }

  /// Clients of a round (from 0), ascending.
  package func cohort(round: Int) -> [Int] { cohorts[round] }

  /// Rounds in which a client takes part.
  package func participations(of client: Int) -> Int { counts[client] }

  /// Rounds of a range in which a client takes part.
  package func participations(of client: Int, in rounds: Range<Int>) -> Int {
    rounds.clamped(to: cohorts.indices).count { round in
      let cohort = cohorts[round]
      let place = cohort.partitioningIndex(from: client)
      return place < cohort.count && cohort[place] == client
    }
  }
}

extension [Int] {
  /// The first place of an ascending list whose value is not below `value`.
  fileprivate func partitioningIndex(from value: Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = low + (high - low) / 2
      if self[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
