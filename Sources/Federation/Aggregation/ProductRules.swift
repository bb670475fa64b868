// Rules that need the single products B_k A_k: exact, or nearly so, and not to be had from sums of factors
// by secure aggregation. "Noise-free" in their papers means without averaging error, not without DP noise.
//
// FlexLoRA: Bai et al. 2024. FLoRA: Wang et al. 2024. FedEx-LoRA: Singhal et al. 2025. LoRA-FAIR: Bian et
// al. 2025.

import Kernels
public import Learning
public import Scenarios

/// FlexLoRA: the averaged product, cut to the rank of the adapter by its singular values. A client of
/// smaller rank gets the largest of them.
extension Scenario.FlexLoRA: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    var model = input.start
    for (layer, mean) in input.meanProducts.enumerated() {
      let scale = model.layers[layer].scale
      let (b, a) = try mean.scaled(by: 1 / scale).bestFactors(rank: model.layers[layer].a.rows)
      model.layers[layer] = LayerFactors(a: a, b: b, scale: scale)
    }
    return model
  }
}

/// FLoRA: B = [B_1 … B_K], A = [p_1 A_1; …; p_K A_K]; B A goes into the frozen weights and every round starts
/// with fresh factors.
extension Scenario.FLoRA: AggregationRule {
  public var keepsResidual: Bool { true }

  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    var model = input.start
    var stream = RandomStream(
      seed: input.seed, purpose: .initialization, round: input.round, client: input.model, step: 3)
    for layer in model.layers.indices {
      let stacked = Self.stacked(input.clients.map { $0[layer] })
      model.residual[layer] = model.residual[layer].adding(stacked.product)
      let old = model.layers[layer]
      let deviation = 1 / Double(old.a.rows).squareRoot()
      model.layers[layer] = LayerFactors(
        a: Matrix(
          rows: old.a.rows, columns: old.a.columns,
          elements: old.a.elements.map { _ in deviation * stream.nextGaussian() }),
        b: Matrix(rows: old.b.rows, columns: old.b.columns), scale: old.scale)
    }
    return model
  }

  /// One adapter of rank Σ r_k whose product is Σ p_k B_k A_k; the weights go to the A blocks alone.
  static func stacked(_ clients: [LayerFactors]) -> LayerFactors {
    let weight = 1 / Double(clients.count)
    let scale = clients.first?.scale ?? 1
    return LayerFactors(
      a: Matrix(
        rows: clients.flatMap { client in
          (0..<client.a.rows).map { client.a.row($0).map { weight * $0 } }
        }),
      b: Matrix(
        rows: clients.flatMap { client in
          let columns = client.b.transposed
          return (0..<columns.rows).map { columns.row($0) }
        }
      ).transposed, scale: scale)
  }

  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    min(contributors * (factors.a + factors.b), weights)
  }
}

/// FedEx-LoRA: the means of the factors, and what the product of the means misses into the frozen weights.
extension Scenario.FedExLoRA: AggregationRule {
  public var keepsResidual: Bool { true }

  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    var model = try input.withMeanFactors()
    for (layer, mean) in input.meanProducts.enumerated() {
      let missed = mean.adding(model.layers[layer].product, times: -1)
      model.residual[layer] = model.residual[layer].adding(missed)
    }
    return model
  }

  /// The residual has rank (K + 1) r at most and is sent as factors.
  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    let both = factors.a + factors.b
    return both + min((contributors + 1) * both, weights)
  }
}

/// LoRA-FAIR: the means of the factors, then B corrected towards the exact average; in closed form (lora.md
/// B.8): ΔB = (W* − B A) Aᵀ (A Aᵀ + λI)⁻¹. What lies outside of the rows of A stays missed.
extension Scenario.LoRAFAIR: AggregationRule {
  /// λ of the paper.
  static let regularization = 0.01

  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    var model = try input.withMeanFactors()
    for (layer, mean) in input.meanProducts.enumerated() {
      let factors = model.layers[layer]
      let missed = mean.adding(factors.product, times: -1).scaled(by: 1 / factors.scale)
      let gram = try factors.a.multiplied(by: factors.a.transposed).symmetricEigen()
      var shrunk = gram.vectors
      for k in 0..<shrunk.rows {
        let weight = 1 / (max(gram.values[k], 0) + Self.regularization)
        for j in 0..<shrunk.columns { shrunk[k, j] *= weight }
      }
      let inverse = gram.vectors.transposed.multiplied(by: shrunk)
      let correction = missed.multiplied(by: factors.a.transposed).multiplied(by: inverse)
      model.layers[layer].b = factors.b.adding(correction)
    }
    return model
  }
}
