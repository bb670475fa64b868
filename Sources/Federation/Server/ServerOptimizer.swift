// How the server moves a model by the mean of the updates to it: FedAvg, FedAvgM (Hsu, Qi, Brown 2019)
// and FedAdam (Reddi et al., "Adaptive federated optimization", ICLR 2021, algorithm 2).

package import Scenarios

/// What an optimiser of the server remembers of each model; a value, so that it can be stored.
public struct ServerMoments: Codable, Hashable, Sendable {
  /// The velocity of FedAvgM, or FedAdam's mean of updates; as long as θ, for every model.
  public var first: [[Float]]
  /// FedAdam's mean of squared updates; empty for FedAvgM.
  public var second: [[Float]]
}

extension FederatedState {
  /// Moves one model by the mean update Δ to it.
  ///
  /// A model that nobody trained in a round is not moved, and its moments stay.
  package mutating func move(
    model index: Int, by mean: [Float], optimizer: Scenario.ServerOptimizer
  ) {
    switch optimizer {
    case .fedAvg:
      for i in mean.indices { models[index][i] += mean[i] }
    case .fedAvgM(let learningRate, let momentum):
      var moments = self.moments ?? ServerMoments(first: zeros, second: [])
      let (rate, kept) = (Float(learningRate), Float(momentum))
      for i in mean.indices {
        moments.first[index][i] = kept * moments.first[index][i] + mean[i]
        models[index][i] += rate * moments.first[index][i]
      }
      self.moments = moments
    case .fedAdam(let learningRate, let betas, let eps):
      var moments = self.moments ?? ServerMoments(first: zeros, second: zeros)
      let (rate, beta1, beta2) = (Float(learningRate), Float(betas.first), Float(betas.second))
      for i in mean.indices {
        let first = beta1 * moments.first[index][i] + (1 - beta1) * mean[i]
        let second = beta2 * moments.second[index][i] + (1 - beta2) * mean[i] * mean[i]
        moments.first[index][i] = first
        moments.second[index][i] = second
        models[index][i] += rate * first / (second.squareRoot() + Float(eps))
      }
      self.moments = moments
    }
  }

  private var zeros: [[Float]] { models.map { [Float](repeating: 0, count: $0.count) } }
}
