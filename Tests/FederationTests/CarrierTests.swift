// RGP: carriers reparametrise exactly, and what they reconstruct is the projection of the gradient.

import Federation
import Kernels
import Testing

/// Independent standard normal numbers.
func matrix(_ rows: Int, _ columns: Int, _ stream: inout RandomStream) -> Matrix {
  Matrix(
    rows: rows, columns: columns,
    elements: (0..<rows * columns).map { _ in stream.nextGaussian() })
}

func difference(_ a: Matrix, _ b: Matrix) -> Double {
  a.adding(b, times: -1).squaredNorm.squareRoot()
}

@Suite("Gradient carriers")
struct CarrierTests {
  /// Carrier gradients of a weight gradient: ∂L = G Rᵀ, ∂R = Lᵀ G.
  private func reconstructed(_ g: Matrix, _ own: GradientCarriers) -> Matrix {
    own.reconstruct(
      dL: g.multiplied(by: own.r.transposed), dR: own.l.transposed.multiplied(by: g))
  }

  @Test("the reconstruction is idempotent and leaves a rest orthogonal to both carriers")
  func projection() {
    var stream = RandomStream(seed: 1, purpose: .test)
    let own = GradientCarriers(target: matrix(30, 20, &stream), rank: 4, using: &stream)
    let g = matrix(30, 20, &stream)
    let once = reconstructed(g, own)
    #expect(difference(reconstructed(once, own), once) < 1e-12)
    let rest = g.adding(once, times: -1)
    #expect(
      own.l.transposed.multiplied(by: rest).multiplied(by: own.r.transposed).squaredNorm < 1e-24)
    #expect(abs(g.squaredNorm - once.squaredNorm - rest.squaredNorm) < 1e-9)
    // L X + Y R is kept as it is.
    let inside = own.l.multiplied(by: matrix(4, 20, &stream))
      .adding(matrix(30, 4, &stream).multiplied(by: own.r))
    #expect(difference(reconstructed(inside, own), inside) < 1e-10)
  }

  @Test("with plus instead of minus it would be no projection, and further from the gradient")
  func plusSign() {
    var stream = RandomStream(seed: 2, purpose: .test)
    let own = GradientCarriers(target: matrix(30, 20, &stream), rank: 4, using: &stream)
    func plus(_ g: Matrix) -> Matrix {
      let core = own.l.multiplied(by: own.l.transposed).multiplied(by: g)
        .multiplied(by: own.r.transposed).multiplied(by: own.r)
      return reconstructed(g, own).adding(core, times: 2)
    }
    let g = matrix(30, 20, &stream)
    #expect(difference(plus(plus(g)), plus(g)) > 0.1)
    #expect(difference(plus(g), g) > difference(reconstructed(g, own), g))
  }

  @Test("carriers are orthonormal and W = (W − L R) + L R, whatever the target")
  func carriers() {
    var stream = RandomStream(seed: 3, purpose: .test)
    let weights = matrix(6, 9, &stream)
    let thin = matrix(6, 1, &stream).multiplied(by: matrix(1, 9, &stream))
    for target in [weights, thin, Matrix(rows: 6, columns: 9)] {
      let own = GradientCarriers(target: target, rank: 3, using: &stream)
      for gram in [
        own.l.transposed.multiplied(by: own.l), own.r.multiplied(by: own.r.transposed),
      ] {
        for i in 0..<3 { for j in 0..<3 { #expect(abs(gram[i, j] - (i == j ? 1 : 0)) < 1e-10) } }
      }
      let again = own.remainder(of: weights).adding(own.l.multiplied(by: own.r))
      #expect(difference(again, weights) < 1e-12)
    }
    // A target of rank 1 lies in the span of the first carriers.
    let own = GradientCarriers(target: thin, rank: 3, using: &stream)
    #expect(difference(reconstructed(thin, own), thin) < 1e-9)
  }
}
