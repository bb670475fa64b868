// IFCA (Ghosh et al. 2020) made private: every client chooses among M distinct models by the
// exponential mechanism in the first rounds, then stays.

import Kernels
import Learning
public import Scenarios

extension Scenario.Ifca: FederatedMethod, RunnableMethod {
  public func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    var plan = ReleasePlan.training(
      client, rounds: context.schedule.participations(of: client.index))
    if numClusters > 1, let epsilon = client.budget.targetEpsilon {
      plan.selections = context.schedule.participations(
        of: client.index, in: 0..<selection.rounds(of: context.scenario.rounds))
      plan.selectionEpsilon = selection.epsilonRatio * epsilon
    }
    return plan
  }

  public func start(_ context: MethodContext) -> FederatedState {
    FederatedState(
      models: (0..<numClusters).map { distinctModel($0, context) },
      assignment: context.clients.map { _ in 0 })
  }

  /// Models must differ at the start or clients choose at random: noise of a tenth of the typical
  /// size of the weights is added to the common start (for factors B, which start at zero, the size
  /// of a weight of that fan-in).
  private func distinctModel(_ index: Int, _ context: MethodContext) -> [Float] {
    var stream = RandomStream(
      seed: context.scenario.seed, purpose: .initialization, client: index, step: 2)
    var model = context.initial
    for slot in context.plan.slots {
      let values = context.initial[slot.range]
      let power = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(slot.count, 1))
      let size = power > 0 ? power.squareRoot() : 1 / Double(max(slot.rows, 1)).squareRoot()
      for i in slot.range { model[i] += Float(0.1 * size * stream.nextGaussian()) }
    }
    return model
  }

  public func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    let selects = numClusters > 1 && round < selection.rounds(of: context.scenario.rounds)
    return .assigned(round: round, state: state, context: context, selects: selects)
  }
}
