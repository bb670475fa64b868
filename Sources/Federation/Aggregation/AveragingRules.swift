// Rules that average factors: each round is linear in what it averages, or says that it is not.
//
// FedIT: Zhang et al. 2023. FFA-LoRA: Sun et al. 2024. RoLoRA: Chen et al. 2024. FedSA-LoRA: Guo et al. 2025.

import Kernels
public import Learning
public import Scenarios

/// FedIT: A and B are averaged apart, so products do not average.
extension Scenario.FedIT: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    try input.withMeanFactors()
  }
}

/// FFA-LoRA: A stays at its common start; the product is linear in B, the average exact.
extension Scenario.FFALoRA: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.b] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    try input.withMeanFactors()
  }

  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    factors.b
  }
}

/// RoLoRA: B in one round, A in the next; each round's average is exact.
extension Scenario.RoLoRA: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [round % 2 == 0 ? .b : .a] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    try input.withMeanFactors()
  }

  /// The factor that the round before averaged.
  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    trained == .b ? factors.a : factors.b
  }
}

/// FedSA-LoRA: both are trained, A is shared, B stays with its client, which therefore has a model of its
/// own.
extension Scenario.FedSALoRA: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    var model = try input.withMeanFactors()
    // The server sees no B: that of its own model stays at zero.
    for layer in model.layers.indices { model.layers[layer].b = input.start.layers[layer].b }
    return model
  }

  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    factors.a
  }
}

/// FedSVD (Lee et al. 2025): B is trained and averaged; before every round the server writes the same
/// product as (U S)(Vᵀ), so that A has orthonormal rows and does not lengthen gradients before they are
/// clipped.
extension Scenario.FedSVD: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.b] }

  public func prepared(_ model: AdapterModel, for trained: TrainedFactors) throws -> AdapterModel {
    var model = model
    for index in model.layers.indices {
      model.layers[index] = try model.layers[index].orthonormalized()
    }
    return model
  }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    try input.withMeanFactors()
  }
}

/// FedASK (arXiv:2507.09990): B is trained beside a common A; after a round the mean product Σ p_k B_k A = U S Vᵀ is written as
/// B = U S^½ and A = S^½ Vᵀ.
///
/// The paper finds U, S and V from two random sketches of the clients' products. With a common A they hold no more than the mean
/// of B does, which is one sum and not two. It clips ∂L/∂W and multiplies its noisy sum by Aᵀ; here ∂L/∂B is clipped and noised, as
/// in every rule: it is what is released, and clipping more would only shorten it.
extension Scenario.FedASK: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.b] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    var model = try input.withMeanFactors()
    for index in model.layers.indices {
      model.layers[index] = try model.layers[index].orthonormalized().sharingLengths()
    }
    return model
  }
}

extension LayerFactors {
  /// The same product with orthonormal rows of A, and orthogonal columns of B by descending length: its singular values.
  fileprivate func orthonormalized() throws -> LayerFactors {
    let (r, q) = a.orthonormalRows()
    let rotated = b.multiplied(by: r)
    // B R = U S Vᵀ with a small orthogonal V: nothing is divided, so a B of zero is no special case.
    let v = try rotated.transposed.multiplied(by: rotated).symmetricEigen().vectors
    return LayerFactors(
      a: v.multiplied(by: q), b: rotated.multiplied(by: v.transposed), scale: scale)
  }

  /// With the root of each column's length on the row beside it. Where that is 0 the row stays as it is: with both at 0 neither
  /// could ever be trained again.
  fileprivate func sharingLengths() -> LayerFactors {
    var (a, b) = (a, b)
    for k in 0..<a.rows {
      let root = (0..<b.rows).reduce(0) { $0 + b[$1, k] * b[$1, k] }.squareRoot().squareRoot()
      guard root > 0 else { continue }
      for i in 0..<b.rows { b[i, k] /= root }
      for j in 0..<a.columns { a[k, j] *= root }
    }
    return LayerFactors(a: a, b: b, scale: scale)
  }
}

/// DEeR (Zhu et al. 2024): in every round first B is trained and averaged, then A.
///
/// Its regulator clips the change of the product, ‖ΔB A‖ ≤ C, adds noise E in the space of the weights and
/// takes (ΔB A + E) A⁺. Here the server first writes the same product with orthonormal rows of A (columns
/// of B): then ‖ΔB A‖ = ‖ΔB‖ and E A⁺ = E Aᵀ is white noise, so that the clip and the noise of DP-SGD on the
/// factor are those of the regulator, for A and B of any size. The published code clips ‖ΔB‖ alone, which
/// gives an A with a singular value above 1 less noise than it claims.
extension Scenario.DEeR: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.b, .a] }

  public func prepared(_ model: AdapterModel, for trained: TrainedFactors) -> AdapterModel {
    var model = model
    for layer in model.layers.indices {
      let (a, b) = (model.layers[layer].a, model.layers[layer].b)
      if trained == .b {
        let (r, q) = a.orthonormalRows()
        model.layers[layer].a = q
        model.layers[layer].b = b.multiplied(by: r)
      } else {
        let (r, q) = b.transposed.orthonormalRows()
        model.layers[layer].b = q.transposed
        model.layers[layer].a = r.transposed.multiplied(by: a)
      }
    }
    return model
  }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    try input.withMeanFactors()
  }

  /// The factor that the phase before averaged; the rotation every client can compute.
  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    trained == .b ? factors.a : factors.b
  }
}

/// Kinds without A and B: vectors of trained numbers are averaged, and the rule is never asked.
extension Scenario.PlainMean: AggregationRule {
  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  public func aggregate(_ input: AggregationInput) throws -> AdapterModel {
    try input.withMeanFactors()
  }
}
