// The weights that a run's models amount to, and what can be said of them: how well adapters were
// averaged, and whether weights moved at all.

import Learning

/// Whole models at the end of a run.
struct WholeModels {
  let byModel: [[Float]]
  /// Where clients keep factors of their own, the model of each.
  let byClient: [[Float]]?
}

extension MethodContext {
  func wholeModels(of state: FederatedState, frozen: FrozenParameters) -> WholeModels {
    guard let exchange else {
      return WholeModels(
        byModel: state.models.map { plan.merged(frozen: frozen, trainable: $0) }, byClient: nil)
    }
    return WholeModels(
      byModel: state.models.map { exchange.whole($0, personal: nil) },
      byClient: state.personal.map { personal in
        zip(state.assignment, personal).map {
          exchange.whole(state.models[$0], personal: $1)
        }
      })
  }

  /// The error of a plain average of parameter vectors against the exact average of products; nil without
  /// an adapter or without updates.
  func averagingError(
    of updates: [ClientUpdate], from before: [[Float]], to after: [[Float]]
  ) -> Double? {
    guard plan.adapter != nil else { return nil }
    func factors(_ theta: [Float]) -> [LayerFactors] {
      AdapterLayout.factors(of: plan, trainable: theta, frozen: self.factors)
    }
    var (missed, whole) = (0.0, 0.0)
    for index in before.indices {
      let clients = updates.filter { $0.model == index }.map { update in
        factors(zip(before[index], update.delta).map { $0 + $1 })
      }
      guard !clients.isEmpty else { continue }
      let input = AggregationInput(
        start: AdapterModel(layers: factors(before[index])), clients: clients,
        trained: plan.trainedFactors ?? .both)
      let (error, size) = input.error(of: AdapterModel(layers: factors(after[index])))
      missed += error
      whole += size
    }
    return whole > 0 ? (missed / whole).squareRoot() : nil
  }

  /// A warning where training left the weights of a model as they were: a fault of the set-up that
  /// accuracies alone may hide. Models without clients are left out.
  func untrainedWarning(_ models: WholeModels, base: [Float], assignment: Assignment) -> [String] {
    guard plan.adapter != nil else { return [] }
    let used = Set(assignment).sorted()
    let still =
      models.byClient.map { clients in
        used.filter { model in
          zip(assignment, clients).allSatisfy { $0 != model || $1 == base }
        }
      } ?? used.filter { models.byModel[$0] == base }
    return Self.warning(of: still)
  }

  /// The same where models are not merged: parameters that are as they began. Says nothing where clients keep
  /// factors of their own.
  func untrainedWarning(_ state: FederatedState) -> [String] {
    guard state.personal == nil else { return [] }
    return Self.warning(
      of: Set(state.assignment).sorted().filter { state.models[$0] == initial })
  }

  private static func warning(of still: [Int]) -> [String] {
    guard !still.isEmpty else { return [] }
    let names = still.map(String.init).joined(separator: ", ")
    return [
      "the weights of model \(names) are those of the base model: no training reached them; check "
        + "adapter.target_modules, local.learning_rate and the clients of the model"
    ]
  }
}
