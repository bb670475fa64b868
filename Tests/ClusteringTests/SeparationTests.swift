// Golden scores and overlaps, and the switch round at its limits.

import Clustering
import Kernels
import TestSupport
import Testing

@Suite("Separation")
struct SeparationTests {
  @Test("scores, overlaps, MSS and MPO of the golden fits")
  func golden() throws {
    for set in try MixtureGolden.load().datasets {
      let mixture = try GaussianMixture(
        means: Matrix(rows: set.fit.means), variances: set.fit.variances,
        weights: set.fit.weights)
      let separation = Separation(of: mixture)
      #expect(separation.pairs.count == set.separation.pairs.count)
      for (pair, expected) in zip(separation.pairs, set.separation.pairs) {
        #expect(pair.first == expected.i && pair.second == expected.j)
        #expect(isClose(pair.distance, expected.distance, relative: 1e-9))
        #expect(isClose(pair.score, expected.score, relative: 1e-6))
        #expect(isClose(pair.overlap, expected.overlap, relative: 1e-5))
      }
      #expect(isClose(try #require(separation.minScore), set.separation.mss, relative: 1e-6))
      #expect(isClose(separation.maxOverlap, set.separation.mpo, relative: 1e-5))
    }
  }

  @Test("the overlap table, far into the tail")
  func overlapTable() throws {
    let table = try MixtureGolden.load().overlapTable
    #expect(table.count == 13)
    for entry in table {
      #expect(
        isClose(
          Separation.overlap(score: entry.score), entry.overlap, relative: 1e-9, absolute: 1e-300),
        "score \(entry.score)")
    }
  }

  @Test("empty components take no part, one cluster has no overlap, equal means overlap fully")
  func degenerate() throws {
    let mixture = try GaussianMixture(
      means: Matrix(rows: [[0, 0], [4, 0], [0.1, 0]]), variances: [1, 1, 1],
      weights: [1, 1, 0])
    let separation = Separation(of: mixture, effectivePoints: [3, 3, 0.2])
    #expect(separation.emptyComponents == [2])
    #expect(separation.minScore == 2)
    let single = Separation(of: mixture, effectivePoints: [6, 0, 0])
    #expect(single.minScore == nil && single.maxOverlap == 0)
    let same = Separation(
      of: try GaussianMixture(
        means: Matrix(rows: [[1], [1]]), variances: [1, 1], weights: [1, 1]))
    #expect(same.minScore == 0 && same.maxOverlap == 1)
  }

  @Test(
    "E_c = floor((1 - MPO) E / 2)",
    arguments: [
      (0.0, 200, 100), (1, 200, 0), (0.23, 200, 77), (0.5, 15, 3), (0, 1, 0), (0, 0, 0),
      (-1, 10, 5), (7, 10, 0), (.nan, 10, 0), (0.1, -4, 0), (.infinity, 10, 0),
    ] as [(Double, Int, Int)])
  func switchRound(overlap: Double, rounds: Int, expected: Int) {
    #expect(Separation.switchRound(maxOverlap: overlap, rounds: rounds) == expected)
  }
}
