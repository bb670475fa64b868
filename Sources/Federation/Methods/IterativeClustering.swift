// IFCA (Ghosh et al. 2020) made private: every client chooses among M distinct models by the
// exponential mechanism in its first rounds, then stays.

import Kernels
import Learning
public import Scenarios

extension Scenario.Ifca: FederatedMethod, RunnableMethod {
  public func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    var plan = ReleasePlan.training(
      client, rounds: context.schedule.participations(of: client.index))
    if numClusters > 1, let epsilon = client.budget.targetEpsilon {
      plan.selections = min(
        context.schedule.participations(of: client.index),
        selection.rounds(of: context.scenario.rounds))
      plan.selectionEpsilon = selection.epsilonRatio * epsilon
    }
    return plan
  }

  public func start(_ context: MethodContext) -> FederatedState {
    FederatedState(
      models: context.distinctModels(numClusters), assignment: context.clients.map { _ in 0 })
  }

  /// A client chooses in the first rounds that it is drawn for, whenever those are: it has to choose before it stays.
  public func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    let choices = numClusters > 1 ? selection.rounds(of: context.scenario.rounds) : 0
    let selection = ClientTask.Selection(candidates: Array(state.models.indices))
    let tasks = context.schedule.cohort(round: round).map { client in
      ClientTask(
        client: client, model: state.assignment[client],
        selection: context.schedule.isAmongFirst(choices, round: round, of: client)
          ? selection : nil)
    }
    return RoundTasks(
      stage: tasks.contains { $0.selection != nil } ? .selection : .training, tasks: tasks)
  }
}

extension MethodContext {
  /// Models that differ at the start, or clients would choose at random: noise of a tenth of the typical
  /// size of the weights is added to the common start (for factors B, which start at zero, of a tenth of 1/√outputs).
  /// Where the adapted weights themselves are trained, by way of factors that are others in every step, those differ.
  func distinctModels(_ count: Int) -> [[Float]] {
    (0..<count).map { index in
      var stream = RandomStream(
        seed: scenario.seed, purpose: .initialization, client: index, step: 2)
      var model = initial
      if let exchange, exchange.rule.trainsWeights {
        var offset = plan.trainableCount
        for layer in plan.adaptedLayers {
          let size = Self.size(of: exchange.base[layer.weight.range], rows: layer.rows)
          for i in offset..<offset + layer.weight.count {
            model[i] += Float(0.1 * size * stream.nextGaussian())
          }
          offset += layer.weight.count
        }
        return model
      }
      for slot in plan.slots {
        let size = Self.size(of: initial[slot.range], rows: slot.rows)
        for i in slot.range { model[i] += Float(0.1 * size * stream.nextGaussian()) }
      }
      return model
    }
  }

  /// Root of the mean square; 1/√rows for zeros.
  private static func size(of values: ArraySlice<Float>, rows: Int) -> Double {
    let power = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(values.count, 1))
    return power > 0 ? power.squareRoot() : 1 / Double(max(rows, 1)).squareRoot()
  }
}
