// What only a simulator sees of a round: accuracies, true clusters, updates without their noise.

import Clustering
import Datasets
import Kernels
import Learning
import Scenarios

extension Server {
  /// Whether clients share a model exactly where they share a true cluster.
  var assignmentIsTrue: Bool {
    var modelOf = [Int](repeating: -1, count: context.scenario.population.clusters.count)
    for (cluster, model) in zip(trueClusters, state.assignment) {
      guard modelOf[cluster] == model || modelOf[cluster] < 0 else { return false }
      modelOf[cluster] = model
    }
    let found = modelOf.filter { $0 >= 0 }
    return Set(found).count == found.count
  }

  /// Where the updates that were clustered would lie without their noise. It is gathered beside the
  /// method and after it, as the accuracies are.
  func recordTrueProjection(
    of updates: [ClientUpdate], from models: [[Float]], round: Int
  ) throws {
    let plain = updates.compactMap { update in
      update.deltaWithoutNoise.map { delta in
        context.clusteringSignal(of: delta, by: update, from: models, round: round)
      }
    }
    guard state.clustering != nil, plain.count == context.clients.count, plain.count > 1 else {
      return
    }
    let points = try PrincipalComponents.fit(
      plain, options: PrincipalComponents.Options(components: 2)
    ).points
    state.clustering?.projectionWithoutNoise = (0..<points.rows).map { points.row($0) }
  }

  /// - Parameter sample: the clients to look at; nil takes all.
  func evaluate(_ sample: EvaluationSample?, into report: inout RoundReport) async throws {
    let indices = sample?.clients ?? Array(clients.indices)
    let figures = try await figures(of: indices, round: report.round - 1)
    var next = 0
    for place in report.clients.indices
    where next < indices.count && report.clients[place].client == indices[next] {
      report.clients[place].testAccuracy = figures[next].accuracy
      report.clients[place].testLoss = figures[next].loss
      next += 1
    }
    try await recordChanges(into: &report)
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
  func figures(of indices: [Int], round: Int) async throws -> [TestFigures] {
    let (clients, state) = (clients, state)
    return try await executor.figures(of: indices, cost: \.test.count) { index, lane in
      try await clients[index].evaluate(
        state.models[state.assignment[index]], personal: state.personal?[index], round: round,
        on: lane)
    }
  }

  /// Where data change: how well models do on them before and after the change, whichever is in force.
  func recordChanges(into report: inout RoundReport) async throws {
    let changing = context.clients.filter { $0.earlier != nil }
    guard !changing.isEmpty else { return }
    let indices = changing.map(\.index)
    let old = try await figures(of: indices, round: 0)
    let new = try await figures(of: indices, round: .max)
    var changes: [ChangeRound] = []
    for cluster in Set(changing.map(\.cluster)).sorted() {
      let places = changing.indices.filter { changing[$0].cluster == cluster }
      func mean(_ figures: [TestFigures]) -> Double {
        places.reduce(0) { $0 + figures[$1].accuracy } / Double(places.count)
      }
      changes.append(ChangeRound(cluster: cluster, old: mean(old), new: mean(new)))
    }
    report.changes = changes
  }
}
