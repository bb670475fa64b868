// k-means: the hard clustering beside which mixtures are compared.

public import Kernels

/// A partition of points by their nearest centre.
public struct KMeans: Sendable, Hashable {
  /// The cluster of each point.
  public let labels: [Int]
  /// Sum of squared distances to the centres.
  public let scatter: Double
  /// Clusters × d.
  public let centres: Matrix

  /// The best of several starts from k-means++ centres, each refined by Lloyd's iterations (at most 100).
  ///
  /// - Parameters:
  ///   - points: n × d.
  ///   - clusters: 1 to n.
  ///   - starts: at least 1.
  /// - Throws: what `GaussianMixture.fit` throws of the same points.
  public static func fit(
    _ points: Matrix, clusters: Int, starts: Int, seed: UInt64
  ) throws(ClusteringError) -> KMeans {
    try GaussianMixture.checkPoints(points)
    try GaussianMixture.checkComponents(clusters, points: points.rows)
    var best: KMeans?
    for start in 0..<max(starts, 1) {
      var stream = RandomStream(
        seed: seed, purpose: .mixtureStart, client: start, step: clusters)
      let centres = GaussianMixture.kMeansStart(
        points, components: clusters, options: MixtureOptions(), using: &stream
      ).means
      let fit = KMeans(points, centres: centres)
      if best.map({ fit.scatter < $0.scatter }) ?? true { best = fit }
    }
    return best ?? KMeans(points, centres: points)
  }

  /// Points with the nearest of given centres.
  public init(_ points: Matrix, centres: Matrix) {
    var labels: [Int] = []
    var scatter = 0.0
    for row in 0..<points.rows {
      let distances = (0..<centres.rows).map { squaredDistance(points, row, centres, $0) }
      let nearest = distances.indices.min { distances[$0] < distances[$1] } ?? 0
      labels.append(nearest)
      scatter += distances[nearest]
    }
    self.labels = labels
    self.scatter = scatter
    self.centres = centres
  }
}
