// Correlated noise for sums that are released round after round (DP-FTRL): what is added in one round is partly taken
// back in the next, so that the models, which are sums over rounds, carry less of it.
//
// Choquette-Choo et al., "(Amplified) banded matrix factorization", NeurIPS 2023: the strategy C is lower triangular with b
// bands, and records take part at most every b-th round. Kalinin and Lampert, "Banded square root matrix factorization",
// NeurIPS 2024: C has the first b coefficients of (1 − x)^{−1/2}, the square root of the matrix that adds rounds up.

/// The strategy matrix C of T rounds, as the first column of a Toeplitz matrix with columns of length at most 1.
///
/// The mechanism releases C G + Z with Z ~ N(0, σ²C²) and G the sums of a round each; C⁻¹ of that, G + C⁻¹ Z, is what
/// rounds see. A record that takes part k times, at least b rounds apart, moves C G by at most √k · max_grad_norm: the
/// columns of its rounds have no row in common. So a run costs what k Gaussian releases without correlation cost.
public struct BandedFactorization: Sendable, Hashable {
  /// c_0, …, c_{b−1}.
  public let coefficients: [Double]

  public var bands: Int { coefficients.count }

  /// - Parameter bands: b, at least 1; 1 is independent noise.
  public init(bands: Int) {
    var column = [1.0]
    for k in 1..<max(bands, 1) {
      column.append(column[k - 1] * Double(2 * k - 1) / Double(2 * k))
    }
    let length = column.reduce(0) { $0 + $1 * $1 }.squareRoot()
    coefficients = column.map { $0 / length }
  }

  /// The first `count` entries of the first column of C⁻¹: the weights of this round's and earlier draws.
  public func inverse(count: Int) -> [Double] {
    var inverse: [Double] = []
    inverse.reserveCapacity(count)
    for t in 0..<count {
      var value = t == 0 ? 1.0 : 0.0
      for k in 1..<max(1, min(t + 1, bands)) { value -= coefficients[k] * inverse[t - k] }
      inverse.append(value / coefficients[0])
    }
    return inverse
  }

  /// The mean over rounds of the variance of the noise in the sum of all rounds so far, in units of σ²C².
  public func meanVarianceOfSums(rounds: Int) -> Double {
    guard rounds > 0 else { return 0 }
    // The sum of rounds 0…t carries Σ_j z_j · (d_0 + … + d_{t−j}).
    var (prefix, square, total) = (0.0, 0.0, 0.0)
    for weight in inverse(count: rounds) {
      prefix += weight
      square += prefix * prefix
      total += square
    }
    return total / Double(rounds)
  }

  /// Rounds of a run in which a record takes part at most, if it does in every b-th.
  public func participations(rounds: Int) -> Int { (rounds + bands - 1) / bands }
}
