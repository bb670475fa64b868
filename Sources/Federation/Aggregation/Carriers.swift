// Reparametrised gradient perturbation: per-example gradients with respect to two thin carriers instead of the weights.
//
// Yu, Zhang, Chen, Yin, Liu, "Large scale private learning via low-rank reparametrization" (ICML 2021), algorithm 1,
// with minus in the reconstruction: then it is the orthogonal projection of the gradient on {L X + Y R}. Part of the
// published code adds that term.

package import Kernels

/// The carriers of one weight matrix W: L (outputs × r) with orthonormal columns, R (r × inputs) with orthonormal rows.
package struct GradientCarriers: Sendable {
  package let l: Matrix
  package let r: Matrix

  /// The singular vectors of a change of weights: its tangent space is {L X + Y R}.
  ///
  /// - Throws: `EigenError`.
  package init(tangentAt change: Matrix, rank: Int) throws(EigenError) {
    let (b, a) = try change.bestFactors(rank: rank)
    l = b.transposed.orthonormalRows().q.transposed
    r = a
  }

  /// One step of the power method on `target`, from random rows.
  ///
  /// Target and start depend on released weights and the seed alone, so that choosing carriers costs no privacy.
  package init(target: Matrix, rank: Int, using stream: inout RandomStream) {
    let start = Matrix(
      rows: target.columns, columns: rank,
      elements: (0..<target.columns * rank).map { _ in stream.nextGaussian() })
    l = target.multiplied(by: start).transposed.orthonormalRows().q.transposed
    r = l.transposed.multiplied(by: target).orthonormalRows().q
  }

  /// W − L R, which stays frozen during the step.
  package func remainder(of weights: Matrix) -> Matrix {
    weights.adding(l.multiplied(by: r), times: -1)
  }

  /// ∂L R + L ∂R − L Lᵀ ∂L R.
  package func reconstruct(dL: Matrix, dR: Matrix) -> Matrix {
    let left = dL.multiplied(by: r)
    let core = l.transposed.multiplied(by: dL).multiplied(by: r)
    return left.adding(l.multiplied(by: dR.adding(core, times: -1)))
  }

  /// L X (I − Rᵀ R) + Y R: the tangent with these coordinates (`TangentAdapter`), where noise has put some of X beside them.
  package func tangent(x: Matrix, y: Matrix) -> Matrix {
    let inside = x.multiplied(by: r.transposed).multiplied(by: r)
    return l.multiplied(by: x.adding(inside, times: -1)).adding(y.multiplied(by: r))
  }

  /// The part of the change of weights in the carriers' rows: with L as it is, the best of rank r.
  package func retracted(_ change: Matrix) -> Matrix {
    l.multiplied(by: l.transposed.multiplied(by: change))
  }
}
