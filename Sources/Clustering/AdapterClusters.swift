// Model-based clustering of adapters (Ostapenko et al., "Towards modular LLMs by building and reusing a library of
// LoRAs", arXiv:2405.11157): adapters whose weights point the same way are one cluster.
//
// Each adapter is flattened, its smallest entries are set to zero, all are projected to a truncated singular value
// decomposition (not centred), and k-means runs on the rows of the matrix of their cosines. Everything after the
// entries needs the adapters' inner products alone.

public import Kernels
import RealModule

/// Clusters of adapters by the cosines of their weights.
public struct AdapterClusters: Sendable {
  /// One candidate number of clusters.
  public struct Candidate: Sendable, Hashable {
    public let clusters: Int
    public let labels: [Int]
    /// Mean silhouette of the rows of `cosines`, in −1...1; nil for one cluster.
    public let silhouette: Double?
  }

  /// Cosines of the projected adapters, n × n.
  public let cosines: Matrix
  /// In ascending order.
  public let candidates: [Candidate]
  public let chosenIndex: Int

  public var chosen: Candidate { candidates[chosenIndex] }

  /// Singular directions that are kept at most.
  public static let components = 64

  /// Cosines of the adapters as they are: the projection gives few adapters of noise large ones, whatever their length.
  private let plainCosines: Matrix

  /// Mean cosine, without projection, of two different adapters of one chosen cluster; nil where every cluster has one
  /// member.
  public var meanCosineWithin: Double? {
    var (sum, count) = (0.0, 0)
    for first in 0..<plainCosines.rows {
      for second in 0..<first where chosen.labels[first] == chosen.labels[second] {
        sum += plainCosines[first, second]
        count += 1
      }
    }
    return count > 0 ? sum / Double(count) : nil
  }

  /// What the mean cosine within clusters stays below, with 99 % probability, if the adapters are noise of that many
  /// numbers: in whatever way clusters of any sizes are chosen among them.
  ///
  /// The sum within a cluster of s is s/2 times the deviation of χ²_p/p from 1; the tail of a weighted sum of such deviations
  /// is that of Laurent and Massart (Ann. Statist. 28, 2000, lemma 1), for all k^n ways to label n adapters together.
  ///
  /// - Parameter dimension: p, the numbers in which adapters of noise differ freely; at least 1.
  public func noiseCeiling(dimension: Int) -> Double {
    let sizes = Dictionary(grouping: chosen.labels, by: \.self).values.map { Double($0.count) }
    let pairs = sizes.reduce(0) { $0 + $1 * ($1 - 1) / 2 }
    guard pairs > 0, let largest = sizes.max() else { return .infinity }
    let squares = sizes.reduce(0) { $0 + $1 * $1 }
    let p = Double(max(dimension, 1))
    let t = Double(chosen.labels.count) * Double.log(Double(chosen.clusters)) + Double.log(100)
    return (Double.sqrt(squares * t / p) + largest * t / p) / pairs
  }

  /// Clusters adapters by their inner products.
  ///
  /// - Parameters:
  ///   - gram: n × n, ⟨τ_i, τ_j⟩.
  ///   - candidates: numbers of clusters; of several that with the largest mean silhouette is taken, the smallest
  ///     among equals.
  ///   - starts: of k-means, at least 1.
  /// - Throws: `ClusteringError`.
  public static func cluster(
    gram: Matrix, candidates: [Int], starts: Int, seed: UInt64
  ) throws(ClusteringError) -> AdapterClusters {
    guard gram.rows > 0 else { throw .empty }
    let ascending = Set(candidates).sorted()
    guard let least = ascending.first, least >= 1 else {
      throw .invalidOption(
        name: "candidates", requirement: "at least one number of clusters, each at least 1",
        found: "\(candidates)")
    }
    guard least <= gram.rows else { throw .tooFewPoints(points: gram.rows, needed: least) }
    let cosines = try projectedCosines(gram)
    var tried: [Candidate] = []
    for clusters in ascending where clusters <= gram.rows {
      let labels = try KMeans.fit(
        cosines, clusters: clusters, starts: starts, seed: seed
      ).labels
      tried.append(
        Candidate(
          clusters: clusters, labels: labels, silhouette: silhouette(cosines, labels: labels)))
    }
    let best = tried.indices.reduce(0) {
      (tried[$1].silhouette ?? -1) > (tried[$0].silhouette ?? -1) ? $1 : $0
    }
    return AdapterClusters(
      cosines: cosines, candidates: tried, chosenIndex: best, plainCosines: plainCosines(gram))
  }

  /// Inner products of adapters of which the smallest entries by size are taken as zero.
  ///
  /// - Parameters:
  ///   - adapters: of equal length.
  ///   - zeroed: share of each adapter's entries below which they count as zero, 0 to below 1. The published script
  ///     takes 0.5, its library 0.8.
  public static func gram(
    of adapters: [[Float]], zeroed: Double
  ) throws(ClusteringError) -> Matrix {
    let rows = try FloatRows(adapters)
    if let place = rows.firstUnusable() { throw .notFinite(row: place.row, column: place.column) }
    let kept = adapters.map { withoutSmallest($0, share: zeroed) }
    var gram = Matrix(rows: kept.count, columns: kept.count)
    for first in kept.indices {
      for second in 0...first {
        var sum = 0.0
        for place in kept[first].indices {
          sum += Double(kept[first][place]) * Double(kept[second][place])
        }
        gram[first, second] = sum
        gram[second, first] = sum
      }
    }
    return gram
  }

  /// An adapter with the entries below the quantile of its sizes set to zero. The quantile is interpolated between
  /// neighbours.
  static func withoutSmallest(_ values: [Float], share: Double) -> [Float] {
    guard share > 0, values.count > 1 else { return values }
    let sizes = values.map(\.magnitude).sorted()
    let place = share * Double(sizes.count - 1)
    let below = Int(place)
    let above = min(below + 1, sizes.count - 1)
    let part = place - Double(below)
    let bound = Double(sizes[below]) + part * (Double(sizes[above]) - Double(sizes[below]))
    return values.map { Double($0.magnitude) < bound ? 0 : $0 }
  }

  /// An adapter of length zero has the cosine 0 with all.
  private static func plainCosines(_ gram: Matrix) -> Matrix {
    var cosines = gram
    for i in 0..<gram.rows {
      for j in 0..<gram.columns {
        let lengths = Double.sqrt(gram[i, i]) * Double.sqrt(gram[j, j])
        cosines[i, j] = lengths > 0 ? gram[i, j] / lengths : 0
      }
    }
    return cosines
  }

  /// Cosines after the truncated decomposition to min(64, n − 1) directions. An adapter of length zero has the cosine
  /// 0 with all.
  private static func projectedCosines(_ gram: Matrix) throws(ClusteringError) -> Matrix {
    let n = gram.rows
    let eigen: SymmetricEigen
    do { eigen = try gram.symmetricEigen() } catch {
      throw .eigenvaluesFailed(info: error.info)
    }
    let kept = (0..<max(min(components, n - 1), 1)).filter { eigen.values[$0] > 0 }
    var points = [[Double]](repeating: [], count: n)
    for i in 0..<n {
      points[i] = kept.map { Double.sqrt(eigen.values[$0]) * eigen.vectors[$0, i] }
      let norm = Double.sqrt(points[i].reduce(0) { $0 + $1 * $1 })
      if norm > 0 { points[i] = points[i].map { $0 / norm } }
    }
    var cosines = Matrix(rows: n, columns: n)
    for i in 0..<n {
      for j in 0..<n { cosines[i, j] = zip(points[i], points[j]).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    return cosines
  }

  /// Mean over points of (b − a) / max(a, b): a is a point's mean distance to the others of its cluster, b the least
  /// mean distance to the points of another one; 0 for a point that is alone (Rousseeuw, J. Comput. Appl. Math. 20,
  /// 1987). Nil for fewer than two clusters.
  public static func silhouette(_ points: Matrix, labels: [Int]) -> Double? {
    let present = Set(labels).sorted()
    guard present.count > 1 else { return nil }
    var sum = 0.0
    for i in 0..<points.rows {
      var own: Double?
      var nearest = Double.infinity
      for label in present {
        let others = (0..<points.rows).filter { $0 != i && labels[$0] == label }
        guard !others.isEmpty else { continue }
        let distance =
          others.reduce(0) { $0 + Double.sqrt(squaredDistance(points, i, points, $1)) }
          / Double(others.count)
        if label == labels[i] { own = distance } else { nearest = min(nearest, distance) }
      }
      guard let own, max(own, nearest) > 0 else { continue }
      sum += (nearest - own) / max(own, nearest)
    }
    return sum / Double(points.rows)
  }
}
