// k-means and bipartition beside all partitions of a few points.

import Clustering
import Kernels
import Testing

@Suite("Partitions")
struct PartitionTests {
  /// All ways to label `count` points with at most `parts` labels, the first point with 0.
  private func labelings(_ count: Int, parts: Int) -> [[Int]] {
    (0..<count - 1).reduce([[0]]) { labels, _ in
      labels.flatMap { prefix in (0..<parts).map { prefix + [$0] } }
    }
  }

  @Test("k-means has the least scatter of all partitions", arguments: [2, 3])
  func kMeans(_ clusters: Int) throws {
    var stream = RandomStream(seed: 3, purpose: .test, client: clusters)
    for _ in 0..<20 {
      let points = Matrix(
        rows: (0..<7).map { _ in (0..<2).map { _ in stream.nextGaussian() } })
      let least = labelings(7, parts: clusters).map { scatter(points, $0) }.min() ?? 0
      let fit = try KMeans.fit(points, clusters: clusters, starts: 40, seed: 1)
      #expect(abs(fit.scatter - least) < 1e-9)
      #expect(abs(scatter(points, fit.labels) - least) < 1e-9)
    }
  }

  @Test("a bipartition keeps the most similar pair across it as dissimilar as possible")
  func bipartition() throws {
    var stream = RandomStream(seed: 4, purpose: .test)
    for count in 2...7 {
      var similarity = [[Double]](repeating: [Double](repeating: 1, count: count), count: count)
      for first in 0..<count {
        for second in first + 1..<count {
          similarity[first][second] = 2 * stream.nextUnit() - 1
          similarity[second][first] = similarity[first][second]
        }
      }
      func cross(_ labels: [Int]) -> Double {
        var largest = -Double.infinity
        for first in 0..<count {
          for second in 0..<count where labels[first] != labels[second] {
            largest = max(largest, similarity[first][second])
          }
        }
        return largest
      }
      let best = labelings(count, parts: 2).filter { $0.contains(1) }.map(cross).min()
      let part = try #require(Bipartition(similarity: similarity))
      #expect(part.crossSimilarity == best)
      #expect(cross(part.isSecond.map { $0 ? 1 : 0 }) == best)
    }
    #expect(Bipartition(similarity: [[1]]) == nil)
  }

  private func scatter(_ points: Matrix, _ labels: [Int]) -> Double {
    var total = 0.0
    for label in Set(labels) {
      let members = labels.indices.filter { labels[$0] == label }
      for column in 0..<points.columns {
        let mean = members.reduce(0) { $0 + points[$1, column] } / Double(members.count)
        total += members.reduce(0) {
          $0 + (points[$1, column] - mean) * (points[$1, column] - mean)
        }
      }
    }
    return total
  }
}
