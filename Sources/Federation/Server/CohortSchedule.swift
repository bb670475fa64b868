// Who takes part in which round: drawn from the seed before the run, so that a client's releases can
// be counted exactly and its noise calibrated for them.

import Kernels
import Synchronization

public struct CohortSchedule: Sendable {
  /// Nil where everybody takes part.
  private let cohorts: [[Int]?]
  private let everybody: [Int]
  private let counts: [Int32]
  /// Participations of all clients in the ranges that were asked for: every client is asked for the same few.
  private let rangeCounts = Memo<Range<Int>, [Int32]>()
  /// The rounds up to which clients take part for the first so many times: asked for in every round.
  private let lastRounds = Memo<Int, [Int]>()

  /// - Parameters:
  ///   - cohortSize: clients drawn for each round, without replacement; nil takes all.
  ///   - fullRounds: rounds in which everybody takes part whatever the cohort's size.
  package init(clients: Int, rounds: Int, cohortSize: Int?, seed: UInt64, fullRounds: Set<Int> = [])
  {
    self.init(
      clients: clients,
      cohorts: (0..<rounds).map { round in
        guard let cohortSize, cohortSize < clients, !fullRounds.contains(round) else { return nil }
        var stream = RandomStream(seed: seed, purpose: .cohortSampling, round: round)
        return Self.draw(cohortSize, of: clients, using: &stream)
      })
  }

  /// Every client joins each round by itself with probability `rate`.
  package init(clients: Int, rounds: Int, poissonRate rate: Double, seed: UInt64) {
    self.init(
      clients: clients,
      cohorts: (0..<rounds).map { round in
        var stream = RandomStream(seed: seed, purpose: .cohortSampling, round: round)
        return (0..<clients).filter { _ in stream.nextUnit() < rate }
      })
  }

  /// Clients take turns: client i takes part in the rounds t (from 0) with t ≡ i modulo `turns`, whatever the data.
  package init(clients: Int, rounds: Int, turns: Int) {
    self.init(
      clients: clients,
      cohorts: (0..<rounds).map { round in
        Array(stride(from: round % turns, to: clients, by: turns))
      })
  }

  private init(clients: Int, cohorts: [[Int]?]) {
    self.cohorts = cohorts
    everybody = Array(0..<clients)
    counts = Self.counts(of: cohorts[...], clients: clients)
  }

  /// The first places of a Fisher–Yates shuffle of all clients, which are a uniform draw without
  /// replacement, in ascending order. Only the places that were swapped are kept: O(count), whatever the
  /// number of clients.
  static func draw(
    _ count: Int, of clients: Int, using stream: inout RandomStream
  ) -> [Int] {
    var swapped: [Int: Int] = [:]
    swapped.reserveCapacity(2 * count)
    var cohort: [Int] = []
    cohort.reserveCapacity(count)
    for place in 0..<count {
      let other = place + Int(stream.next(upperBound: UInt64(clients - place)))
      cohort.append(swapped[other] ?? other)
      swapped[other] = swapped[place] ?? place
    }
    return cohort.sorted()
  }

  private static func counts(of cohorts: ArraySlice<[Int]?>, clients: Int) -> [Int32] {
    var counts = [Int32](repeating: Int32(clamping: cohorts.count { $0 == nil }), count: clients)
    for case let cohort? in cohorts {
      for client in cohort { counts[client] += 1 }
    }
    return counts
  }

  /// Clients of a round (from 0), ascending.
  public func cohort(round: Int) -> [Int] { cohorts[round] ?? everybody }

  /// Rounds in which a client takes part.
  public func participations(of client: Int) -> Int { Int(counts[client]) }

  /// Rounds of a range in which a client takes part.
  public func participations(of client: Int, in rounds: Range<Int>) -> Int {
    let rounds = rounds.clamped(to: cohorts.indices)
    return Int(
      rangeCounts.value(of: rounds) {
        Self.counts(of: cohorts[rounds], clients: counts.count)
      }[client])
  }

  /// Whether a round (from 0) is among the first `count` in which a client takes part.
  public func isAmongFirst(_ count: Int, round: Int, of client: Int) -> Bool {
    guard count > 0 else { return false }
    return round
      <= lastRounds.value(of: count) { Self.lasts(count, cohorts, clients: counts.count) }[client]
  }

  /// For each client the round in which it takes part for the `count`th time; a number above all rounds where it never does.
  private static func lasts(_ count: Int, _ cohorts: [[Int]?], clients: Int) -> [Int] {
    var times = [Int](repeating: 0, count: clients)
    var lasts = [Int](repeating: .max, count: clients)
    for (round, cohort) in cohorts.enumerated() {
      for client in cohort ?? Array(0..<clients) {
        times[client] += 1
        if times[client] == count { lasts[client] = round }
      }
      if cohort == nil, lasts.allSatisfy({ $0 < .max }) { break }
    }
    return lasts
  }
}

/// What was found once and is asked for again and again.
private final class Memo<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let known = Mutex<[Key: Value]>([:])

  func value(of key: Key, _ find: () -> Value) -> Value {
    known.withLock { known in
      if let value = known[key] { return value }
      let value = find()
      known[key] = value
      return value
    }
  }
}
