// Fitting a spherical Gaussian mixture by expectation maximisation from one start or from several.
//
// Dempster, Laird, Rubin, "Maximum likelihood from incomplete data via the EM algorithm" (1977). The
// stop rule and the additive variance floor are those of scikit-learn's GaussianMixture.

public import Kernels

/// How a mixture is fitted.
public struct MixtureOptions: Sendable, Hashable, Codable {
  public enum Variances: String, Sendable, Hashable, Codable, CaseIterable {
    /// Each component has a variance of its own.
    case perComponent = "per-component"
    /// One variance for all: fits clients with equal budgets, and no component can collapse on one
    /// point.
    case tied
  }

  public enum Weights: String, Sendable, Hashable, Codable, CaseIterable {
    /// Re-estimated in every M step.
    case estimated
    /// Held at 1/M throughout.
    case uniform
  }

  /// EM stops when the mean log-likelihood changes by less than this between iterations; > 0.
  public var tolerance: Double
  /// At least 1.
  public var maxIterations: Int
  /// Added to every variance in every M step; > 0, in squared units of the points.
  public var regCovar: Double
  public var variances: Variances
  public var weights: Weights
  /// Number of seeded k-means++ starts; at least 1.
  public var starts: Int
  /// A fit in which a component holds fewer effective points (its sum of posteriors) than this has
  /// collapsed, and wins over no fit that has not; in 0 ... n/M.
  public var minEffectivePoints: Double

  public init(
    tolerance: Double = 1e-6, maxIterations: Int = 500, regCovar: Double = 1e-6,
    variances: Variances = .perComponent, weights: Weights = .estimated, starts: Int = 20,
    minEffectivePoints: Double = 1.5
  ) {
    self.tolerance = tolerance
    self.maxIterations = maxIterations
    self.regCovar = regCovar
    self.variances = variances
    self.weights = weights
    self.starts = starts
    self.minEffectivePoints = minEffectivePoints
  }

  func check() throws(ClusteringError) {
    func demand(_ holds: Bool, _ name: String, _ requirement: String, _ found: some Any)
      throws(ClusteringError)
    {
      guard holds else {
        throw .invalidOption(name: name, requirement: requirement, found: "\(found)")
      }
    }
    try demand(tolerance > 0, "tolerance", "greater than 0", tolerance)
    try demand(maxIterations >= 1, "maxIterations", "at least 1", maxIterations)
    try demand(regCovar > 0 && regCovar.isFinite, "regCovar", "greater than 0", regCovar)
    try demand(starts >= 1, "starts", "at least 1", starts)
    try demand(minEffectivePoints >= 0, "minEffectivePoints", "at least 0", minEffectivePoints)
  }
}

/// A fitted mixture with everything that is reported about the fit.
public struct MixtureFit: Sendable, Hashable, Codable {
  public var mixture: GaussianMixture
  /// points × M under the fitted weights.
  public var posteriors: Matrix
  /// Of all points, in nats.
  public var logLikelihood: Double
  /// EM iterations made.
  public var iterations: Int
  public var converged: Bool
  /// Whether some component holds fewer than `minEffectivePoints`.
  public var collapsed: Bool
  /// Index of the winning start, 0 if the start was stated.
  public var start: Int

  /// Σ_n r_nm: how many points each component holds.
  public var effectivePoints: [Double] {
    (0..<posteriors.columns).map { k in
      (0..<posteriors.rows).reduce(0) { $0 + posteriors[$1, k] }
    }
  }

  /// The likeliest component of each point; the lowest index among equals.
  public var labels: [Int] { Clustering.labels(posteriors: posteriors) }

  /// Free parameters: M·d means, the variances, and M − 1 weights if they were estimated.
  public func parameters(options: MixtureOptions) -> Int {
    let m = mixture.components
    return m * mixture.means.columns + (options.variances == .tied ? 1 : m)
      + (options.weights == .uniform ? 0 : m - 1)
  }

  /// Schwarz's criterion −2 ln L + (parameters) ln n; lower is better.
  public func bic(options: MixtureOptions = MixtureOptions()) -> Double {
    -2 * logLikelihood
      + Double(parameters(options: options)) * Elementary.log(Double(posteriors.rows))
  }
}

/// The column of the largest entry of each row; the lowest index among equals.
public func labels(posteriors: Matrix) -> [Int] {
  (0..<posteriors.rows).map { i in
    (0..<posteriors.columns).reduce(0) { posteriors[i, $1] > posteriors[i, $0] ? $1 : $0 }
  }
}

extension GaussianMixture {
  /// EM from a stated start. Throws `empty`, `notFinite`, `invalidOption`, `unequalCounts`.
  public static func fit(
    _ points: Matrix, from start: GaussianMixture, options: MixtureOptions = MixtureOptions()
  ) throws(ClusteringError) -> MixtureFit {
    try options.check()
    try checkPoints(points)
    guard start.means.columns == points.columns else {
      throw .unequalCounts(
        what: "coordinates of the starting means", expected: points.columns,
        found: start.means.columns)
    }
    var mixture = options.weights == .uniform ? start.withUniformWeights : start
    var last = -Double.infinity
    var iterations = 0
    var converged = false
    while iterations < options.maxIterations, !converged {
      let step = mixture.expectation(points)
      mixture.maximize(points, posteriors: step.posteriors, options: options)
      iterations += 1
      let mean = step.logLikelihood / Double(points.rows)
      converged = abs(mean - last) < options.tolerance
      last = mean
    }
    let final = mixture.expectation(points)
    var fit = MixtureFit(
      mixture: mixture, posteriors: final.posteriors, logLikelihood: final.logLikelihood,
      iterations: iterations, converged: converged, collapsed: false, start: 0)
    fit.collapsed = fit.effectivePoints.contains { $0 < options.minEffectivePoints }
    return fit
  }

  /// EM from `options.starts` seeded k-means++ starts; the winner does not depend on machine or
  /// order: the highest log-likelihood among fits that have not collapsed (among all, if all have);
  /// fits within 1e-9 of the best (relative) count as ties, and the lowest start index wins.
  ///
  /// Throws `empty`, `notFinite`, `invalidOption`, and `tooFewPoints` if there are fewer points than
  /// components.
  public static func fit(
    _ points: Matrix, components: Int, seed: UInt64, round: Int = 0,
    options: MixtureOptions = MixtureOptions()
  ) throws(ClusteringError) -> MixtureFit {
    try options.check()
    try checkPoints(points)
    try checkComponents(components, points: points.rows)
    var best: MixtureFit?
    for index in 0..<options.starts {
      var stream = RandomStream(
        seed: seed, purpose: .mixtureStart, round: round, client: index, step: components)
      let start = kMeansStart(
        points, components: components, options: options, using: &stream)
      var fit = try fit(points, from: start, options: options)
      fit.start = index
      if best.map({ fit.isBetter(than: $0) }) ?? true { best = fit }
      // With one component every start is the same.
      if components == 1 { break }
    }
    guard let best else {
      throw .invalidOption(name: "starts", requirement: "at least 1", found: "\(options.starts)")
    }
    return best
  }

  static func checkPoints(_ points: Matrix) throws(ClusteringError) {
    guard points.rows > 0, points.columns > 0 else { throw .empty }
    if let bad = points.elements.firstIndex(where: { !($0.magnitude <= 1e150) }) {
      throw .notFinite(row: bad / points.columns, column: bad % points.columns)
    }
  }

  static func checkComponents(_ components: Int, points: Int) throws(ClusteringError) {
    guard components >= 1 else {
      throw .invalidOption(
        name: "components", requirement: "at least 1", found: "\(components)")
    }
    guard components <= points else { throw .tooFewPoints(points: points, needed: components) }
  }

  /// The M step; a component without points keeps its place with weight 0.
  private mutating func maximize(_ points: Matrix, posteriors: Matrix, options: MixtureOptions) {
    let (n, d) = (points.rows, points.columns)
    var pooled = 0.0
    var held = [Double](repeating: 0, count: components)
    for k in 0..<components {
      for i in 0..<n { held[k] += posteriors[i, k] }
      guard held[k] > Double.leastNormalMagnitude else { continue }
      for c in 0..<d {
        var sum = 0.0
        for i in 0..<n { sum += posteriors[i, k] * points[i, c] }
        means[k, c] = sum / held[k]
      }
      var scatter = 0.0
      for i in 0..<n { scatter += posteriors[i, k] * squaredDistance(points, i, means, k) }
      pooled += scatter
      variances[k] = scatter / (Double(d) * held[k]) + options.regCovar
    }
    if options.variances == .tied {
      let common = pooled / Double(n * d) + options.regCovar
      for k in 0..<components { variances[k] = common }
    }
    if options.weights == .estimated {
      let total = held.reduce(0, +)
      for k in 0..<components { weights[k] = held[k] / total }
    }
  }
}

extension MixtureFit {
  fileprivate func isBetter(than other: MixtureFit) -> Bool {
    guard collapsed == other.collapsed else { return !collapsed }
    let margin = 1e-9 * max(1, abs(other.logLikelihood))
    return logLikelihood > other.logLikelihood + margin
  }
}
