// How rows choose among low-rank experts, and what an expert is: weights by prototypes, the directions of input that each
// expert stretches most (Ostapenko et al., arXiv:2405.11157, "Arrow").

public import Kernels

/// How rows are shared among experts.
public enum ExpertRouting: Sendable, Hashable {
  /// Softmax over the `topK` largest |⟨v_e, h⟩| / `temperature`, v_e the prototype of expert e: for each row, or for
  /// an example by the mean over its rows.
  case arrow(byExample: Bool, topK: Int, temperature: Double)
  /// All alike: the uniform merge of the products.
  case uniform

  /// The published choice: at most four experts, temperature 1.
  public static func arrow(byExample: Bool) -> ExpertRouting {
    .arrow(byExample: byExample, topK: 4, temperature: 1)
  }

  /// The weights of experts by their logits; they add up to 1. Of equal logits the first are kept.
  public func weights(of logits: [Double]) -> [Double] {
    let count = logits.count
    guard case .arrow(_, let topK, let temperature) = self else {
      return [Double](repeating: 1 / Double(count), count: count)
    }
    let kept = logits.indices.sorted {
      logits[$0] == logits[$1] ? $0 < $1 : logits[$0] > logits[$1]
    }.prefix(max(topK, 1))
    let largest = kept.first.map { logits[$0] } ?? 0
    var weights = [Double](repeating: 0, count: count)
    var total = 0.0
    for expert in kept {
      weights[expert] = Elementary.exp((logits[expert] - largest) / temperature)
      total += weights[expert]
    }
    return weights.map { $0 / total }
  }
}

/// One expert: low-rank factors and heads by the names of their hosts.
public struct RoutedExpert: Sendable {
  public struct Factors: Sendable {
    /// rank × inputs, and outputs × rank with the scale in it.
    public let a: Matrix
    public let b: Matrix

    public init(a: Matrix, b: Matrix) {
      self.a = a
      self.b = b
    }

    /// The unit vector of inputs that B A stretches most; its sign is arbitrary. Zero where B A is.
    ///
    /// With M = A Aᵀ and N = Bᵀ B it is Aᵀ M^(−½) u, u the first eigenvector of M^½ N M^½: r × r alone.
    public func prototype() throws(EigenError) -> [Double] {
      let inner = try a.multiplied(by: a.transposed).symmetricEigen()
      let floor = (inner.values.first ?? 0) * 1e-12
      let kept = inner.values.indices.filter { inner.values[$0] > floor && inner.values[$0] > 0 }
      guard !kept.isEmpty else { return [Double](repeating: 0, count: a.columns) }
      // Rows of `turned` are √λ u_k: B A = (B U Λ^½)(Λ^(−½) Uᵀ A), the second with orthonormal rows.
      var roots = Matrix(rows: kept.count, columns: a.rows)
      var inverse = Matrix(rows: kept.count, columns: a.rows)
      for (place, k) in kept.enumerated() {
        let root = inner.values[k].squareRoot()
        for i in 0..<a.rows {
          roots[place, i] = root * inner.vectors[k, i]
          inverse[place, i] = inner.vectors[k, i] / root
        }
      }
      let turned = b.multiplied(by: roots.transposed)
      let eigen = try turned.transposed.multiplied(by: turned).symmetricEigen()
      guard let most = eigen.values.first, most > 0 else {
        return [Double](repeating: 0, count: a.columns)
      }
      let first = Matrix(rows: 1, columns: kept.count, elements: eigen.vectors.row(0))
      return first.multiplied(by: inverse.multiplied(by: a)).elements
    }
  }

  /// A layer that was trained whole: what it adds to the base's weights, `outputs × inputs`, and biases.
  public struct Head: Sendable {
    public let weight: [Float]
    public let bias: [Float]

    public init(weight: [Float], bias: [Float]) {
      self.weight = weight
      self.bias = bias
    }
  }

  public let factors: [String: Factors]
  public let heads: [String: Head]

  public init(factors: [String: Factors], heads: [String: Head] = [:]) {
    self.factors = factors
    self.heads = heads
  }
}
