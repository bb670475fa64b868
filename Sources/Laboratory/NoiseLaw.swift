// The law of the noise that a frozen random A injects into a gradient: N = G (Aᵀ A − I), entries of A N(0, 1/r).
//
// A row g of n numbers becomes S g + ‖g‖ √(S/r) ξ⊥ with S ~ χ²_r / r and ξ⊥ standard normal beside g; formulas of
// lora.md A.3 and A.4, derived there and checked here by draws. None of this is differential privacy.

package import Kernels
import RealModule

package enum NoiseLaw {
  /// Var N_j = (‖g‖² + (κ − 2) g_j²) / r for entries of A with kurtosis κ, in units of (r τ²)²; κ is 3 for normal
  /// and 1.8 for uniform entries.
  package static func variance(
    squaredNorm: Double, coordinate: Double, rank: Int, kurtosis: Double = 3
  ) -> Double {
    (squaredNorm + (kurtosis - 2) * coordinate * coordinate) / Double(rank)
  }

  /// Cov(N_ij, N_kj) = (⟨g_i, g_k⟩ + g_ij g_kj) / r: rows share A.
  package static func covariance(
    inner: Double, _ first: Double, _ second: Double, rank: Int
  ) -> Double {
    (inner + first * second) / Double(rank)
  }

  /// Total variation between one coordinate of the noise and the normal law of its variance, by quadrature.
  ///
  /// - Parameter c: g_j / ‖g‖, from 0 to 1. Depends on the rank, not on the length of g.
  package static func coordinateDistance(c: Double, rank r: Int) -> Double {
    c >= 1 ? skewDistance(rank: r) : mixtureDistance(c: c, rank: r)
  }

  /// 0.3501 / r (c = 0) and 0.3559 / √r (c = 1): the leading terms of the Edgeworth series.
  package static func leadingDistance(alongGradient: Bool, rank r: Int) -> Double {
    alongGradient ? 0.3559 / Double(r).squareRoot() : 0.3501 / Double(r)
  }

  /// c = 1: χ²_r/r − 1 against N(0, 2/r). The distance of two laws is |F(x) − G(x)| summed over the pieces between
  /// crossings of their densities.
  private static func skewDistance(rank r: Int) -> Double {
    let degrees = Double(r)
    let deviation = (2 / degrees).squareRoot()
    // ½ Σ |ΔF − ΔG| over cells: exact up to the cells in which the densities cross.
    let cells = 40_000
    let (low, high) = (-12 * deviation, max(40 / degrees, 12 * deviation))
    var total = SpecialLaws.normal(low / deviation) + 1 - SpecialLaws.normal(high / deviation)
    var before = (
      SpecialLaws.chiSquare(degrees * (1 + low), degrees: degrees),
      SpecialLaws.normal(low / deviation)
    )
    for cell in 1...cells {
      let x = low + (high - low) * Double(cell) / Double(cells)
      let now = (
        SpecialLaws.chiSquare(degrees * (1 + x), degrees: degrees),
        SpecialLaws.normal(x / deviation)
      )
      total += abs((now.0 - before.0) - (now.1 - before.1))
      before = now
    }
    return total / 2
  }

  /// c < 1: the law is a mixture of normals over S, N(c (S − 1), (1 − c²) S / r).
  private static func mixtureDistance(c: Double, rank r: Int) -> Double {
    let degrees = Double(r)
    let deviation = ((1 + c * c) / degrees).squareRoot()
    // ln S on a grid: the density of S has a pole at 0 for r = 1, its logarithm has none.
    let spread = (2 / degrees).squareRoot()
    let (from, to) = (r < 4 ? -30.0 : -9 * spread, Double.log(1 + 12 * spread + 40 / degrees))
    let points = 1200
    let pitch = (to - from) / Double(points)
    var weights: [(s: Double, weight: Double)] = []
    let norm = degrees / 2 * Double.log(degrees / 2) - Double.logGamma(degrees / 2)
    for point in 0...points {
      let u = from + pitch * Double(point)
      let s = Double.exp(u)
      let density = Double.exp(norm + degrees / 2 * (u - s))
      if density * pitch > 1e-14 { weights.append((s, density * pitch)) }
    }
    // x = σ sinh(t): fine steps near 0, where the density of small ranks is steep.
    let (steps, reach) = (1500, 6.0)
    var total = 0.0
    for step in 0..<steps {
      let t = -reach + 2 * reach * (Double(step) + 0.5) / Double(steps)
      let x = deviation * Double.sinh(t) / 8
      let width = deviation * Double.cosh(t) / 8 * 2 * reach / Double(steps)
      var density = 0.0
      for (s, weight) in weights {
        let inner = ((1 - c * c) * s / degrees).squareRoot()
        let z = (x - c * (s - 1)) / inner
        if abs(z) < 9 { density += weight * Double.exp(-z * z / 2) / inner }
      }
      let gaussian = Double.exp(-x * x / (2 * deviation * deviation)) / deviation
      total += abs(density - gaussian) * width
    }
    return total / 2 / (2 * Double.pi).squareRoot()
  }

  /// About 2 [Φ(x) − Φ(x/k)] with k² = 1 + n/r, x = k √(ln k² / (k² − 1)): one whole row of n numbers against the
  /// normal law of the same covariance, from its length alone; the exact distance is larger. Goes to 1 where n is much
  /// larger than r.
  package static func rowDistance(columns n: Int, rank r: Int) -> Double {
    let squared = 1 + Double(n) / Double(r)
    let k = squared.squareRoot()
    let x = k * (Double.log(squared) / (squared - 1)).squareRoot()
    return 2 * (SpecialLaws.normal(x) - SpecialLaws.normal(x / k))
  }

  /// The same by draws: E_P[(1 − q/p)₊], with both densities known exactly.
  package static func sampledRowDistance(
    columns n: Int, rank r: Int, draws: Int, using stream: inout RandomStream
  ) -> Double {
    let (n, r) = (Double(n), Double(r))
    var total = 0.0
    for _ in 0..<draws {
      let s = stream.nextGamma(shape: r / 2) * 2 / r
      let radius = s / r * 2 * stream.nextGamma(shape: (n - 1) / 2)
      // S ~ χ²_r/r against N(1, 2/r) along g; N(0, S/r) against N(0, 1/r) beside it.
      let along =
        r / 2 * Double.log(r / 2) - Double.logGamma(r / 2) + (r / 2 - 1) * Double.log(s) - r / 2 * s
      let alongGaussian = 0.5 * Double.log(r / (4 * Double.pi)) - (s - 1) * (s - 1) * r / 4
      let beside = -(n - 1) / 2 * Double.log(s) - radius * r / (2 * s)
      let ratio = Double.exp(alongGaussian - along - radius * r / 2 - beside)
      total += max(0, 1 - ratio)
    }
    return total / Double(draws)
  }
}
