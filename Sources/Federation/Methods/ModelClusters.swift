// Clusters of clients by their first released adapters. Clustering looks at released updates alone: it is
// post-processing and costs no privacy; the round in which they are released is paid as any other.

import Clustering
import Kernels
import Learning
public import Scenarios

extension Scenario.ModelClusters: FederatedMethod, RunnableMethod {
  public func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    switch firstRound {
    case .training:
      .training(client, rounds: context.schedule.participations(of: client.index))
    case .fullBatch:
      .clusteringFirst(client, noiseRatio: firstRoundNoiseRatio, in: context)
    }
  }

  public func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }

  public func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    round == 0 && firstRound == .fullBatch
      ? .fullBatch(context: context, learningRate: nil)
      : .assigned(round: round, state: state, context: context)
  }

  public var readsUpdates: Bool { firstRound == .training }

  public func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    guard round == 0 else {
      try state.take(updates, means: means, round: round, context: context)
      return
    }
    guard !updates.isEmpty else { return }
    let found = try AdapterClusters.cluster(
      gram: gram(of: updates, state: state, context: context),
      candidates: (numClusters.map { [$0] } ?? candidateClusters).filter { $0 <= updates.count },
      starts: starts, seed: context.scenario.seed)
    state.models = [[Float]](repeating: context.initial, count: found.chosen.clusters)
    state.clustering = try ClusteringReport(found, compared: context.plan.trainableCount)
    // Whoever reported nothing stays with the first.
    let sorted = zip(updates, found.chosen.labels).map { $0.assigned(to: $1) }
    if firstRound == .training {
      // Each cluster begins with the mean of what its members have trained already.
      try state.take(sorted, means: nil, round: round, context: context)
    } else {
      for update in sorted { state.assignment[update.client] = update.model }
    }
  }

  /// Inner products of what was released. Factors that are both trained are compared by their product: A and B by
  /// themselves mean nothing across clients.
  private func gram(
    of updates: [ClientUpdate], state: FederatedState, context: MethodContext
  ) throws -> Matrix {
    guard context.exchange == nil, context.plan.trainedFactors == .both else {
      return try AdapterClusters.gram(
        of: context.clusteringSignals(of: updates, from: state.models), zeroed: zeroedShare)
    }
    let trained = updates.map { update in
      zip(state.models[update.model], update.delta).map { $0 + $1 }
    }
    return context.plan.productGram(of: trained, from: context.initial)
  }
}

extension ClusteringReport {
  /// - Parameter compared: numbers of an adapter. Noise alone gives two of them a cosine of about 1/√count.
  init(_ found: AdapterClusters, compared count: Int) throws(ClusteringError) {
    let chosen = found.chosen
    let points = try PrincipalComponents.fit(
      found.cosines, options: PrincipalComponents.Options(components: 2)
    ).points
    let visible = 3 / Double(count).squareRoot()
    self.init(
      chosenClusters: chosen.clusters,
      candidates: found.candidates.map {
        Candidate(
          clusters: $0.clusters, minSeparationScore: nil, maxPairwiseOverlap: nil, bic: nil,
          emIterations: nil, silhouette: $0.silhouette)
      },
      mss: nil, mpo: nil, switchRound: nil,
      isConfident: chosen.clusters == 1 || (found.meanCosineWithin ?? 0) >= visible,
      projection: (0..<points.rows).map { points.row($0) },
      posteriors: chosen.labels.map { label in
        (0..<chosen.clusters).map { $0 == label ? 1 : 0 }
      })
  }
}
