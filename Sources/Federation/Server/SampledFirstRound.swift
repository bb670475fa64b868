// The first round of more clients than a method clusters at once: memory is that of a sample and of a few numbers for
// each of the others.

import Kernels
import Scenarios

extension Server {
  /// The method, where it is to cluster a sample of these tasks; nil where it takes all updates at once.
  func sampling(_ tasks: [ClientTask], stage: RoundStage) -> (any SamplingMethod)? {
    guard stage == .fullBatch, aggregation == nil,
      let size = context.scenario.method.traits.clusteringSample, tasks.count > size
    else { return nil }
    return method as? any SamplingMethod
  }

  /// Positions of the tasks whose clients the clusters are found of, ascending: uniform, without replacement, from the
  /// seed.
  static func sample(of tasks: Int, in scenario: Scenario) -> [Int] {
    // Steps 0 and 1 draw cohorts and evaluations.
    var stream = RandomStream(
      seed: scenario.seed, purpose: .cohortSampling, round: 0, client: 0, step: 2)
    let size = scenario.method.traits.clusteringSample ?? tasks
    return CohortSchedule.draw(min(size, tasks), of: tasks, using: &stream)
  }

  /// Carries out the tasks, first those of the sample, and moves the state.
  ///
  /// - Returns: the updates in the order of the tasks, without their parameters.
  func runSampled(
    _ method: any SamplingMethod, _ tasks: [ClientTask], round: Int
  ) async throws -> [ClientUpdate] {
    let start = state
    let chosen = Self.sample(of: tasks.count, in: context.scenario)
    var sample = try await executor.perform(
      chosen.map { tasks[$0] }, round: round, state: start, keeping: .whole
    ).updates
    let found = try method.sampledClusters(of: sample, state: start, context: context)
    let context = context
    let place: @Sendable (ClientUpdate) throws -> [Float] = { update in
      let signal = context.clusteringSignal(
        of: update.delta, by: update, from: start.models, round: round)
      return try found.place(signal).map { Float($0) }
    }
    let isChosen = Set(chosen)
    let others = tasks.indices.filter { !isChosen.contains($0) }
    // Whoever keeps the updates holds them all.
    var placed = try await executor.perform(
      others.map { tasks[$0] }, round: round, state: start,
      keeping: keep == nil ? .places(place) : .whole
    ).updates
    func inOrder() -> [ClientUpdate] {
      zip(chosen + others, sample + placed).sorted { $0.0 < $1.0 }.map(\.1)
    }
    if let keep {
      try await keep(
        ReleasedUpdates(inOrder(), tasks: tasks, round: round, part: 1, stage: .fullBatch))
      for index in placed.indices { placed[index].leave(try place(placed[index])) }
    }
    for index in sample.indices { sample[index].leave(found.points.row(index).map { Float($0) }) }
    let updates = inOrder()
    found.adopt(
      Matrix(
        rows: updates.count, columns: found.points.columns,
        elements: updates.flatMap { $0.delta.map(Double.init) }), &state)
    try state.takeThresholds(of: updates, byTrained: false)
    return updates
  }
}
