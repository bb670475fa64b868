// Where expectation maximisation begins: k-means++ centres, refined or as the published code has them.
//
// Arthur, Vassilvitskii, "k-means++: the advantages of careful seeding" (SODA 2007), with the greedy
// choice among 2 + ⌊ln M⌋ trials that the authors' section 6 mentions and scikit-learn uses.

public import Kernels

extension GaussianMixture {
  /// A start with stated means: weights 1/M and one variance for all, the mean variance of the
  /// columns (divisor n), or `regCovar` if the points do not vary.
  ///
  /// Throws `empty`, `notFinite`, `unequalCounts`, or `invalidOption` if the points do not vary and
  /// `regCovar` is not positive.
  public static func start(
    means: Matrix, points: Matrix, regCovar: Double = 1e-6
  ) throws(ClusteringError) -> GaussianMixture {
    try checkPoints(points)
    guard means.columns == points.columns else {
      throw .unequalCounts(
        what: "coordinates of the starting means", expected: points.columns, found: means.columns)
    }
    let spread = meanColumnVariance(points)
    return try GaussianMixture(
      means: means,
      variances: [Double](repeating: spread > 0 ? spread : regCovar, count: means.rows),
      weights: [Double](repeating: 1, count: means.rows))
  }

  /// The released R-DPCFL fit: one k-means++ start in which each component holds one point, so that
  /// its variance is `regCovar` alone and the first E step is a hard assignment; tol 1e-6, at most
  /// 100 iterations, weights from 1/M. Take the posteriors from `mixture.withUniformWeights`, as the
  /// released code overwrites the weights after the fit.
  ///
  /// Throws what `fit` throws.
  public static func fitAsReleased(
    _ points: Matrix, components: Int, seed: UInt64, round: Int = 0
  ) throws(ClusteringError) -> MixtureFit {
    try checkPoints(points)
    try checkComponents(components, points: points.rows)
    let options = MixtureOptions(maxIterations: 100, starts: 1, minEffectivePoints: 0)
    var stream = RandomStream(
      seed: seed, purpose: .mixtureStart, round: round, step: components)
    let centres = kMeansPlusPlus(points, components: components, using: &stream)
    let start = GaussianMixture(
      checkedMeans: Matrix(rows: centres.map { points.row($0) }),
      variances: [Double](repeating: options.regCovar, count: components),
      weights: [Double](repeating: 1 / Double(components), count: components))
    return try fit(points, from: start, options: options)
  }

  /// k-means++ centres, refined by Lloyd's iterations; one variance, from the partition.
  static func kMeansStart(
    _ points: Matrix, components: Int, options: MixtureOptions, using stream: inout RandomStream
  ) -> GaussianMixture {
    let (n, d) = (points.rows, points.columns)
    var centres = Matrix(
      rows: kMeansPlusPlus(points, components: components, using: &stream).map { points.row($0) })
    var nearest = [Int](repeating: -1, count: n)
    for _ in 0..<100 {
      let next = (0..<n).map { i in
        (0..<components).reduce(0) {
          squaredDistance(points, i, centres, $1) < squaredDistance(points, i, centres, $0)
            ? $1 : $0
        }
      }
      if next == nearest { break }
      nearest = next
      for k in 0..<components {
        let members = (0..<n).filter { nearest[$0] == k }
        guard !members.isEmpty else { continue }
        for c in 0..<d {
          centres[k, c] = members.reduce(0) { $0 + points[$1, c] } / Double(members.count)
        }
      }
    }
    // The pooled variance for every component: a start with one point has none of its own.
    let scatter = (0..<n).reduce(0) { $0 + squaredDistance(points, $1, centres, nearest[$1]) }
    let variance = scatter / Double(n * d) + options.regCovar
    // Equal weights, so that points that are all alike end with posteriors 1/M and full overlap.
    return GaussianMixture(
      checkedMeans: centres, variances: [Double](repeating: variance, count: components),
      weights: [Double](repeating: 1 / Double(components), count: components))
  }

  /// Indices of M distinct points, each drawn with probability proportional to its squared distance
  /// from those before; when all are covered, the lowest free indices.
  static func kMeansPlusPlus(
    _ points: Matrix, components: Int, using stream: inout RandomStream
  ) -> [Int] {
    let n = points.rows
    let trials = 2 + Int(Elementary.log(Double(components)))
    var chosen = [Int(stream.nextUnit() * Double(n))]
    var distances = (0..<n).map { squaredDistance(points, $0, points, chosen[0]) }
    while chosen.count < components {
      var best: (index: Int, distances: [Double], potential: Double)?
      for _ in 0..<trials {
        guard let index = stream.nextIndex(weights: distances) else { break }
        let updated = (0..<n).map { min(distances[$0], squaredDistance(points, $0, points, index)) }
        let potential = updated.reduce(0, +)
        if best.map({ potential < $0.potential }) ?? true { best = (index, updated, potential) }
      }
      if let best {
        chosen.append(best.index)
        distances = best.distances
      } else if let free = (0..<n).first(where: { !chosen.contains($0) }) {
        chosen.append(free)
      } else {
        break
      }
    }
    return chosen
  }

  private static func meanColumnVariance(_ points: Matrix) -> Double {
    let (n, d) = (points.rows, points.columns)
    var total = 0.0
    for c in 0..<d {
      let mean = (0..<n).reduce(0) { $0 + points[$1, c] } / Double(n)
      for i in 0..<n { total += (points[i, c] - mean) * (points[i, c] - mean) }
    }
    return total / Double(n * d)
  }
}
