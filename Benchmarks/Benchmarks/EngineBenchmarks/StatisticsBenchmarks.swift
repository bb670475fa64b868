// What the server and the accountants compute.

import Benchmark
import Clustering
import Kernels
import Privacy

func statisticsBenchmarks() throws {
  var stream = RandomStream(seed: 1, purpose: .test)
  let (points, coordinates, components) = (200, 8, 4)
  let updates = Matrix(
    rows: points, columns: coordinates,
    elements: (0..<points * coordinates).map { _ in stream.nextGaussian() })
  let means = Matrix(rows: (0..<components).map { updates.row($0) })
  let start = try GaussianMixture(
    means: means, variances: [Double](repeating: 1, count: components),
    weights: [Double](repeating: 1 / Double(components), count: components))
  measure("EM step, a point", .items(points)) {
    blackHole(
      try GaussianMixture.fit(updates, from: start, options: MixtureOptions(maxIterations: 1)))
  }

  let training = PrivacyEvent.trainingSteps(sampleRate: 0.004, noiseMultiplier: 1, count: 10_000)
  measure("accountant, Renyi, a bound", .items(1), repeats: 1) {
    blackHole(try RDPAccountant().bound(for: training, delta: 1e-5))
  }
  measure("accountant, privacy loss, a bound", .items(1), repeats: 1) {
    blackHole(try PLDAccountant().bound(for: training, delta: 1e-5))
  }
}
