// How far apart the clusters of a mixture are, and how many rounds R-DPCFL trusts them.
//
// Malekmohammadi, Taik, Farnadi, "Differentially Private Clustered Federated Learning" (2025):
// separation score, overlap, and switch round; the formulas are those of the authors' code.

import Kernels
import RealModule

/// The pairwise separation of a mixture's components.
public struct Separation: Sendable, Hashable, Codable {
  public struct Pair: Sendable, Hashable, Codable {
    /// Component indices, first < second.
    public var first: Int
    public var second: Int
    /// Distance d of the means.
    public var distance: Double
    /// d / (2 max(r_first, r_second)) with r = √variance.
    public var score: Double
    /// 2 Q(score) in [0, 1]: the mass two Gaussians share.
    public var overlap: Double
  }

  /// Every pair of occupied components, in order.
  public var pairs: [Pair]
  /// Components that hold less than half a point; they take no part.
  public var emptyComponents: [Int]

  /// MSS, the smallest score of any pair; nil if fewer than two components are occupied.
  public var minScore: Double? { pairs.map(\.score).min() }

  /// MPO = 2 Q(MSS), the largest overlap of any pair; 0 if there is no pair: one cluster overlaps
  /// with none.
  public var maxOverlap: Double { pairs.map(\.overlap).max() ?? 0 }

  /// - Parameter effectivePoints: how many points each component holds; nil if all are occupied.
  public init(of mixture: GaussianMixture, effectivePoints: [Double]? = nil) {
    let empty = (0..<mixture.components).filter { k in
      effectivePoints.map { $0[k] < 0.5 } ?? false
    }
    let occupied = (0..<mixture.components).filter { !empty.contains($0) }
    let radii = mixture.radii
    var pairs: [Pair] = []
    for (position, i) in occupied.enumerated() {
      for j in occupied[(position + 1)...] {
        let distance = Double.sqrt(squaredDistance(mixture.means, i, mixture.means, j))
        let score = distance / (2 * max(radii[i], radii[j]))
        pairs.append(
          Pair(
            first: i, second: j, distance: distance, score: score,
            overlap: Separation.overlap(score: score)))
      }
    }
    self.pairs = pairs
    emptyComponents = empty
  }

  /// Separation of a fit, without its empty components.
  public init(of fit: MixtureFit) {
    self.init(of: fit.mixture, effectivePoints: fit.effectivePoints)
  }

  /// 2 Q(score) = erfc(score/√2), exact far into the tail where 1 − erf is zero.
  public static func overlap(score: Double) -> Double {
    Elementary.erfc(score / Double.sqrt(2))
  }

  /// E_c = ⌊(1 − MPO) · rounds / 2⌋: the last round of soft assignment.
  ///
  /// One cluster, or none that overlap, gives ⌊rounds/2⌋; full overlap gives 0. The overlap is
  /// clamped to [0, 1], NaN counts as full overlap, and negative rounds as none.
  public static func switchRound(maxOverlap: Double, rounds: Int) -> Int {
    let overlap = maxOverlap.isNaN ? 1 : min(max(maxOverlap, 0), 1)
    return Int((1 - overlap) * Double(max(rounds, 0)) / 2)
  }
}
