// What only a simulator sees of a round: accuracies, true clusters, updates without their noise. The server asks for it
// to report it, and can be left without it.

import Clustering
import Datasets
import Kernels
import Learning
import Scenarios

/// Looks at a run from outside: nothing that it finds goes back into training.
struct SimulationProbe: Sendable {
  let context: MethodContext
  let clients: [Client]
  let executor: any ClientExecutor
  /// How many clients of each true cluster use each model; nil before the first round.
  private var usage: ModelUsage?

  init(context: MethodContext, clients: [Client], executor: any ClientExecutor) {
    self.context = context
    self.clients = clients
    self.executor = executor
  }

  /// Whether clients share a model exactly where they share a true cluster; nil where nobody knows true clusters, or
  /// the method finds none.
  ///
  /// - Parameter moves: all that changed since the last call, of which there is one for each round.
  mutating func isTrue(_ assignment: Assignment, after moves: [Assignment.Move]) -> Bool? {
    guard context.scenario.method.traits.clusters != .none, context.scenario.knowsClusters else {
      return nil
    }
    let clusterOf = { [context] in context.clients[$0].cluster }
    var current = usage ?? ModelUsage(assignment, clusterOf: clusterOf)
    if usage != nil {
      for move in moves { current.take(move, cluster: clusterOf(move.client)) }
    }
    usage = current
    return current.isOneToOne
  }

  /// Where the updates that were clustered would lie without their noise: a row of two components for each client. It
  /// is gathered beside the method and after it, as the accuracies are.
  ///
  /// - Returns: nil where not every client took part, or kept its update without noise.
  func projectionWithoutNoise(
    of updates: [ClientUpdate], from models: [[Float]], round: Int
  ) throws -> [[Double]]? {
    let plain = updates.compactMap { update in
      update.deltaWithoutNoise.map { delta in
        context.clusteringSignal(of: delta, by: update, from: models, round: round)
      }
    }
    guard plain.count == context.clients.count, plain.count > 1 else { return nil }
    let points = try PrincipalComponents.fit(
      plain, options: PrincipalComponents.Options(components: 2)
    ).points
    return (0..<points.rows).map { points.row($0) }
  }

  /// - Parameter sample: the clients to look at; nil takes all.
  func evaluate(
    _ state: FederatedState, sample: EvaluationSample?, into report: inout RoundReport
  ) async throws {
    let indices = sample?.clients ?? Array(clients.indices)
    let figures = try await figures(of: indices, state: state, round: report.round - 1)
    var next = 0
    for place in report.clients.indices
    where next < indices.count && report.clients[place].client == indices[next] {
      report.clients[place].testAccuracy = figures[next].accuracy
      report.clients[place].testLoss = figures[next].loss
      next += 1
    }
    report.changes = try await changes(state)
    if let sample {
      report.add(sample, figures: figures)
      return
    }
    report.clusters = context.scenario.population.clusters.indices.map { cluster in
      let members = context.clients.filter { $0.cluster == cluster }.map { figures[$0.index] }
      let count = Double(members.count)
      return ClusterRound(
        cluster: cluster,
        testAccuracy: members.reduce(0) { $0 + $1.accuracy } / count,
        testLoss: members.reduce(0) { $0 + $1.loss } / count)
    }
  }

  /// Clients with their models on their test examples as those are in a round (from 0).
  private func figures(
    of indices: [Int], state: FederatedState, round: Int
  ) async throws -> [TestFigures] {
    let (clients, traits) = (clients, context.scenario.method.traits)
    return try await executor.figures(of: indices, cost: \.test.count) { index, lane in
      try await clients[index].evaluate(
        ServedModel(of: index, in: state, traits: traits), round: round, on: lane)
    }
  }

  /// Where data change: how well models do on them before and after the change, whichever is in force.
  private func changes(_ state: FederatedState) async throws -> [ChangeRound]? {
    let changing = context.clients.filter { $0.earlier != nil }
    guard !changing.isEmpty else { return nil }
    let indices = changing.map(\.index)
    let old = try await figures(of: indices, state: state, round: 0)
    let new = try await figures(of: indices, state: state, round: .max)
    return Set(changing.map(\.cluster)).sorted().map { cluster in
      let places = changing.indices.filter { changing[$0].cluster == cluster }
      func mean(_ figures: [TestFigures]) -> Double {
        places.reduce(0) { $0 + figures[$1].accuracy } / Double(places.count)
      }
      return ChangeRound(cluster: cluster, old: mean(old), new: mean(new))
    }
  }
}
