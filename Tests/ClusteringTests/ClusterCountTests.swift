// The rules that pick the number of clusters, at their limits.

import Clustering
import Kernels
import TestSupport
import Testing

@Suite("Number of clusters")
struct ClusterCountTests {
  private var threeGroups: Matrix {
    var stream = RandomStream(seed: 5, purpose: .test)
    let centres = [[0.0, 0], [1, 0], [0, 1]]
    return Matrix(
      rows: (0..<21).map { i in centres[i % 3].map { $0 + 0.05 * stream.nextGaussian() } })
  }

  @Test(
    "separated groups are counted by every rule",
    arguments: [ClusterCountCriterion.separation, .bic, .mostSeparated(minScore: 4)])
  func separated(criterion: ClusterCountCriterion) throws {
    let count = try ClusterCount.choose(
      threeGroups, candidates: [5, 2, 3, 4, 3], criterion: criterion, seed: 1,
      options: .init(variances: .tied))
    #expect(count.clusters == 3 && count.isConfident)
    #expect(count.candidates.map(\.clusters) == [2, 3, 4, 5])
    #expect(count.candidates.allSatisfy { $0.bic != nil && $0.separation?.minScore != nil })
    let direct = try GaussianMixture.fit(
      threeGroups, components: 3, seed: 1, options: .init(variances: .tied))
    #expect(count.chosen.fit == direct)
  }

  @Test("nested groups: the largest MSS stops at the coarse pair, mostSeparated goes on to four")
  func nested() throws {
    var stream = RandomStream(seed: 6, purpose: .test)
    let centres = [[0.0, 0], [0.1, 0], [1, 0], [1.1, 0]]
    let points = Matrix(
      rows: (0..<24).map { i in centres[i % 4].map { $0 + 0.004 * stream.nextGaussian() } })
    func choose(_ criterion: ClusterCountCriterion) throws -> Int {
      try ClusterCount.choose(
        points, candidates: Array(2...6), criterion: criterion, seed: 1,
        options: .init(variances: .tied)
      ).clusters
    }
    #expect(try choose(.mostSeparated(minScore: 6)) == 4)
    #expect(try choose(.separation) == 2)
    #expect(try choose(.mostSeparated(minScore: 1000)) == 2)
  }

  @Test("too many, one, none, and identical points")
  func degenerate() throws {
    let three = Matrix(rows: [[0, 0], [1, 0], [0, 1]])
    let count = try ClusterCount.choose(
      three, candidates: [2, 9], criterion: .separation, seed: 1)
    #expect(count.clusters == 2)
    #expect(count.candidates[1].fit == nil && !count.candidates[1].isWhole)
    let one = try ClusterCount.choose(
      threeGroups, candidates: [1], criterion: .separation, seed: 1)
    #expect(one.clusters == 1 && one.isConfident)
    let equal = try ClusterCount.choose(
      Matrix(rows: 6, columns: 2), candidates: [2, 3], criterion: .separation, seed: 1)
    #expect(equal.clusters == 2 && !equal.isConfident)
    #expect(equal.chosen.separation?.minScore == 0 && equal.chosen.separation?.maxOverlap == 1)
    #expect(throws: ClusteringError.self) {
      try ClusterCount.choose(three, candidates: [], criterion: .bic, seed: 1)
    }
    #expect(throws: ClusteringError.self) {
      try ClusterCount.choose(three, candidates: [0, 2], criterion: .bic, seed: 1)
    }
    #expect(throws: ClusteringError.tooFewPoints(points: 3, needed: 4)) {
      try ClusterCount.choose(three, candidates: [4, 5], criterion: .bic, seed: 1)
    }
  }
}

@Suite("Clustering of updates")
struct UpdateClusteringTests {
  @Test("recommended settings find four clusters of 3, 6, 6, 6; the same seed repeats the result")
  func recommended() throws {
    let world = SyntheticUpdates(score: 40, parameters: 2000)
    let updates = world.drawInFull(seed: 1)
    let options = UpdateClusteringOptions.recommended(candidates: Array(2...6))
    let found = try UpdateClustering.cluster(updates, options: options, seed: 3)
    #expect(try ClusterAgreement(truth: world.truth, found: found.labels).adjustedRand == 1)
    #expect(found.count.isConfident && found.switchRound(rounds: 200) >= 99)
    #expect(found.noiseAdjustedSwitchRound(rounds: 200) >= 99)
    #expect(found.posteriors.rows == 21 && found.posteriors.columns == 4)
    let again = try UpdateClustering.cluster(updates, options: options, seed: 3)
    #expect(again.posteriors == found.posteriors && again.count == found.count)
    let fixed = try UpdateClustering.cluster(
      updates, options: .recommended(candidates: [4]), seed: 3)
    #expect(try ClusterAgreement(truth: world.truth, found: fixed.labels).adjustedRand == 1)
  }

  @Test("equal updates: posteriors 1/M, full overlap, no soft round")
  func noSignal() throws {
    let found = try UpdateClustering.cluster(
      [[Float]](repeating: [1, 2, 3], count: 8),
      options: .recommended(candidates: [2, 3]), seed: 1)
    #expect(found.posteriors.elements.allSatisfy { isClose($0, 0.5, absolute: 1e-12) })
    #expect(found.maxOverlap == 1 && found.switchRound(rounds: 200) == 0)
    #expect(found.noiseAdjustedSwitchRound(rounds: 200) == 0)
    let single = try UpdateClustering.cluster(
      [[Float(1), 2]], options: .recommended(candidates: [1]), seed: 1)
    #expect(single.labels == [0] && single.minScore == nil && single.switchRound(rounds: 8) == 4)
    #expect(single.noiseAdjustedSwitchRound(rounds: 8) == 4)
  }

  @Test("the released settings take posteriors with uniform weights from the released mixture")
  func released() throws {
    let set = try #require(MixtureGolden.load().wide.first)
    let found = try UpdateClustering.cluster(
      Matrix(rows: set.points), options: .asReleased(clusters: 4), seed: 0)
    let expected = set.pca.rdpcflVariant.projectionFirst2Minmax
    #expect(largestDifference(found.points, expected) < 1e-9)
    let mixture = try GaussianMixture.fitAsReleased(found.points, components: 4, seed: 0).mixture
    #expect(found.posteriors == mixture.withUniformWeights.posteriors(of: found.points))
    #expect(found.count.chosen.fit?.mixture == mixture)
  }
}
