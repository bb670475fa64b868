// Compacter: bottleneck adapters whose matrices are sums of Kronecker products.
//
// Mahabadi, Henderson, Ruder, "Compacter: efficient low-rank hypercomplex adapter layers" (2021): D and U =
// Σ_j R_j ⊗ (s_j t_jᵀ) with n rules R_j of n × n that all layers share.

import Kernels

/// y′ = y + U gelu(D y + b_D) + b_U with D and U parametrised by hypercomplex multiplication; the up side's s and
/// the biases start at 0.
///
/// Trained: 2 (k + m) + k + m numbers a host. The shared rules get gradients from every layer and would dominate
/// the norm of every example: they keep their random start (the same for all clients), or are trained where
/// `trainsRule` says so, summed over all uses before the clip. Under DP-SGD s, t and the biases enter the clip and
/// are noised. Not linear, so that adapters do not merge and the mean of clients is inexact.
public struct CompacterAdapter: Adapter, Hashable {
  public let kind = "compacter"
  /// k, a multiple of n.
  public let width: Int
  /// n; divides the width and the outputs of every host.
  public let factors: Int
  public let trainsRule: Bool
  public let targetModules: [String]
  public let modulesToSave: [String]
  public var isMergeable: Bool { false }

  public init(
    width: Int, factors: Int, trainsRule: Bool = false, targetModules: [String],
    modulesToSave: [String] = []
  ) {
    self.width = width
    self.factors = factors
    self.trainsRule = trainsRule
    self.targetModules = targetModules
    self.modulesToSave = modulesToSave
  }

  public func tensors(
    on host: HostSpec, target: Int
  ) throws(ArchitectureError) -> [AdapterTensor] {
    guard factors >= 1, width % factors == 0, host.rows % factors == 0 else {
      throw ArchitectureError(
        description: "adapter.factors: \(factors) must divide the width \(width) and the "
          + "\(host.rows) outputs of \(host.name); choose a common divisor, or another layer")
    }
    let n = factors
    func part(
      _ name: String, _ columns: Int, _ deviation: Double
    ) -> AdapterTensor {
      AdapterTensor(
        name, rows: n, columns: columns,
        start: deviation == 0 ? .constant(0) : .gaussian(deviation: deviation), isTrained: true,
        isSilentAtStart: deviation != 0)
    }
    // Entries of D then have variance 1/outputs, as a bottleneck's.
    let inner = 1 / Double(host.rows).squareRoot()
    return [
      AdapterTensor(
        "phm_rule", rows: n * n, columns: n,
        start: .gaussian(deviation: 1 / Double(n).squareRoot()),
        isTrained: trainsRule, isShared: true, isSilentAtStart: true),
      part("down_s", width / n, 1), part("down_t", host.rows / n, inner),
      AdapterTensor(
        "down_bias", rows: width, columns: 1, start: .constant(0), isTrained: true,
        isSilentAtStart: true),
      part("up_s", host.rows / n, 0), part("up_t", width / n, 1),
      AdapterTensor("up_bias", rows: host.rows, columns: 1, start: .constant(0), isTrained: true),
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {}

  public func makeTerm(_ context: AdapterContext) -> (any AdapterTerm)? {
    BottleneckTerm(
      context, width: width,
      parts: KroneckerBottleneck(factors: factors, width: width, outputs: context.host.rows))
  }
}

/// Σ_j R_j ⊗ (s_j t_jᵀ) and its derivative.
struct KroneckerSum {
  /// n rules, and the sizes of a block: `n·height × n·width` in all.
  let factors: Int
  let height: Int
  let width: Int

  /// Calls `body` for every element: its row-major place, its rule's element, s's and t's.
  private func forEach(_ body: (_ place: Int, _ rule: Int, _ s: Int, _ t: Int) -> Void) {
    let columns = factors * width
    for j in 0..<factors {
      for p in 0..<factors {
        for q in 0..<factors {
          for a in 0..<height {
            for b in 0..<width {
              body(
                (p * height + a) * columns + q * width + b, (j * factors + p) * factors + q,
                j * height + a, j * width + b)
            }
          }
        }
      }
    }
  }

  func values(rule: [Float], s: [Float], t: [Float]) -> [Float] {
    var values = [Float](repeating: 0, count: factors * factors * height * width)
    forEach { values[$0] += rule[$1] * s[$2] * t[$3] }
    return values
  }

  /// The gradients of rule, s and t for a gradient of the values.
  func pullBack(
    _ gradient: [Float], rule: [Float], s: [Float], t: [Float]
  ) -> (rule: [Float], s: [Float], t: [Float]) {
    var result = (
      rule: [Float](repeating: 0, count: rule.count), s: [Float](repeating: 0, count: s.count),
      t: [Float](repeating: 0, count: t.count)
    )
    forEach { place, r, a, b in
      let g = gradient[place]
      result.rule[r] += g * s[a] * t[b]
      result.s[a] += g * rule[r] * t[b]
      result.t[b] += g * rule[r] * s[a]
    }
    return result
  }
}

private final class KroneckerBottleneck: BottleneckParts {
  let downBias = "down_bias"
  let upBias = "up_bias"
  private let down: KroneckerSum
  private let up: KroneckerSum
  private var tensors: [String: [Float]] = [:]

  init(factors: Int, width: Int, outputs: Int) {
    down = KroneckerSum(factors: factors, height: width / factors, width: outputs / factors)
    up = KroneckerSum(factors: factors, height: outputs / factors, width: width / factors)
  }

  func load(_ tensors: [String: [Float]]) { self.tensors = tensors }

  private func factors(_ side: String) -> (rule: [Float], s: [Float], t: [Float]) {
    (tensors["phm_rule"] ?? [], tensors["\(side)_s"] ?? [], tensors["\(side)_t"] ?? [])
  }

  func write(down target: FloatBuffer, up other: FloatBuffer) {
    let (d, u) = (factors("down"), factors("up"))
    target.write(down.values(rule: d.rule, s: d.s, t: d.t))
    other.write(up.values(rule: u.rule, s: u.s, t: u.t))
  }

  func pullBack(
    down downGradient: FloatBuffer, up upGradient: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    for (side, sum, gradient) in [("down", down, downGradient), ("up", up, upGradient)] {
      let own = factors(side)
      let parts = sum.pullBack(gradient.array(), rule: own.rule, s: own.s, t: own.t)
      for (name, values) in [
        ("phm_rule", parts.rule), ("\(side)_s", parts.s), ("\(side)_t", parts.t),
      ] {
        guard let target = place(name) else { continue }
        for (k, value) in values.enumerated() { target.buffer[target.offset + k] += value }
      }
    }
  }
}
