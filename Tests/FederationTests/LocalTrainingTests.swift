// DP-SGD against a loop that follows its definition, and its invariants one by one.

import Federation
import Foundation
import Kernels
import Learning
import Privacy
import Testing

/// Points of two classes around ±1 in every coordinate.
struct TwoClouds: ExampleSource {
  let count: Int
  let dimension = 5

  func label(at position: Int) -> Int { position % 2 }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    var stream = RandomStream(seed: 4, purpose: .test, client: position)
    for i in 0..<dimension {
      destination[i] = Float(stream.nextGaussian()) + (position % 2 == 0 ? -1 : 1)
    }
  }
}

@Suite("Local training")
struct LocalTrainingTests {
  let source = TwoClouds(count: 40)
  let plan: TrainingPlan
  let network: Network
  let start: [Float]

  init() throws {
    plan = try TrainingPlan(architecture: .logistic(inputs: 5, classes: 2))
    network = Network(plan: plan)
    start = plan.architecture.initialParameters(seed: 1)
  }

  private func work(
    _ batches: LocalWork.Batches, learningRate: Float = 0.3,
    privacy: (maxGradNorm: Float, noiseMultiplier: Double)? = (0.5, 1.3),
    regularizer: LocalWork.Regularizer? = nil, round: Int = 2
  ) -> LocalWork {
    LocalWork(
      seed: 7, round: round, client: 3, start: start, batches: batches,
      learningRate: learningRate, privacy: privacy, regularizer: regularizer)
  }

  @Test("steps equal the definition: clip each gradient, add noise, divide by the expected batch")
  func definition() throws {
    let task = work(.poisson(rate: 0.25, steps: 4))
    let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
    var theta = start
    for step in 0..<4 {
      let batch = LocalTraining.sample(40, rate: 0.25, work: task, step: step)
      var noisy = [Float](repeating: 0, count: theta.count)
      network.load(trainable: theta)
      for position in batch {
        var single = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(of: source, at: [position], clipping: .none, to: &single)
        let norm = single.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        let factor = Float(min(1, 0.5 / norm))
        for i in noisy.indices { noisy[i] += factor * single[i] }
      }
      GaussianNoise.add(
        to: &noisy, standardDeviation: 0.65, seed: 7, purpose: .gradientNoise, round: 2, client: 3,
        step: step)
      // The divisor is qN = 10, whatever the batch turned out to be.
      for i in theta.indices { theta[i] -= 0.3 / 10 * noisy[i] }
    }
    for i in theta.indices {
      #expect(abs(outcome.delta[i] - (theta[i] - start[i])) < 1e-5)
    }
    #expect(outcome.steps == 4)
    #expect(
      outcome.entries == [
        .gaussian(
          round: 3, client: 3, noiseMultiplier: 1.3, sampleRate: 0.25, maxGradNorm: 0.5,
          sensitivity: 0.5, count: 4)
      ])
  }

  @Test("an empty batch still takes its noisy step")
  func emptyBatch() throws {
    let outcome = try LocalTraining.run(
      work(.poisson(rate: 1e-9, steps: 3)), on: source, features: nil, network: network)
    #expect(outcome.statistics.examples == 0)
    #expect(outcome.steps == 3)
    #expect(outcome.delta.allSatisfy { $0 != 0 })
  }

  @Test("without privacy nothing is clipped or noised, and the ledger says so")
  func withoutPrivacy() throws {
    let outcome = try LocalTraining.run(
      work(.full(steps: 1), privacy: nil), on: source, features: nil, network: network)
    var sum = [Float](repeating: 0, count: start.count)
    network.load(trainable: start)
    _ = network.addClippedSum(of: source, at: Array(0..<40), clipping: .none, to: &sum)
    for i in sum.indices { #expect(abs(outcome.delta[i] + 0.3 / 40 * sum[i]) < 1e-5) }
    #expect(outcome.entries == [.nonPrivate(round: 3, client: 3, purpose: .training)])
  }

  @Test("without noise gradients can be clipped all the same, and it still is no privacy")
  func clippedWithoutNoise() throws {
    var task = work(.full(steps: 1), privacy: nil)
    task.clippingBound = 0.5
    let outcome = try LocalTraining.run(task, on: source, features: nil, network: network)
    let noisy = try LocalTraining.run(
      work(.full(steps: 1)), on: source, features: nil, network: network)
    #expect(outcome.delta == noisy.deltaWithoutNoise)
    #expect(outcome.entries == [.nonPrivate(round: 3, client: 3, purpose: .training)])
  }

  @Test("a noisy full batch also says what it would be without noise; nothing else does")
  func withoutNoise() throws {
    let outcome = try LocalTraining.run(
      work(.full(steps: 1)), on: source, features: nil, network: network)
    let plain = try #require(outcome.deltaWithoutNoise)
    var sum = [Float](repeating: 0, count: start.count)
    network.load(trainable: start)
    _ = network.addClippedSum(
      of: source, at: Array(0..<40), clipping: .flat(maxGradNorm: 0.5), to: &sum)
    for i in sum.indices { #expect(abs(plain[i] + 0.3 / 40 * sum[i]) < 1e-5) }
    #expect(plain != outcome.delta)
    for task in [work(.full(steps: 1), privacy: nil), work(.poisson(rate: 0.5, steps: 2))] {
      let other = try LocalTraining.run(task, on: source, features: nil, network: network)
      #expect(other.deltaWithoutNoise == nil)
    }
  }

  @Test("the regulariser acts outside the clip: its pull does not depend on max_grad_norm")
  func regularizer() throws {
    let center = start.map { $0 + 1 }
    for bound: Float in [1e-6, 1] {
      func run(_ regularizer: LocalWork.Regularizer?) throws -> [Float] {
        try LocalTraining.run(
          work(.full(steps: 1), privacy: (bound, 0.5), regularizer: regularizer), on: source,
          features: nil, network: network
        ).delta
      }
      let plain = try run(nil)
      let pulled = try run(LocalWork.Regularizer(lambda: 0.2, center: center))
      // After the step the pull is lr·λ·(θ − center) = 0.3·0.2·(delta − 1).
      for i in plain.indices {
        #expect(abs(pulled[i] - (plain[i] - 0.06 * (plain[i] - 1))) < 1e-5)
      }
    }
  }

  @Test("Poisson batches include every example with the rate, independently")
  func sampling() {
    let task = work(.poisson(rate: 0.1, steps: 1))
    let trials = 20_000
    var hits = [Int](repeating: 0, count: 40)
    var pairs = 0
    var sizes = 0.0
    for step in 0..<trials {
      let batch = LocalTraining.sample(40, rate: 0.1, work: task, step: step)
      #expect(batch == batch.sorted() && Set(batch).count == batch.count)
      for position in batch { hits[position] += 1 }
      if batch.contains(0) && batch.contains(39) { pairs += 1 }
      sizes += Double(batch.count * batch.count)
    }
    // Six standard errors of binomial counts.
    let error = 6 * (Double(trials) * 0.1 * 0.9).squareRoot()
    for count in hits { #expect(abs(Double(count) - 0.1 * Double(trials)) < error) }
    #expect(abs(Double(pairs) - 0.01 * Double(trials)) < 6 * (Double(trials) * 0.01).squareRoot())
    // E[size²] = Np(1−p) + (Np)² = 3.6 + 16.
    #expect(abs(sizes / Double(trials) - 19.6) < 1)
    #expect(LocalTraining.sample(5, rate: 1, work: task, step: 0) == [0, 1, 2, 3, 4])
  }

  @Test("rounds, clients and steps draw different batches; the same key draws the same")
  func keys() {
    let a = work(.poisson(rate: 0.5, steps: 1))
    let b = work(.poisson(rate: 0.5, steps: 1), round: 3)
    let draw = { (w: LocalWork, s: Int) in LocalTraining.sample(40, rate: 0.5, work: w, step: s) }
    #expect(draw(a, 0) == draw(a, 0))
    #expect(draw(a, 0) != draw(a, 1))
    #expect(draw(a, 0) != draw(b, 0))
  }

  @Test("training that diverges is an error with the client and the round")
  func divergence() {
    let task = LocalWork(
      seed: 1, round: 4, client: 9, start: start.map { _ in .infinity }, batches: .full(steps: 1),
      learningRate: 1, privacy: (1, 1))
    #expect(throws: FederationError.notFinite(client: 9, round: 5)) {
      _ = try LocalTraining.run(task, on: source, features: nil, network: network)
    }
  }

  @Test("parameters that the last step drives out of range are an error, not a model")
  func lastStep() {
    let task = work(.full(steps: 1), learningRate: .greatestFiniteMagnitude, privacy: (9, 10))
    #expect(throws: FederationError.notFinite(client: 3, round: 3)) {
      _ = try LocalTraining.run(task, on: source, features: nil, network: network)
    }
  }
}

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
