// The only case in which a noise-free random projection is differentially private: one released vector M v,
// M = Aᵀ A with A secret, unit vectors, neighbours with alignment at least ρ (lora.md A.6 ii).
//
// Hu et al., "LoRA and privacy: when random projections help (and when they don't)" (2026), theorem 1, with the
// coefficient that a derivation from the density gives and that reproduces their figure.

package import Kernels
import RealModule

/// One release of M v for v in d dimensions.
package struct VectorMechanism: Sendable {
  package let dimension: Int
  package let rank: Int
  /// 1 − ρ.
  package let misalignment: Double

  package init(dimension: Int, rank: Int, misalignment: Double) {
    self.dimension = dimension
    self.rank = rank
    self.misalignment = misalignment
  }

  /// Draws of the privacy loss under v; infinite where the neighbour could not have given the output.
  package func losses(count: Int, using stream: inout RandomStream) -> [Double] {
    let (d, r) = (Double(dimension), Double(rank))
    let rho = 1 - misalignment
    let side = (misalignment * (1 + rho)).squareRoot()
    return (0..<count).map { _ in
      let s = stream.nextGamma(shape: r / 2) * 2 / r
      let xi = stream.nextGaussian()
      let rest = 2 * stream.nextGamma(shape: (d - 2) / 2)
      let neighbour = rho * s + side * (s / r).squareRoot() * xi
      guard neighbour > 0 else { return .infinity }
      let squared = s * s + s / r * (xi * xi + rest)
      return (d + 1 - r) / 2 * Double.log(neighbour / s) + r * squared / 2 * (1 / neighbour - 1 / s)
    }
  }

  /// ε with E[(1 − e^{ε − L})₊] = δ over the draws; infinite where more than δ of them are infinite.
  package static func epsilon(of losses: [Double], delta: Double) -> Double {
    let sorted = losses.sorted(by: >)
    let count = Double(losses.count)
    func exceeds(_ epsilon: Double) -> Bool {
      var total = 0.0
      for loss in sorted {
        guard loss > epsilon else { break }
        total += -Double.expMinusOne(epsilon - loss)
      }
      return total / count > delta
    }
    guard exceeds(0) else { return 0 }
    let largest = sorted.first { $0.isFinite } ?? 0
    guard !exceeds(largest + 1) else { return .infinity }
    return SpecialLaws.bisected(0, largest + 1) { exceeds($0) }
  }

  /// μ = √(2 (1 − ρ) r), as if the noise were normal and independent of the data: a figure for plots, no guarantee.
  package var nominalPrecision: Double { (2 * misalignment * Double(rank)).squareRoot() }

  /// The bound of the theorem; nil where it says nothing.
  package func bound(delta: Double) -> Double? {
    let (d, r) = (Double(dimension), Double(rank))
    let rho = 1 - misalignment
    let side = (misalignment * (1 + rho)).squareRoot()
    let left = 1 - SpecialLaws.student(rho * r.squareRoot() / side, degrees: r)
    let part = (delta - left) / 3
    guard part > 0 else { return nil }
    let k = side / r.squareRoot() * SpecialLaws.studentQuantile(tail: part, degrees: r)
    guard rho > k else { return nil }
    let kappa = SpecialLaws.chiSquareQuantile(1 - part, degrees: d + r - 1)
    let coefficient = (d + 1 - r) / 2
    let logarithm =
      coefficient >= 0
      ? coefficient * Double.log(rho + k) : coefficient * Double.log(rho - k)
    return logarithm + (1 - rho + k) * kappa / (2 * (rho - k))
  }
}
