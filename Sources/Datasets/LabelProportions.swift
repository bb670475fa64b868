// The label proportions that each client is meant to have, before the pool says what there is.

import Foundation
import Kernels

/// Draws one row of label weights for each client.
struct LabelProportions {
  let seed: UInt64
  /// How many examples of each label clients can be given.
  let stock: [Int]
  /// How much of each label earlier clients with shards have asked for, relative to its stock.
  private var load: [Double]

  init(seed: UInt64, stock: [Int]) {
    self.seed = seed
    self.stock = stock
    load = stock.map { _ in 0 }
  }

  /// Non-negative weights with a positive sum, zero for labels without stock.
  mutating func next(_ client: ClientRequest, index: Int) -> [Double] {
    var stream = RandomStream(seed: seed, purpose: .partition, round: 2, client: index)
    switch client.labelSkew {
    case .none: return stock.map(Double.init)
    case .dirichlet(let alpha): return dirichlet(alpha, &stream)
    case .balanced: return stock.map { $0 > 0 ? 1 : 0 }
    case .shards(let labels): return shards(labels, client.trainExamples, &stream)
    }
  }

  /// A Dirichlet draw by Gamma variates, relative to the largest of them.
  ///
  /// Below α = 1 they are kept as α · logarithm, Γ(α) ~ Γ(α + 1) · U^(1/α), so that they stay
  /// comparable where the variates themselves would all be zero.
  private func dirichlet(_ alpha: Double, _ stream: inout RandomStream) -> [Double] {
    var variates: [Double] = []
    for label in stock.indices {
      let variate =
        alpha < 1
        ? alpha * Elementary.log(stream.nextGamma(shape: alpha + 1))
          + Elementary.log(stream.nextOpenUnit())
        : stream.nextGamma(shape: alpha)
      let absent = alpha < 1 ? -Double.infinity : 0
      variates.append(stock[label] > 0 ? variate : absent)
    }
    let largest = variates.max() ?? 0
    return variates.map { alpha < 1 ? Elementary.exp(($0 - largest) / alpha) : $0 / largest }
  }

  private mutating func shards(
    _ labels: Int, _ examples: Int, _ stream: inout RandomStream
  ) -> [Double] {
    let ties = stock.map { _ in stream.nextUnit() }
    let order = stock.indices.filter { stock[$0] > 0 }
      .sorted { (load[$0], ties[$0]) < (load[$1], ties[$1]) }
    var weights = stock.map { _ in 0.0 }
    for label in order.prefix(labels) {
      weights[label] = 1
      load[label] += Double(examples) / (Double(min(labels, order.count)) * Double(stock[label]))
    }
    return weights
  }
}
