// What answers for a client: one model, alone or with a part of its own, or all of them together.

import Learning
import Scenarios

struct ServedModel: Sendable {
  /// θ of the model that the client uses; of several that answer together, the one with the largest share.
  let model: [Float]
  /// The factors B that it keeps for itself.
  let personal: [Float]?
  /// All models in the client's shares; nil where one answers.
  let mixture: ModelMixture?

  init(of client: Int, in state: FederatedState, traits: MethodTraits) {
    model = state.models[state.assignment[client]]
    personal = state.personal?[client]
    mixture =
      traits.trainsEveryModel
      ? state.posteriors.map { ModelMixture(models: state.models, shares: $0[client]) } : nil
  }
}

extension ModelMixture {
  /// The same shares of other forms of the models.
  func mixing(_ models: [[Float]]) -> ModelMixture { ModelMixture(models: models, shares: shares) }
}
