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
    let compared = try compared(updates, state: state, context: context)
    let found = try AdapterClusters.cluster(
      gram: compared.gram,
      candidates: (numClusters.map { [$0] } ?? candidateClusters).filter { $0 <= updates.count },
      starts: starts, seed: context.scenario.seed)
    state.models = [[Float]](repeating: context.initial, count: found.chosen.clusters)
    state.clustering = try ClusteringReport(found, dimension: compared.dimension)
    // Whoever reported nothing stays with the first.
    let sorted = zip(updates, found.chosen.labels).map { $0.assigned(to: $1) }
    if firstRound == .training {
      // Each cluster begins with the mean of what its members have trained already.
      try state.take(sorted, means: nil, round: round, context: context)
    } else {
      for update in sorted { state.assignment[update.client] = update.model }
    }
  }

  /// Inner products of what was released, and in how many numbers noise alone would differ. Factors that are both trained
  /// are compared by their product: A and B by themselves mean nothing across clients.
  private func compared(
    _ updates: [ClientUpdate], state: FederatedState, context: MethodContext
  ) throws -> (gram: Matrix, dimension: Int) {
    guard context.exchange == nil, context.plan.trainedFactors == .both else {
      let signals = context.clusteringSignals(of: updates, from: state.models)
      // A change B A has more entries than B, and no more freedom.
      return (
        try AdapterClusters.gram(of: signals, zeroed: zeroedShare),
        min(signals.first?.count ?? 0, context.plan.trainableCount)
      )
    }
    let trained = updates.map { update in
      zip(state.models[update.model], update.delta).map { $0 + $1 }
    }
    let factorsB = context.plan.slots.filter { $0.name.hasSuffix(".lora_B") }
    return (
      context.plan.productGram(of: trained, from: context.initial),
      factorsB.reduce(0) { $0 + $1.count }
    )
  }
}

extension ClusteringReport {
  /// - Parameter dimension: in how many numbers adapters of noise would differ.
  init(_ found: AdapterClusters, dimension: Int) throws(ClusteringError) {
    let chosen = found.chosen
    let points = try PrincipalComponents.fit(
      found.cosines, options: PrincipalComponents.Options(components: 2)
    ).points
    self.init(
      chosenClusters: chosen.clusters,
      candidates: found.candidates.map {
        Candidate(
          clusters: $0.clusters, minSeparationScore: nil, maxPairwiseOverlap: nil, bic: nil,
          emIterations: nil, silhouette: $0.silhouette)
      },
      mss: nil, mpo: nil, switchRound: nil,
      isConfident: chosen.clusters == 1
        || (found.meanCosineWithin ?? 0) >= found.noiseCeiling(dimension: dimension),
      projection: (0..<points.rows).map { points.row($0) },
      posteriors: chosen.labels.map { label in
        (0..<chosen.clusters).map { $0 == label ? 1 : 0 }
      })
  }
}
