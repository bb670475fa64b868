// The methods without clustering, and the one that knows the clusters: what R-DPCFL is measured against.

public import Scenarios

/// One model for everybody (DP FedAvg).
extension Scenario.Global: FederatedMethod, RunnableMethod {
  public func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }
}

/// One model for each true cluster: no method can know them, so this bounds what clustering can give.
extension Scenario.Oracle: FederatedMethod, RunnableMethod {
  public func start(_ context: MethodContext) -> FederatedState {
    let count = context.scenario.population.clusters.count
    return FederatedState(
      models: [[Float]](repeating: context.initial, count: count),
      assignment: context.clients.map(\.cluster))
  }
}

/// Every client trains alone; nothing is exchanged.
extension Scenario.LocalModels: FederatedMethod, RunnableMethod {
  public func start(_ context: MethodContext) -> FederatedState {
    .personal(context)
  }

  public func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    RoundTasks(
      stage: .training,
      tasks: context.schedule.cohort(round: round).map {
        ClientTask(client: $0, model: $0, sendsUpdate: false)
      })
  }
}

/// Personal models held together by their mean: min Σ f_i(w_i) + (λ/2)‖w_i − w̄‖² (MR-MTL; Liu et al.,
/// NeurIPS 2022). The pull is added after the noise: it depends on released models alone, so it costs
/// no privacy, and inside the clip it would eat the gradient's share.
extension Scenario.MeanRegularized: FederatedMethod, RunnableMethod {
  public func start(_ context: MethodContext) -> FederatedState {
    .personal(context)
  }

  public func tasks(
    round: Int, state: FederatedState, context: MethodContext
  ) throws(FederationError) -> RoundTasks {
    // The mean of models that everybody has released; exact and free of order.
    var sum = FixedPointSum(length: context.initial.count)
    for (client, model) in state.models.enumerated() { try sum.add(model, client: client) }
    let center = sum.mean ?? context.initial
    let regularizer = LocalWork.Regularizer(lambda: Float(lambda), center: center)
    return RoundTasks(
      stage: .training,
      tasks: context.schedule.cohort(round: round).map {
        ClientTask(client: $0, model: $0, regularizer: regularizer)
      })
  }
}
