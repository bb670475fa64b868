// FedEM (Marfoq et al., arXiv:2108.10252, Algorithm 1) made private. In every round each client weighs each of its examples
// for each model by its posterior (E step), says in which shares the models explain it, and trains all models on the
// same batches (M step). The server averages each model over all clients.

import Kernels
public import Scenarios

extension Scenario.FedEM: FederatedMethod, RunnableMethod {
  /// Steps as many as those of one model: what a record adds to all models' sums together is no longer than the clipping
  /// bound (docs/method.md). The shares are a sum over all examples, once a round.
  public func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    let rounds = context.schedule.participations(of: client.index)
    var plan = ReleasePlan.training(client, rounds: rounds)
    plan.posteriors = rounds
    plan.posteriorNoiseRatio = posteriorNoiseRatio
    return plan
  }

  public func start(_ context: MethodContext) -> FederatedState {
    var state = FederatedState(
      models: context.distinctModels(numClusters), assignment: context.clients.map { _ in 0 })
    let equal = [Double](repeating: 1 / Double(numClusters), count: numClusters)
    state.posteriors = context.clients.map { _ in equal }
    return state
  }

  public func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    RoundTasks(
      stage: .training,
      tasks: context.schedule.cohort(round: round).flatMap { client in
        let mixture = ClientTask.Mixture(prior: state.posteriors?[client] ?? [])
        return state.models.indices.map {
          ClientTask(client: client, model: $0, mixture: mixture)
        }
      })
  }

  public func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    try state.take(updates, means: means, round: round, context: context)
    for update in updates {
      if let shares = update.posterior { state.posteriors?[update.client] = shares }
      guard let shares = state.posteriors?[update.client] else { continue }
      // The most probable model; of equal ones the first.
      state.assignment[update.client] =
        shares.indices.max { (shares[$0], $1) < (shares[$1], $0) } ?? 0
    }
  }
}

/// How far each example counts for each model: the E step.
package enum Responsibilities {
  /// q_m = π_m e^(−ℓ_m) / Σ_k π_k e^(−ℓ_k) of every example; together at most 1, however they were rounded.
  ///
  /// An example's own losses and what was released before decide, so that no record moves what another counts.
  ///
  /// - Parameters:
  ///   - losses: nats, by model and example. One that is not finite counts as infinite.
  ///   - prior: π of the client, by model; not negative.
  /// - Returns: by model and example.
  package static func shares(losses: [[Double]], prior: [Double]) -> [[Float]] {
    let examples = losses.first?.count ?? 0
    var shares = [[Float]](
      repeating: [Float](repeating: 0, count: examples), count: losses.count)
    let total = prior.reduce(0, +)
    for example in 0..<examples {
      let own = losses.map { $0[example] }
      guard let least = own.filter(\.isFinite).min() else {
        for model in own.indices { shares[model][example] = below(prior[model] / total) }
        continue
      }
      let weights = own.indices.map {
        own[$0].isFinite ? prior[$0] * Elementary.exp(least - own[$0]) : 0
      }
      let sum = weights.reduce(0, +)
      guard sum > 0 else { continue }
      for model in own.indices { shares[model][example] = below(weights[model] / sum) }
    }
    return shares
  }

  /// The sums of all examples' shares, by model.
  ///
  /// - Parameter pitch: each share is cut to a multiple of it before, so that the sum is exact; nil leaves them.
  package static func sums(of shares: [[Float]], pitch: Double?) -> [Float] {
    shares.map { shares in
      Float(
        shares.reduce(0.0) { sum, share in
          sum + (pitch.map { (Double(share) / $0).rounded(.down) * $0 } ?? Double(share))
        })
    }
  }

  /// A power of two of which so many multiples of at most 1 add up without rounding in 24 bits: a rounded sum would move by
  /// more than what a record adds.
  package static func pitch(examples: Int) -> Double {
    var pitch = 0x1p-20
    while Double(examples) > 0x1p24 * pitch { pitch *= 2 }
    return pitch
  }

  /// π of the sums of the shares, which may be noisy: what noise alone would give is the least that a model has.
  ///
  /// - Parameters:
  ///   - sums: of all examples' shares, by model.
  ///   - standardDeviation: of the noise in each.
  package static func prior(of sums: [Float], standardDeviation: Double) -> [Double] {
    let sums = sums.map { $0.isFinite ? Double($0) : 0 }
    let held = sums.map { max($0, standardDeviation) }
    let total = held.reduce(0, +)
    guard total > 0 else { return sums.map { _ in 1 / Double(sums.count) } }
    return held.map { $0 / total }
  }

  private static func below(_ share: Double) -> Float {
    let rounded = Float(share)
    return Double(rounded) > share ? rounded.nextDown : rounded
  }
}
