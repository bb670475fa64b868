// What is known of a client without its data: how much it has, its budget, and how long it trains.

import Datasets
public import Scenarios

/// A client before its data are dealt: everything that decides what it will release.
public struct ClientPlan: Sendable, Hashable {
  public let index: Int
  /// Index of its true cluster.
  public let cluster: Int
  /// N, treated as public.
  public let trainExamples: Int
  public let budget: Scenario.Budget
  /// Expected examples a batch, b.
  public let batchSize: Int
  /// Noisy steps in one round: epochs · ⌈N/b⌉, or the stated number.
  public let stepsPerRound: Int
  /// Full-batch steps in a round that uses all data at once: one an epoch.
  public let fullBatchSteps: Int

  /// The Poisson rate q = b/N.
  public var sampleRate: Double { Double(batchSize) / Double(trainExamples) }

  init(_ client: Scenario.Client, trainExamples: Int, local: Scenario.Local) {
    index = client.index
    cluster = client.cluster
    budget = client.budget
    self.trainExamples = trainExamples
    batchSize = min(local.batchSize, max(trainExamples, 1))
    switch local.duration {
    case .epochs(let epochs):
      stepsPerRound = epochs * ((trainExamples + batchSize - 1) / batchSize)
      fullBatchSteps = epochs
    case .steps(let steps):
      stepsPerRound = steps
      fullBatchSteps = 1
    }
  }
}

extension Scenario {
  /// Training examples of every client, drawn from the seed; they need no data.
  ///
  /// - Throws: `DatasetError` if a number is out of range.
  func drawExampleCounts() throws(DatasetError) -> [Int] {
    var counts: [Int] = []
    for (index, cluster) in population.clusters.enumerated() {
      counts += try Quantity(cluster).counts(clients: cluster.clients, cluster: index, seed: seed)
    }
    return counts
  }

  /// The same of the clients that arrive.
  func drawArrivingExampleCounts() throws(DatasetError) -> [Int] {
    var counts: [Int] = []
    for (index, cluster) in population.arriving.enumerated() {
      counts += try Quantity(cluster).counts(
        clients: cluster.clients, cluster: population.clusters.count + index, seed: seed)
    }
    return counts
  }

  /// Who takes part in which round.
  ///
  /// Where whole clients are protected cohorts are Poisson samples, or turns with correlated noise: the accounting asks
  /// for them.
  var cohortSchedule: CohortSchedule {
    if privacy.noiseBands > 1 {
      return CohortSchedule(clients: clientCount, rounds: rounds, turns: privacy.noiseBands)
    }
    if privacy.unit == .client {
      return CohortSchedule(
        clients: clientCount, rounds: rounds, poissonRate: ReleasePlan.ofServer(self).sampleRate,
        seed: seed)
    }
    return CohortSchedule(
      clients: clientCount, rounds: rounds, cohortSize: cohortSize, seed: seed,
      fullRounds: method.fullParticipationRounds)
  }
}
