// Golden fits, laws of EM, and the inputs on which naive implementations break.

import Clustering
import Kernels
import RealModule
import TestSupport
import Testing

@Suite("Gaussian mixture")
struct GaussianMixtureTests {
  private func start(of set: MixtureGolden.Dataset) throws -> GaussianMixture {
    try GaussianMixture.start(
      means: Matrix(rows: set.`init`.meansFromPointIndex.map { set.points[$0] }),
      points: set.matrix)
  }

  private func options(of set: MixtureGolden.Dataset) -> MixtureOptions {
    MixtureOptions(
      tolerance: set.`init`.tol, maxIterations: set.`init`.maxIter, regCovar: set.`init`.regCovar)
  }

  @Test("one iteration from the stated start gives the golden parameters")
  func oneIteration() throws {
    for set in try MixtureGolden.load().datasets {
      let start = try start(of: set)
      #expect(isClose(start.variances[0], set.`init`.varianceEach, relative: 1e-12))
      #expect(largestDifference(start.weights, set.`init`.weights) < 1e-15)
      var options = options(of: set)
      options.maxIterations = 1
      let fit = try GaussianMixture.fit(set.matrix, from: start, options: options)
      #expect(fit.iterations == 1 && !fit.converged)
      let expected = set.afterOneIteration
      #expect(largestDifference(fit.mixture.means, expected.means) < 1e-9, "\(set.id)")
      #expect(largestDifference(fit.mixture.variances, expected.variances) < 1e-9, "\(set.id)")
      #expect(largestDifference(fit.mixture.weights, expected.weights) < 1e-9, "\(set.id)")
    }
  }

  @Test("the final fit, its likelihood, posteriors, BIC and labels are the golden ones")
  func finalFit() throws {
    let sets = try MixtureGolden.load().datasets
    #expect(sets.count == 12)
    for set in sets {
      let options = options(of: set)
      let fit = try GaussianMixture.fit(set.matrix, from: start(of: set), options: options)
      let expected = set.fit
      #expect(largestDifference(fit.mixture.means, expected.means) < 1e-6, "\(set.id)")
      #expect(largestDifference(fit.mixture.variances, expected.variances) < 1e-6, "\(set.id)")
      #expect(largestDifference(fit.mixture.weights, expected.weights) < 1e-6, "\(set.id)")
      #expect(isClose(fit.logLikelihood, expected.logLikelihood, relative: 1e-9), "\(set.id)")
      #expect(abs(fit.iterations - expected.nIter) <= 1 && fit.converged == expected.converged)
      #expect(isClose(fit.bic(options: options), expected.bic, relative: 1e-9), "\(set.id)")
      #expect(largestDifference(fit.posteriors, expected.posteriors) < 1e-6, "\(set.id)")
      let uniform = fit.mixture.withUniformWeights.posteriors(of: set.matrix)
      #expect(largestDifference(uniform, expected.posteriorsUniformWeights) < 1e-6, "\(set.id)")
      #expect(fit.labels == expected.labels, "\(set.id)")
    }
  }

  @Test("the mixture on the scaled projection of the wide sets is the golden one")
  func wide() throws {
    let sets = try MixtureGolden.load().wide
    #expect(sets.count == 2)
    for set in sets {
      let components = try PrincipalComponents.fit(
        Matrix(rows: set.points), options: .init(components: 2))
      let points = PointScaling.perAxis.apply(to: components.points)
      let expected = set.gmmOnMinmaxProjection
      let start = try GaussianMixture.start(
        means: Matrix(rows: expected.initPointIndex.map { points.row($0) }), points: points)
      let fit = try GaussianMixture.fit(points, from: start)
      #expect(largestDifference(fit.mixture.means, expected.means) < 1e-6, "\(set.id)")
      #expect(largestDifference(fit.mixture.variances, expected.variances) < 1e-6)
      #expect(largestDifference(fit.mixture.weights, expected.weights) < 1e-6)
      #expect(isClose(fit.logLikelihood, expected.logLikelihood, relative: 1e-9))
      #expect(abs(fit.iterations - expected.nIter) <= 1)
      #expect(fit.labels == expected.labels)
      let separation = Separation(of: fit)
      #expect(isClose(try #require(separation.minScore), expected.mss, relative: 1e-6))
      #expect(isClose(separation.maxOverlap, expected.mpo, relative: 1e-5, absolute: 1e-300))
    }
  }

  @Test("seeded starts find the golden optimum of the separated sets, never a collapsed one")
  func seededStarts() throws {
    for set in try MixtureGolden.load().datasets where set.separation.mss > 2 {
      let fit = try GaussianMixture.fit(set.matrix, components: set.nComponents, seed: 1)
      #expect(fit.logLikelihood >= set.fit.logLikelihood - 1e-4, "\(set.id)")
      #expect(!fit.collapsed, "\(set.id)")
    }
  }

  @Test("the same seed repeats its bits, and another order of points permutes the posteriors")
  func determinism() throws {
    let set = try #require(MixtureGolden.load().datasets.first { $0.id == "gmm-03" })
    let first = try GaussianMixture.fit(set.matrix, components: 4, seed: 7)
    let second = try GaussianMixture.fit(set.matrix, components: 4, seed: 7)
    #expect(first == second)
    let reversed = try GaussianMixture.fit(
      Matrix(rows: Array(set.points.reversed())), components: 4, seed: 7)
    #expect(isClose(first.logLikelihood, reversed.logLikelihood, relative: 1e-5))
  }

  @Test("the likelihood never falls from one iteration to the next")
  func monotone() throws {
    for set in try MixtureGolden.load().datasets {
      var options = options(of: set)
      var last = -Double.infinity
      for iterations in 1...12 {
        options.maxIterations = iterations
        let fit = try GaussianMixture.fit(set.matrix, from: start(of: set), options: options)
        // The additive floor is not part of the likelihood; it may cost a little.
        #expect(fit.logLikelihood >= last - 1e-4, "\(set.id) at iteration \(iterations)")
        last = fit.logLikelihood
      }
    }
  }

  @Test("a stray point does not get a component of its own while another start avoids it")
  func collapseProtection() throws {
    var stream = RandomStream(seed: 3, purpose: .test)
    var rows = (0..<20).map { i in
      [Double(i % 2) * 1.2 + 0.3 * stream.nextGaussian(), 0.3 * stream.nextGaussian()]
    }
    rows.append([0.6, 2.8])
    let points = Matrix(rows: rows)
    let guarded = try GaussianMixture.fit(
      points, components: 2, seed: 1, options: .init(starts: 60))
    let free = try GaussianMixture.fit(
      points, components: 2, seed: 1, options: .init(starts: 60, minEffectivePoints: 0))
    #expect(free.logLikelihood > guarded.logLikelihood)
    #expect((free.effectivePoints.min() ?? 9) < 1.5)
    #expect((guarded.effectivePoints.min() ?? 0) > 5)
    #expect(!guarded.collapsed)
    let forced = try GaussianMixture.fit(points, components: 18, seed: 1)
    #expect(forced.collapsed)
  }

  @Test("weights stay uniform and variances stay equal when asked")
  func options() throws {
    let set = try #require(MixtureGolden.load().datasets.first { $0.id == "gmm-06" })
    let fit = try GaussianMixture.fit(
      set.matrix, components: 4, seed: 1, options: .init(variances: .tied, weights: .uniform))
    #expect(fit.mixture.weights == [0.25, 0.25, 0.25, 0.25])
    #expect(Set(fit.mixture.variances).count == 1)
    let options = MixtureOptions(variances: .tied, weights: .uniform)
    #expect(fit.parameters(options: options) == 4 * 2 + 1)
  }

  @Test("the released fit begins with a hard assignment to single points")
  func released() throws {
    let set = try #require(MixtureGolden.load().datasets.first { $0.id == "gmm-04" })
    let fit = try GaussianMixture.fitAsReleased(set.matrix, components: 3, seed: 0)
    #expect(fit.start == 0)
    #expect(isClose(fit.logLikelihood, set.fit.logLikelihood, relative: 1e-4))
  }

  @Test("points far from every mean keep finite posteriors that sum to one")
  func farPoints() throws {
    let mixture = try GaussianMixture(
      means: Matrix(rows: [[0, 0], [1, 0]]), variances: [1e-6, 1e-6], weights: [1, 3])
    let points = Matrix(rows: [[1e6, 0], [-1e6, 5], [0.5, 1e3]])
    let posteriors = mixture.posteriors(of: points)
    for i in 0..<3 {
      #expect(isClose(posteriors.row(i).reduce(0, +), 1, absolute: 1e-9))
    }
    #expect(mixture.logLikelihood(of: points).isFinite)
    #expect(isClose(posteriors[2, 1], 0.75, absolute: 1e-3))
  }

  @Test("all points equal, one cluster, as many clusters as points: defined")
  func degenerate() throws {
    let equal = Matrix(repeating: 2, rows: 6, columns: 2)
    for components in 1...6 {
      let fit = try GaussianMixture.fit(equal, components: components, seed: 1)
      #expect(fit.logLikelihood.isFinite && fit.posteriors.elements.allSatisfy(\.isFinite))
      #expect(isClose(fit.mixture.weights.reduce(0, +), 1, absolute: 1e-12))
    }
    let points = Matrix(rows: [[0, 0], [1, 0], [5, 5]])
    let one = try GaussianMixture.fit(points, components: 1, seed: 1)
    #expect(largestDifference(one.mixture.means, [[2, 5.0 / 3]]) < 1e-12)
    #expect(one.labels == [0, 0, 0])
    #expect(Set(try GaussianMixture.fit(points, components: 3, seed: 1).labels).count == 3)
    #expect(throws: ClusteringError.tooFewPoints(points: 3, needed: 4)) {
      try GaussianMixture.fit(points, components: 4, seed: 1)
    }
    #expect(throws: ClusteringError.notFinite(row: 1, column: 0)) {
      try GaussianMixture.fit(Matrix(rows: [[0, 0], [.nan, 0]]), components: 1, seed: 1)
    }
    #expect(throws: ClusteringError.empty) {
      try GaussianMixture.fit(Matrix(rows: 0, columns: 0), components: 1, seed: 1)
    }
    for bad in [
      MixtureOptions(tolerance: 0), MixtureOptions(tolerance: .nan), MixtureOptions(regCovar: 0),
      MixtureOptions(maxIterations: 0), MixtureOptions(starts: 0),
      MixtureOptions(minEffectivePoints: -1),
    ] {
      #expect(throws: ClusteringError.self) {
        try GaussianMixture.fit(points, components: 2, seed: 1, options: bad)
      }
    }
    #expect(throws: ClusteringError.self) {
      try GaussianMixture(means: points, variances: [1, 1, 0], weights: [1, 1, 1])
    }
  }
}
