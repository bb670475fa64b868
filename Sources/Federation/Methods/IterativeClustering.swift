// IFCA (Ghosh et al. 2020) made private: every client chooses among M distinct models by the
// exponential mechanism in the first rounds, then stays.

import Kernels
import Learning
import Scenarios

struct IterativeClustering: FederatedMethod {
  let settings: Scenario.Ifca
  let findsClusters = true

  /// Rounds in which clients select: the stated share, at least one.
  func selectionRounds(_ scenario: Scenario) -> Int {
    selectionRoundCount(ratio: settings.selectionRoundsRatio, rounds: scenario.rounds)
  }

  func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    var plan = ReleasePlan.training(
      client, rounds: context.schedule.participations(of: client.index))
    if settings.numClusters > 1, let epsilon = client.budget.targetEpsilon {
      plan.selections = context.schedule.participations(
        of: client.index, in: 0..<selectionRounds(context.scenario))
      plan.selectionEpsilon = settings.selectionEpsilonRatio * epsilon
    }
    return plan
  }

  func start(_ context: MethodContext) -> FederatedState {
    FederatedState(
      models: (0..<settings.numClusters).map { distinctModel($0, context) },
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

  func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    let selects = settings.numClusters > 1 && round < selectionRounds(context.scenario)
    return .assigned(round: round, state: state, context: context, selects: selects)
  }
}

/// Rounds of private selection: a share of all rounds, at least one unless the share is zero.
func selectionRoundCount(ratio: Double, rounds: Int) -> Int {
  guard ratio > 0 else { return 0 }
  return min(rounds, max(1, Int((ratio * Double(rounds)).rounded())))
}
