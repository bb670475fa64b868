// k-means on first updates, and clustered federated learning by recursive bipartition. Both look at released updates
// alone: clustering is post-processing and costs no privacy.

package import Clustering
import Kernels
public import Scenarios

extension Scenario.KMeansClusters: SamplingMethod, RunnableMethod {
  public func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    .clusteringFirst(client, noiseRatio: firstRoundNoiseRatio, in: context)
  }

  public func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }

  public func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    round == 0
      ? .fullBatch(context: context, learningRate: nil)
      : .assigned(round: round, state: state, context: context)
  }

  public func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    guard round == 0 else {
      try state.take(updates, means: means, round: round, context: context)
      return
    }
    let points = try components(of: updates, state: state, context: context, placesOthers: false)
      .points
    adopt(try clusters(of: points, context: context), into: &state, context: context)
  }

  private func components(
    of updates: [ClientUpdate], state: FederatedState, context: MethodContext, placesOthers: Bool
  ) throws -> PrincipalComponents {
    var options = UpdateClusteringOptions.recommended(candidates: [numClusters]).components
    options.keepsLoadings = placesOthers
    return try PrincipalComponents.fit(
      context.clusteringSignals(of: updates, from: state.models), options: options)
  }

  private func clusters(of points: Matrix, context: MethodContext) throws -> KMeans {
    try KMeans.fit(points, clusters: numClusters, starts: starts, seed: context.scenario.seed)
  }

  private func adopt(_ found: KMeans, into state: inout FederatedState, context: MethodContext) {
    state.assignment = Assignment(found.labels)
    state.models = [[Float]](repeating: context.initial, count: numClusters)
  }

  func sampledClusters(
    of sample: [ClientUpdate], state: FederatedState, context: MethodContext
  ) throws -> SampledClusters {
    let components = try components(
      of: sample, state: state, context: context, placesOthers: true)
    let found = try clusters(of: components.points, context: context)
    return SampledClusters(points: components.points) { signal in
      try components.place([signal]).row(0)
    } adopt: { points, state in
      adopt(KMeans(points, centres: found.centres), into: &state, context: context)
    }
  }
}

extension Scenario.RecursiveClusters: FederatedMethod, RunnableMethod {
  public var readsUpdates: Bool { true }

  public func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }

  public func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    if round + 1 >= firstSplitRound {
      for model in state.models.indices {
        split(model, updates: updates.filter { $0.model == model }, state: &state)
      }
    }
    // Each part goes on from its parent by the mean of its own updates.
    let divided = updates.map { $0.assigned(to: state.assignment[$0.client]) }
    try state.take(divided, means: nil, round: round, context: context)
  }

  /// Divides the clients of a model in two, if the conditions hold. Clients whose updates are missing stay with the
  /// first part.
  private func split(_ model: Int, updates: [ClientUpdate], state: inout FederatedState) {
    guard let part = division(of: updates.map(\.delta)) else { return }
    let new = state.models.count
    state.models.append(state.models[model])
    for (update, isSecond) in zip(updates, part.isSecond) where isSecond {
      state.assignment[update.client] = new
    }
  }

  /// The division of a group's updates; nil where it stays together.
  ///
  /// Divided are groups whose mean update is short beside their longest (the paper's conditions 4 and 5, whose bounds are
  /// lengths; as a ratio they need no scale) and whose parts are different and large enough.
  package func division(of updates: [[Float]]) -> Bipartition? {
    guard updates.count >= 2 * minClusterSize, let length = updates.first?.count else { return nil }
    let norms = updates.map { Self.dot($0, $0).squareRoot() }
    guard let longest = norms.max(), longest > 0, norms.allSatisfy({ $0 > 0 }) else { return nil }
    var mean = [Double](repeating: 0, count: length)
    for update in updates {
      for place in mean.indices { mean[place] += Double(update[place]) / Double(updates.count) }
    }
    let meanNorm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard meanNorm < maxMeanNormRatio * longest else { return nil }
    let similarity = updates.indices.map { first in
      updates.indices.map { second in
        Self.dot(updates[first], updates[second]) / (norms[first] * norms[second])
      }
    }
    guard let part = Bipartition(similarity: similarity),
      part.crossSimilarity <= maxCrossSimilarity
    else { return nil }
    let second = part.isSecond.count(where: \.self)
    return min(second, updates.count - second) >= minClusterSize ? part : nil
  }

  private static func dot(_ left: [Float], _ right: [Float]) -> Double {
    zip(left, right).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
}
