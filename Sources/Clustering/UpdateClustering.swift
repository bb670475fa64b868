// From the updates of the first round to clusters: components, scaling, mixture, number of clusters.

public import Kernels

/// All settings of the clustering of client updates.
public struct UpdateClusteringOptions: Sendable, Hashable, Codable {
  public var components: PrincipalComponents.Options
  public var scaling: PointScaling
  public var mixture: MixtureOptions
  public var criterion: ClusterCountCriterion
  /// Candidate numbers of clusters; one entry fixes the number.
  public var candidates: [Int]
  /// Take posteriors with weights 1/M, as R-DPCFL does, so that a minority's share does not count
  /// against it.
  public var uniformPosteriors: Bool
  /// The one-start mixture of the released code; `mixture` is then not used.
  public var usesReleasedMixture: Bool

  public init(
    components: PrincipalComponents.Options, scaling: PointScaling, mixture: MixtureOptions,
    criterion: ClusterCountCriterion, candidates: [Int], uniformPosteriors: Bool,
    usesReleasedMixture: Bool
  ) {
    self.components = components
    self.scaling = scaling
    self.mixture = mixture
    self.criterion = criterion
    self.candidates = candidates
    self.uniformPosteriors = uniformPosteriors
    self.usesReleasedMixture = usesReleasedMixture
  }

  /// The settings that docs/clustering.md recommends: noise floor removed, components for the
  /// largest candidate but at most five, one common scale, one variance, 20 starts, largest MSS.
  public static func recommended(candidates: [Int]) -> UpdateClusteringOptions {
    let largest = candidates.max() ?? 2
    return UpdateClusteringOptions(
      components: .init(components: min(max(largest - 1, 2), 5), noiseFloor: .removed),
      scaling: .common, mixture: .init(variances: .tied), criterion: .separation,
      candidates: candidates, uniformPosteriors: true, usesReleasedMixture: false)
  }

  /// What the released R-DPCFL code does, for a stated number of clusters.
  public static func asReleased(clusters: Int) -> UpdateClusteringOptions {
    UpdateClusteringOptions(
      components: .init(components: 2, preparation: .standardisedFitRawProjection),
      scaling: .perAxis, mixture: MixtureOptions(starts: 1), criterion: .separation,
      candidates: [clusters], uniformPosteriors: true, usesReleasedMixture: true)
  }
}

/// Clusters of client updates with everything that is reported about them.
public struct UpdateClustering: Sendable {
  /// The analysis; its `points` are what a plot shows.
  public var components: PrincipalComponents
  /// n × k, scaled: what the mixture saw.
  public var points: Matrix
  /// Every candidate, and the choice.
  public var count: ClusterCount
  /// n × M, rows summing to 1: the probability of each cluster for each client.
  public var posteriors: Matrix
  /// The mixture that gives the posteriors.
  let mixture: GaussianMixture
  let axes: PointScaling.Axes

  /// The likeliest cluster of each client.
  public var labels: [Int] { Clustering.labels(posteriors: posteriors) }
  /// MSS; nil for one cluster.
  public var minScore: Double? { count.chosen.separation?.minScore }
  /// MPO in [0, 1]; 0 for one cluster.
  public var maxOverlap: Double { count.chosen.separation?.maxOverlap ?? 0 }

  /// E_c for a run of `rounds` rounds.
  public func switchRound(rounds: Int) -> Int {
    Separation.switchRound(maxOverlap: maxOverlap, rounds: rounds)
  }

  /// The score that noise alone typically reaches under the recommended settings.
  public static let typicalNoiseScore = 2.5

  /// E_c with the overlap taken at MSS − 2.5: clusters no further apart than those that noise makes
  /// count as full overlap, so pure noise mostly gets few soft rounds (the published rule gives it
  /// nearly as many as clear clusters); for clear clusters nothing changes.
  public func noiseAdjustedSwitchRound(rounds: Int) -> Int {
    guard let minScore else { return switchRound(rounds: rounds) }
    let overlap = Separation.overlap(
      score: max(minScore - UpdateClustering.typicalNoiseScore, 0))
    return Separation.switchRound(maxOverlap: overlap, rounds: rounds)
  }

  /// Clusters one update a client, each of length p.
  ///
  /// Updates that show nothing but noise give points that are all alike: posteriors 1/M, MSS 0,
  /// full overlap, and so a switch round of 0. Throws what its steps throw.
  public static func cluster(
    _ updates: [[Float]], options: UpdateClusteringOptions, seed: UInt64, round: Int = 0
  ) throws(ClusteringError) -> UpdateClustering {
    try cluster(
      PrincipalComponents.fit(updates, options: options.components), options: options, seed: seed,
      round: round)
  }

  /// The same for a matrix of doubles, one row a client.
  public static func cluster(
    _ updates: Matrix, options: UpdateClusteringOptions, seed: UInt64, round: Int = 0
  ) throws(ClusteringError) -> UpdateClustering {
    try cluster(
      PrincipalComponents.fit(updates, options: options.components), options: options, seed: seed,
      round: round)
  }

  private static func cluster(
    _ components: PrincipalComponents, options: UpdateClusteringOptions, seed: UInt64, round: Int
  ) throws(ClusteringError) -> UpdateClustering {
    let axes = options.scaling.axes(of: components.points)
    let points = axes.apply(to: components.points)
    let count =
      if options.usesReleasedMixture {
        try ClusterCount.chooseAsReleased(
          points, candidates: options.candidates, criterion: options.criterion, seed: seed,
          round: round)
      } else {
        try ClusterCount.choose(
          points, candidates: options.candidates, criterion: options.criterion, seed: seed,
          round: round, options: options.mixture)
      }
    guard let fit = count.chosen.fit else {
      throw .tooFewPoints(points: points.rows, needed: count.clusters)
    }
    let mixture = options.uniformPosteriors ? fit.mixture.withUniformWeights : fit.mixture
    return UpdateClustering(
      components: components, points: points, count: count,
      posteriors: mixture.posteriors(of: points), mixture: mixture, axes: axes)
  }

  /// Where further updates lie among `points`; rows × k.
  ///
  /// - Throws: `loadingsNotKept` unless the options' components keep them, `raggedRows`, `notFinite`.
  public func place(_ updates: [[Float]]) throws(ClusteringError) -> Matrix {
    axes.apply(to: try components.place(updates))
  }

  /// The same clusters with the clients at these points, as `place` gives them.
  ///
  /// - Precondition: `points` has k columns.
  public func with(points: Matrix) -> UpdateClustering {
    var result = self
    result.points = points
    result.posteriors = mixture.posteriors(of: points)
    return result
  }
}
