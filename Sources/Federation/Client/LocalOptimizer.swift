// How a model moves once a gradient is released or public: SGD, momentum, Adam, and the course of the
// learning rate. Post-processing of released values, so none of it costs privacy.

import Foundation
import Kernels
package import Scenarios

/// An optimiser with what it remembers between the steps of one round.
package struct LocalOptimizer: Sendable {
  private let kind: Scenario.Local.Optimizer
  /// The velocity of momentum, or Adam's mean of gradients.
  private var first: [Float]
  /// Adam's mean of squared gradients.
  private var second: [Float] = []
  private var steps = 0

  /// - Parameter count: length of θ.
  package init(_ kind: Scenario.Local.Optimizer, count: Int) {
    self.kind = kind
    let zeros = [Float](repeating: 0, count: count)
    first = kind == .sgd ? [] : zeros
    if case .adam = kind { second = zeros }
  }

  /// One step against the mean gradient `sum / expectedBatch`.
  ///
  /// - Parameters:
  ///   - sum: the noisy sum of a step, as long as θ.
  ///   - expectedBatch: the expected batch size qN, whatever the batch turned out to be.
  package mutating func move(
    _ theta: inout [Float], against sum: [Float], expectedBatch: Float, learningRate: Float
  ) {
    steps += 1
    switch kind {
    case .sgd:
      let scale = learningRate / expectedBatch
      for i in theta.indices { theta[i] -= scale * sum[i] }
    case .momentum(let momentum):
      let (kept, scale) = (Float(momentum), 1 / expectedBatch)
      for i in theta.indices {
        first[i] = kept * first[i] + scale * sum[i]
        theta[i] -= learningRate * first[i]
      }
    case .adam(let betas, let eps):
      let (beta1, beta2, scale) = (Float(betas.first), Float(betas.second), 1 / expectedBatch)
      // The corrections are powers near 1: in double precision, then rounded once.
      let meanScale = learningRate / Float(1 - Elementary.pow(betas.first, Double(steps)))
      let squareScale = 1 / Float(1 - Elementary.pow(betas.second, Double(steps)))
      for i in theta.indices {
        let gradient = scale * sum[i]
        first[i] = beta1 * first[i] + (1 - beta1) * gradient
        second[i] = beta2 * second[i] + (1 - beta2) * gradient * gradient
        theta[i] -= meanScale * first[i] / ((squareScale * second[i]).squareRoot() + Float(eps))
      }
    }
  }
}

extension Scenario.Local.LearningRateSchedule {
  /// The factor of the learning rate.
  ///
  /// - Parameters:
  ///   - round: from 0.
  ///   - progress: the share of the whole run that is done, from 0 to 1.
  package func factor(round: Int, progress: Double) -> Double {
    switch self {
    case .constant: 1
    case .cosine(let last): last + (1 - last) * (1 + Elementary.cos(Double.pi * progress)) / 2
    case .linear(let last): 1 - (1 - last) * progress
    case .step(let every, let gamma): Elementary.pow(gamma, Double(round / every))
    }
  }
}
