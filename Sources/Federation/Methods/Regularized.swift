// FedProx, Ditto and SCAFFOLD. What draws or corrects the local model is added after the noise of a step: it depends on
// what was released before, so it costs no privacy, and inside the clip it would eat the gradient's share.

import Kernels
public import Scenarios

extension Scenario.FedProx: FederatedMethod, RunnableMethod {
  public func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }

  public func tasks(
    round: Int, state: FederatedState, context: MethodContext
  ) -> RoundTasks {
    let pull = LocalWork.Regularizer(lambda: Float(mu), center: state.models[0])
    return RoundTasks(
      stage: .training,
      tasks: context.schedule.cohort(round: round).map {
        ClientTask(client: $0, model: 0, regularizer: pull)
      })
  }
}

/// Model 0 is the global one, model 1 + i that of client i, which uses it.
extension Scenario.Ditto: FederatedMethod, RunnableMethod {
  public func start(_ context: MethodContext) -> FederatedState {
    FederatedState(
      models: [[Float]](repeating: context.initial, count: context.clients.count + 1),
      assignment: context.clients.map { $0.index + 1 })
  }

  public func tasks(
    round: Int, state: FederatedState, context: MethodContext
  ) -> RoundTasks {
    let cohort = context.schedule.cohort(round: round)
    guard Self.isPersonal(round: round) else {
      return RoundTasks(
        stage: .training, tasks: cohort.map { ClientTask(client: $0, model: 0) })
    }
    let pull = LocalWork.Regularizer(lambda: Float(lambda), center: state.models[0])
    return RoundTasks(
      stage: .training,
      tasks: cohort.map {
        ClientTask(client: $0, model: $0 + 1, regularizer: pull, sendsUpdate: false)
      })
  }

  public func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    // Whoever trains the global model goes on using its own.
    let assignment = state.assignment
    try state.take(updates, means: means, round: round, context: context)
    state.assignment = assignment
  }

  /// Rounds (from 0) take turns, the global one first.
  package static func isPersonal(round: Int) -> Bool { round % 2 == 1 }
}

/// A step is y ← y − η (g̃ + c − c_i), where g̃ is the noisy gradient; after K of them
/// c_i ← c_i − c − Δ_i / (K η). Since Δ_i was released, c_i is post-processing: unlike option I, which asks for another
/// gradient, it costs nothing.
extension Scenario.Scaffold: FederatedMethod, RunnableMethod {
  public func start(_ context: MethodContext) -> FederatedState {
    var state = FederatedState.common(context)
    state.controls = [[Float]](
      repeating: [Float](repeating: 0, count: context.initial.count),
      count: context.clients.count)
    return state
  }

  public var readsUpdates: Bool { true }

  public func tasks(
    round: Int, state: FederatedState, context: MethodContext
  ) throws(FederationError) -> RoundTasks {
    let controls = state.controls ?? []
    let mean = try Self.mean(controls) ?? []
    return RoundTasks(
      stage: .training,
      tasks: context.schedule.cohort(round: round).map { client in
        ClientTask(
          client: client, model: 0,
          regularizer: LocalWork.Regularizer(
            lambda: 0, center: state.models[0],
            correction: zip(mean, controls[client]).map { $0 - $1 }))
      })
  }

  public func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    var controls = state.controls ?? []
    let mean = try Self.mean(controls) ?? []
    let rate = Float(context.scenario.local.learningRate)
    for update in updates where update.steps > 0 {
      controls[update.client] = Self.control(
        controls[update.client], mean: mean, delta: update.delta,
        scale: Float(update.steps) * rate)
    }
    try state.take(updates, means: means, round: round, context: context)
    state.controls = controls
  }

  /// c_i − c − Δ / (K η).
  package static func control(
    _ control: [Float], mean: [Float], delta: [Float], scale: Float
  ) -> [Float] {
    control.indices.map { control[$0] - mean[$0] - delta[$0] / scale }
  }

  /// c, the mean of all clients' control variates; exact and free of order.
  package static func mean(_ controls: [[Float]]) throws(FederationError) -> [Float]? {
    var sum = FixedPointSum(length: controls.first?.count ?? 0)
    for (client, control) in controls.enumerated() { try sum.add(control, client: client) }
    return sum.mean
  }
}
