// Noise before a fresh random projection: what the projection takes from the cost of a Gaussian release (M2).

import Kernels

/// A release leaves as M (V + E), M the projection on the row space of a random r × d matrix A with independent normal
/// entries: fresh for every release, independent of the data, and published.
///
/// Noise comes before the projection, which is post-processing, and amplifies. Given A the release is a Gaussian mechanism with
/// the squared shift β μ², μ = Δ/σ; for a record that moves V by a matrix of rank 1, β ~ Beta(r/2, (d − r)/2).
/// Rényi divergences of the pair (A, release) are means over β, and a Poisson-sampled Gaussian has at integer orders a sum of
/// exponentials of β with positive coefficients (Mironov, Talwar, Zhang 2019, section 3.3). It is convex in β, so a record
/// that moves V by any matrix of that length, or several V by parts of it, whose β is a mean of such ones, costs no more (Jensen).
///
/// Not valid where A outlives one release: a later gradient may then lie in its rows.
public struct RandomProjection: Hashable, Sendable, Comparable {
  /// r, rows of A.
  public let rank: Int
  /// d, columns of A; of several matrices, each with an A of its own, the fewest.
  public let dimension: Int

  /// - Precondition: `1 <= rank <= dimension`.
  public init(rank: Int, dimension: Int) {
    precondition((1...max(dimension, 1)).contains(rank), "A projection has from 1 to d dimensions.")
    self.rank = rank
    self.dimension = dimension
  }

  public static func < (a: Self, b: Self) -> Bool {
    (a.rank, a.dimension) < (b.rank, b.dimension)
  }

  /// ln E exp(β z), ₁F₁(r/2; d/2; z), for z ≥ 0.
  func logMoment(_ z: Double) -> Double {
    // A mean of exp(β z) is at most exp(z), and orders that ask for more than this decide nothing.
    guard rank < dimension, z < Self.largestExponent else { return z }
    let (a, b) = (Double(rank) / 2, Double(dimension) / 2)
    // The first term, 1, is left out of the sum, so that small moments keep their digits.
    var (term, excess, logScale) = (1.0, 0.0, 0.0)
    var k = 0.0
    while z > 0 {
      term *= (a + k) / (b + k) * (z / (k + 1))
      excess += term
      k += 1
      if excess > 0x1p600 {
        (term, excess) = (term * 0x1p-600, excess * 0x1p-600)
        logScale += 600 * Elementary.log(2)
      }
      // Terms fall from here on, faster than a geometric series of ratio 1/2.
      if k > 2 * z, term < 1e-18 * excess { break }
    }
    return logScale == 0 ? Elementary.log(onePlus: excess) : logScale + Elementary.log(excess)
  }

  private static let largestExponent = 20_000.0
}

/// A projected Gaussian release on a Poisson-sampled batch, or on all records at rate 1.
struct ProjectedGaussian: Hashable, Comparable, Sendable {
  var projection: RandomProjection
  var sampleRate: Double
  var noiseMultiplier: Double

  static func < (a: Self, b: Self) -> Bool {
    (a.projection, a.sampleRate, a.noiseMultiplier)
      < (b.projection, b.sampleRate, b.noiseMultiplier)
  }
}

/// ε_R(α) of a projected release at integer orders.
struct ProjectedGaussianRDP {
  /// Above it the release counts as one without projection.
  private static let largestOrder = 128
  static let orders =
    (2...largestOrder).map(Double.init)
    + RDPAccountant.standardOrders.filter { $0 > Double(largestOrder) }

  private let release: ProjectedGaussian
  private let plain: SubsampledGaussianRDP?
  /// ln E exp(k (k − 1) β / 2σ²) for every k.
  private let moments: [Double]

  init(_ release: ProjectedGaussian) {
    self.release = release
    plain =
      release.sampleRate < 1
      ? SubsampledGaussianRDP(
        SampledGaussian(
          sampleRate: release.sampleRate, noiseMultiplier: release.noiseMultiplier),
        orders: Self.orders)
      : nil
    let square = 1 / (release.noiseMultiplier * release.noiseMultiplier)
    moments = (0...Self.largestOrder).map {
      release.projection.logMoment(Double($0) * Double($0 - 1) * square / 2)
    }
  }

  /// - Parameter order: one of `orders`.
  func divergence(order: Double) -> Double {
    let whole = plainDivergence(order: order)
    guard order <= Double(Self.largestOrder) else { return whole }
    return min(whole, logMoment(order: Int(order)) / (order - 1))
  }

  private func plainDivergence(order: Double) -> Double {
    plain?.divergence(order: order)
      ?? order / (2 * release.noiseMultiplier * release.noiseMultiplier)
  }

  /// ln Σ_k C(α,k) q^k (1−q)^{α−k} E exp(k (k−1) β / 2σ²), without its first two terms and 1, so that nothing cancels.
  private func logMoment(order: Int) -> Double {
    let q = release.sampleRate
    guard q < 1 else { return moments[order] }
    let (logRate, logRest) = (Elementary.log(q), Elementary.log(onePlus: -q))
    var sum = LogSum()
    for k in 2...order {
      let moment = moments[k]
      let growth = moment > 40 ? moment : Elementary.log(Elementary.expMinusOne(moment))
      sum.add(
        LogFactorial.binomial(order, k) + Double(k) * logRate + Double(order - k) * logRest + growth
      )
    }
    return logOnePlusExp(sum.value)
  }
}
