// PRISM: the gradient in the tangent space of the matrices of a rank, in coordinates that keep its length.
//
// PRISM (arXiv:2606.00944): W + Z with Z of rank r. How Z is written as B A is arbitrary, and clip and noise on the factors
// depend on it without bound; the tangent space at Z does not.

import Kernels

/// W′ = W + L R, where L (`rows × r`) has orthonormal columns and R (`r × columns`) orthonormal rows. The tangent space at any
/// matrix L C R of rank r is {L X + Y R}.
///
/// The tensors lora_A and lora_B hold R and L. Their "gradients" are coordinates of the tangent space, not derivatives of
/// the loss by R and L: Y = G Rᵀ and X = Lᵀ G (I − Rᵀ R). L X and Y R are orthogonal to one another, so that
/// ‖X‖² + ‖Y‖² = ‖P G‖² for the projection P G = L X + Y R: what is clipped is the tangent itself, and independent noise on
/// X and Y is the Gaussian mechanism for it. (The published form of this length is tr(dAᵀ dA Bᵀ B) + tr(dBᵀ dB Aᵀ A) +
/// 2 tr((Aᵀ dA)(Bᵀ dB)), with factors of any gauge.)
public struct TangentAdapter: WeightAdapter, Hashable {
  public let kind = "prism"
  public let rank: Int
  public let targetModules: [String]
  public var trainedFactors: TrainedFactors? { .both }

  public init(rank: Int, targetModules: [String]) {
    self.rank = rank
    self.targetModules = targetModules
  }

  public func tensors(
    on host: HostSpec, target: Int
  ) throws(ArchitectureError) -> [AdapterTensor] {
    try LoRAConfiguration(
      rank: rank, loraAlpha: Double(rank), targetModules: targetModules, trained: .both
    ).tensors(on: host, target: target)
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    LoRAConfiguration(
      rank: rank, loraAlpha: Double(rank), targetModules: targetModules, trained: .both
    ).merge(tensors, into: &weights, on: host, target: target)
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    TangentPullback(host, rank: rank)
  }
}

private final class TangentPullback: WeightPullback {
  private let r: MatrixView
  private let l: MatrixView
  /// G Rᵀ and Lᵀ G Rᵀ.
  private let right: MatrixView
  private let core: MatrixView

  init(_ host: HostSpec, rank: Int) {
    func matrix(_ rows: Int, _ columns: Int) -> MatrixView {
      MatrixView(FloatBuffer(count: rows * columns), rows: rows, columns: columns)
    }
    r = matrix(rank, host.columns)
    l = matrix(host.rows, rank)
    right = matrix(host.rows, rank)
    core = matrix(rank, rank)
  }

  func load(_ tensors: [String: [Float]], base: HostWeights) {
    guard let a = tensors["lora_A"], let b = tensors["lora_B"] else { return }
    r.buffer.write(a)
    l.buffer.write(b)
  }

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    multiply(gradient, r, transposeB: true, into: right)
    if let target = place("lora_B") {
      target.buffer.addScaled(
        1, right.buffer, at: 0, to: target.offset, count: right.rows * right.columns)
    }
    if let target = place("lora_A") {
      let x = MatrixView(
        target.buffer, at: target.offset, rows: r.rows, columns: r.columns)
      multiply(l, gradient, transposeA: true, beta: 1, into: x)
      multiply(l, right, transposeA: true, into: core)
      multiply(core, r, alpha: -1, beta: 1, into: x)
    }
  }
}
