// A mixture of spherical Gaussians: densities, likelihood, and who belongs to which component.

public import Kernels
import RealModule

/// M spherical Gaussians in d dimensions with weights; a value.
public struct GaussianMixture: Sendable, Hashable, Codable {
  /// M × d.
  public var means: Matrix
  /// Variance of every coordinate, one a component; all > 0.
  public var variances: [Double]
  /// Non-negative, summing to 1.
  public var weights: [Double]

  /// Throws `empty`, `unequalCounts`, or `invalidOption` for a variance that is not positive, a
  /// negative weight, weights that are all zero, or a number that is not finite. Weights are
  /// divided by their sum.
  public init(means: Matrix, variances: [Double], weights: [Double]) throws(ClusteringError) {
    guard means.rows > 0, means.columns > 0 else { throw .empty }
    guard variances.count == means.rows else {
      throw .unequalCounts(what: "variances", expected: means.rows, found: variances.count)
    }
    guard weights.count == means.rows else {
      throw .unequalCounts(what: "weights", expected: means.rows, found: weights.count)
    }
    if let bad = means.elements.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(row: bad / means.columns, column: bad % means.columns)
    }
    if let bad = variances.first(where: { !($0 > 0 && $0.isFinite) }) {
      throw .invalidOption(name: "variance", requirement: "a positive number", found: "\(bad)")
    }
    let total = weights.reduce(0, +)
    guard weights.allSatisfy({ $0 >= 0 }), total > 0, total.isFinite else {
      throw .invalidOption(
        name: "weights", requirement: "non-negative with a positive sum", found: "\(weights)")
    }
    self.init(checkedMeans: means, variances: variances, weights: weights.map { $0 / total })
  }

  init(checkedMeans means: Matrix, variances: [Double], weights: [Double]) {
    self.means = means
    self.variances = variances
    self.weights = weights
  }

  /// M, the number of components.
  public var components: Int { means.rows }

  /// √variance of each component.
  public var radii: [Double] { variances.map { Double.sqrt($0) } }

  /// The same Gaussians with weights 1/M, as R-DPCFL takes its posteriors.
  public var withUniformWeights: GaussianMixture {
    GaussianMixture(
      checkedMeans: means, variances: variances,
      weights: [Double](repeating: 1 / Double(components), count: components))
  }
}

extension GaussianMixture {
  /// ln Σ_m w_m N(x; μ_m, v_m I) summed over the points, in nats, constants included.
  ///
  /// - Precondition: `points` has d columns.
  public func logLikelihood(of points: Matrix) -> Double { expectation(points).logLikelihood }

  /// The probability of each component given each point; points × M, rows summing to 1.
  ///
  /// - Precondition: `points` has d columns.
  public func posteriors(of points: Matrix) -> Matrix { expectation(points).posteriors }

  /// The E step: posteriors and log-likelihood, by the log-sum-exp of the joint densities.
  func expectation(_ points: Matrix) -> (posteriors: Matrix, logLikelihood: Double) {
    precondition(points.columns == means.columns, "points and means need the same dimension")
    let (n, d, m) = (points.rows, points.columns, components)
    let constants = (0..<m).map { k in
      (weights[k] > 0 ? Elementary.log(weights[k]) : -Double.infinity)
        - 0.5 * Double(d) * Elementary.log(2 * Double.pi * variances[k])
    }
    var posteriors = Matrix(rows: n, columns: m)
    var total = 0.0
    var joint = [Double](repeating: 0, count: m)
    for i in 0..<n {
      var largest = -Double.infinity
      for k in 0..<m {
        joint[k] = constants[k] - 0.5 * squaredDistance(points, i, means, k) / variances[k]
        largest = max(largest, joint[k])
      }
      var sum = 0.0
      for k in 0..<m {
        joint[k] = Elementary.exp(joint[k] - largest)
        sum += joint[k]
      }
      // A ratio, not exp of a difference: far points have logarithms of a million and more.
      for k in 0..<m { posteriors[i, k] = joint[k] / sum }
      total += largest + Elementary.log(sum)
    }
    return (posteriors, total)
  }
}

/// |a_i − b_j|² of two rows.
func squaredDistance(_ a: Matrix, _ i: Int, _ b: Matrix, _ j: Int) -> Double {
  var sum = 0.0
  for c in 0..<a.columns {
    let difference = a[i, c] - b[j, c]
    sum += difference * difference
  }
  return sum
}
