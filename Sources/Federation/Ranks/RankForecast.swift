// What a run takes where ranks share it, by the cost model of docs/cluster.md.

public import Datasets
import Foundation
public import Scenarios

/// Time and memory of a run that is shared by ranks.
public struct RankForecast: Sendable, Hashable {
  public let ranks: Int
  /// Of each rank.
  public let workers: Int
  /// Of all rounds together; what every rank prepares by itself is left out, as in one process.
  public let seconds: Double
  /// Mean over largest planned load of all workers, from above 0 to 1.
  public let balance: Double
  /// The part of `seconds` that messages take.
  public let messageShare: Double
  public let bytesPerRank: Int

  /// Latency of a message in seconds, and bytes a second: 25-Gbit Ethernet, assumed.
  private static let latency = 20e-6
  private static let bandwidth = 2.5e9
  /// For each participant: what every rank does (decoding, ledger, report), and rank 0 besides for rows of the store.
  private static let secondsPerParticipant = 5e-6 + 50e-6
  /// Rounds whose deal is looked at.
  private static let lookedAt = 20

  /// - Throws: `DatasetError`, `ArchitectureError`.
  public init(
    of scenario: Scenario, catalog: DatasetCatalog, ranks: Int, workers: Int
  ) throws {
    let basis = try CostForecast.basis(of: scenario, catalog: catalog)
    self.init(
      scenario: scenario, clients: basis.clients, schedule: scenario.cohortSchedule,
      model: basis.model, ranks: ranks, workers: workers)
  }

  init(
    scenario: Scenario, clients: [ClientPlan], schedule: CohortSchedule, model: ModelSize,
    ranks: Int, workers: Int
  ) {
    self.ranks = ranks
    self.workers = workers
    let whole = CostForecast(
      scenario: scenario, clients: clients, schedule: schedule, model: model)
    let rounds = scenario.rounds
    let folds = CostForecast.addsUp(scenario) && !scenario.method.traits.clustersFirstRound
    let cohorts = (0..<rounds).map { schedule.cohort(round: $0).count }
    let numbers = Double(scenario.method.traits.models * model.trainable)

    balance = Self.balance(
      clients, schedule: schedule, rounds: rounds, lanes: ranks * workers)
    let steps = ranks > 1 ? 2 * log2(Double(ranks)).rounded(.up) * Self.latency : 0
    let messages = cohorts.reduce(0.0) { sum, cohort in
      guard ranks > 1 else { return 0 }
      // Sums go both ways as 64-bit integers; single updates go to everybody in floats.
      let bytes = folds ? 16 * numbers : 4 * Double(cohort * model.trainable)
      return sum + steps + bytes / Self.bandwidth
    }
    let participants = Double(cohorts.reduce(0, +))
    let work = whole.secondsOnOneWorker / (Double(ranks * workers) * balance)
    seconds = work + messages + participants * Self.secondsPerParticipant
    messageShare = seconds > 0 ? messages / seconds : 0

    let held = CostForecast.heldUpdates(of: scenario)
    bytesPerRank =
      whole.fixedBytes + whole.featureBytes / ranks + 2 * held * 4 * model.trainable
      + 8 * model.trainable * scenario.method.traits.models * (workers + 2)
      + CostForecast.bytes(ofDormant: clients, tests: scenario.population.testExamplesPerClient)
  }

  /// Of planned example gradients dealt to all lanes, weighted by the work of rounds.
  private static func balance(
    _ clients: [ClientPlan], schedule: CohortSchedule, rounds: Int, lanes: Int
  ) -> Double {
    var (work, spent) = (0.0, 0.0)
    for round in stride(from: 0, to: rounds, by: max(1, rounds / lookedAt)) {
      let costs = schedule.cohort(round: round).map {
        max(1, clients[$0].stepsPerRound * clients[$0].batchSize)
      }
      let total = Double(costs.reduce(0, +))
      work += total
      spent +=
        total
        / LongestFirst.balance(
          costs, owners: LongestFirst.deal(costs, ranks: lanes), ranks: lanes)
    }
    return spent > 0 ? work / spent : 1
  }
}
