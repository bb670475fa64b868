// What a simulation does besides where ranks share it: they make sure that they are at the same run, get the base
// model from rank 0, and compare where they have come to.

import Learning
import Ranks
import Scenarios

extension Simulation {
  private var isShared: Bool { options.ranks.size > 1 }

  /// Makes sure that all ranks are at the same, before anything is released.
  ///
  /// - Throws: `RanksError.differs`; `FederationError.cannotShare`.
  func meet(datasetHash: String, point: ResumePoint?) async throws {
    guard isShared else { return }
    if options.audit != nil {
      throw FederationError.cannotShare(
        reason:
          "what an audit sees of its canaries stays with one process; start it without mpirun or srun"
      )
    }
    if scenario.privacy.unit == .client, !scenario.isReproducible {
      throw FederationError.cannotShare(
        reason:
          "every rank adds the server's noise, and privacy.randomness \"system\" would give each another; use "
          + "\"seeded\", or one process")
    }
    try await options.ranks.agree(on: [
      (name: "scenario", value: scenario.hash), (name: "data set", value: datasetHash),
      (
        name: "point to go on from",
        value: "\(point?.round ?? 0) \(point?.ledger.count ?? 0) \(point?.checkpoint?.digest ?? "")"
      ),
    ])
  }

  /// Parameters that rank 0 has come to, on every rank.
  func shared(_ parameters: [Float]?) async throws -> [Float] {
    guard isShared else { return parameters ?? [] }
    var message = MessageWriter()
    message.add(parameters ?? [])
    var reader = MessageReader(try await options.ranks.broadcast(message.bytes))
    return try reader.floats()
  }

  /// Who carries out the work of clients.
  func executor(clients: [Client], lanes: LanePool, context: MethodContext) -> any ClientExecutor {
    let lanes = LaneExecutor(clients: clients, lanes: lanes)
    guard isShared else { return lanes }
    return RankExecutor(
      ranks: options.ranks, lanes: lanes, plans: context.clients.map(\.plan),
      homes: homes(context), request: options.stopRequest)
  }

  /// Where clients keep something from round to round (cached features, the divergences of their examples) each has
  /// one rank, by what is expected of it in the whole run; nil where every round deals anew.
  private func homes(_ context: MethodContext) -> [Int]? {
    guard scenario.privacy.individual || context.plan.featureBytesPerRow > 0 else { return nil }
    let costs = context.clients.map { client in
      max(1, context.schedule.participations(of: client.index) * client.plan.stepsPerRound)
        * client.plan.batchSize
    }
    return LongestFirst.deal(costs, ranks: options.ranks.size)
  }

  /// Rounds after which ranks compare their models.
  private static let comparedEvery = 50

  /// Compares the state of ranks now and then, and at the end.
  ///
  /// - Throws: `RanksError.diverged`.
  func compare(_ state: FederatedState, digest: String, after round: Int) async throws {
    guard isShared, round.isMultiple(of: Self.comparedEvery) || round == scenario.rounds else {
      return
    }
    var message = MessageWriter()
    message.add(StableHash.of(state.models))
    message.add(digest)
    let all = try await options.ranks.gather(message.bytes)
    guard all.allSatisfy({ $0 == all[0] }) else { throw RanksError.diverged(round: round) }
  }

  /// Numbers of all ranks together.
  func total(_ numbers: [Int]) async throws -> [Int] {
    try await options.ranks.sum(numbers.map(Int64.init)).map { Int($0) }
  }
}

extension RunCheckpoint {
  /// Of all rounds before.
  var digest: String { progress.digest.text }
}
