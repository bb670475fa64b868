// Exact sums over clients, and who takes part in a round.

import Federation
import Foundation
import Kernels
import Testing

@Suite("Sums across clients")
struct FixedPointSumTests {
  @Test("the mean does not depend on the order, to the bit")
  func order() throws {
    var stream = RandomStream(seed: 3, purpose: .test)
    let vectors = (0..<50).map { _ in (0..<20).map { _ in Float(stream.nextGaussian()) } }
    var means: Set<[Float]> = []
    for trial in 0..<20 {
      var order = RandomStream(seed: 5, purpose: .test, step: trial)
      var sum = FixedPointSum(length: 20)
      for index in Array(0..<50).shuffled(using: &order) {
        try sum.add(vectors[index], client: index)
      }
      means.insert(sum.mean ?? [])
    }
    #expect(means.count == 1)
    let exact = (0..<20).map { i in vectors.reduce(0.0) { $0 + Double($1[i]) } / 50 }
    for (mean, value) in zip(means.first ?? [], exact) {
      #expect(abs(Double(mean) - value) < 1e-7)
    }
  }

  @Test(
    "updates folded in parts give the bits of a single sum, however they are shared",
    arguments: 0..<20)
  func parts(trial: Int) throws {
    var stream = RandomStream(seed: 4, purpose: .test, step: trial)
    let updates = (0..<60).map { client in
      (
        client: client, model: Int(stream.next(upperBound: UInt64(3))),
        delta: (0..<9).map { _ in Float(stream.nextGaussian()) }
      )
    }
    let lanes = 1 + Int(stream.next(upperBound: UInt64(5)))
    var folders = [UpdateFolder](repeating: UpdateFolder(), count: lanes)
    for update in updates.shuffled(using: &stream) {
      folders[Int(stream.next(upperBound: UInt64(lanes)))]
        .add(update.delta, model: update.model, client: update.client)
    }
    var whole = UpdateFolder()
    for folder in folders.shuffled(using: &stream) { whole.merge(folder) }
    let means = try whole.finish()
    for model in 0..<3 {
      var sum = FixedPointSum(length: 9)
      for update in updates where update.model == model {
        try sum.add(update.delta, client: update.client)
      }
      #expect(means[model] == sum.mean)
    }
    #expect(Set(means.keys) == Set(updates.map(\.model)))
  }

  @Test("an update that cannot be added is named the same way however the clients are shared")
  func refusals() {
    for trial in 0..<30 {
      var stream = RandomStream(seed: 6, purpose: .test, step: trial)
      var folders = [UpdateFolder](repeating: UpdateFolder(), count: 4)
      for client in (0..<40).shuffled(using: &stream) {
        let value: Float = client == 17 || client == 31 ? .nan : 1
        folders[Int(stream.next(upperBound: UInt64(4)))].add(
          [value], model: client % 2, client: client)
      }
      var whole = UpdateFolder()
      for folder in folders { whole.merge(folder) }
      let error = #expect(throws: FederationError.self) { try whole.finish() }
      guard case .updateOutOfRange(17, _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test("more clients than the largest value leaves room for are refused, in one sum or in parts")
  func room() throws {
    let large = FixedPointSum.largest
    // 2²¹ · 2³² · 2¹⁰ = 2⁶³ does not fit; one client fewer does, though signs may cancel.
    var sum = FixedPointSum(length: 1)
    for client in 0..<1023 { try sum.add([client % 2 == 0 ? large : -large], client: client) }
    #expect(sum.mean == [large / 1023])
    #expect(throws: FederationError.updateOutOfRange(client: 0, value: large)) {
      try sum.add([1], client: 1023)
    }
    var halves = FixedPointSum(length: 1)
    var other = FixedPointSum(length: 1)
    for client in 0..<512 {
      try halves.add([large], client: client)
      try other.add([-1], client: client + 512)
    }
    #expect(throws: FederationError.updateOutOfRange(client: 0, value: large)) {
      try halves.merge(other)
    }
  }

  @Test("no vectors have no mean; runaway and undefined values are refused")
  func edges() throws {
    #expect(FixedPointSum(length: 3).mean == nil)
    for value: Float in [.nan, .infinity, -.infinity, 1e10] {
      var sum = FixedPointSum(length: 1)
      #expect(throws: FederationError.self) { try sum.add([value], client: 4) }
    }
    var sum = FixedPointSum(length: 1)
    #expect(throws: FederationError.self) {
      for _ in 0..<2000 { try sum.add([FixedPointSum.largest], client: 0) }
    }
  }
}

@Suite("Cohorts")
struct CohortScheduleTests {
  @Test(
    "a cohort is that of a whole shuffle, of which the first places are taken",
    arguments: [(1, 1), (2, 1), (7, 6), (50, 1), (50, 30), (1000, 999)])
  func sparse(clients: Int, size: Int) {
    let schedule = CohortSchedule(clients: clients, rounds: 20, cohortSize: size, seed: 5)
    for round in 0..<20 {
      var everybody = Array(0..<clients)
      guard size < clients else {
        #expect(schedule.cohort(round: round) == everybody)
        continue
      }
      var stream = RandomStream(seed: 5, purpose: .cohortSampling, round: round)
      for place in 0..<size {
        everybody.swapAt(place, place + Int(stream.next(upperBound: UInt64(clients - place))))
      }
      #expect(schedule.cohort(round: round) == everybody.prefix(size).sorted())
    }
  }

  @Test("participations in a range are those of its cohorts")
  func ranges() {
    let schedule = CohortSchedule(clients: 40, rounds: 60, cohortSize: 9, seed: 1, fullRounds: [3])
    for range in [0..<60, 1..<60, 3..<4, 10..<25, 50..<90, 7..<7] {
      for client in 0..<40 {
        let rounds = range.clamped(to: 0..<60).count { schedule.cohort(round: $0).contains(client) }
        #expect(schedule.participations(of: client, in: range) == rounds)
      }
    }
  }

  @Test("cohorts have their size, no repeats, and count what they say")
  func schedule() {
    let schedule = CohortSchedule(
      clients: 30, rounds: 200, cohortSize: 6, seed: 2, fullRounds: [0])
    #expect(schedule.cohort(round: 0) == Array(0..<30))
    var counts = [Int](repeating: 0, count: 30)
    for round in 0..<200 {
      let cohort = schedule.cohort(round: round)
      #expect(cohort.count == (round == 0 ? 30 : 6))
      #expect(cohort == Array(Set(cohort)).sorted())
      for client in cohort { counts[client] += 1 }
    }
    for client in 0..<30 {
      #expect(schedule.participations(of: client) == counts[client])
      #expect(schedule.participations(of: client, in: 1..<200) == counts[client] - 1)
      // Binomial(199, 0.2): mean 39.8, five standard deviations 28.
      #expect(abs(Double(counts[client] - 1) - 39.8) < 28)
    }
  }
}
