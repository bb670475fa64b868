// The predicted separation and the detection limit against the figures of the specification.

import Clustering
import Kernels
import RealModule
import TestSupport
import Testing

@Suite("Detectability")
struct DetectabilityTests {
  @Test("thresholds of the CNN and of ResNet-18 with 21 clients")
  func threshold() throws {
    let cnn = try #require(Detectability.detectionThreshold(parameters: 28_938, clients: 21))
    #expect(isClose(cnn, 6.1, absolute: 0.02))
    let resNet = try #require(
      Detectability.detectionThreshold(parameters: 11_181_642, clients: 21))
    #expect(isClose(resNet, 27, absolute: 0.05))
    #expect(Detectability.detectionThreshold(parameters: 0, clients: 21) == nil)
    #expect(Detectability.detectionThreshold(parameters: 9, clients: 0) == nil)
    #expect(Detectability.reliableScore(parameters: 16, clients: 1) == 7)
  }

  @Test("full batch: D N / (2 c z); the square-root law in the batch size; refusals are nil")
  func separationScore() throws {
    func score(_ distance: Double, batch: Double = 8000, noise: Double = 5) -> Double? {
      Detectability.separationScore(
        gradientDistance: distance, epochs: 1, samples: 8000, batchSize: batch, maxGradNorm: 2,
        noiseMultiplier: noise)
    }
    #expect(isClose(try #require(score(0.01)), 0.01 * 8000 / 20, relative: 1e-12))
    let ratio = try #require(score(0.01)) / #require(score(0.01, batch: 32))
    #expect(isClose(ratio, Double.sqrt(250), relative: 1e-12))
    #expect(score(0) == 0 && score(0.01, noise: 0) == .infinity)
    for bad in [score(-1), score(.nan), score(1, batch: 0), score(1, noise: -1)] {
      #expect(bad == nil)
    }
  }

  @Test("the score predicts the separation of simulated noisy sums of clipped gradients")
  func simulated() throws {
    // Two clients' updates η Σ (g + noise) / b in one direction; lr cancels.
    var stream = RandomStream(seed: 4, purpose: .test)
    let (steps, batch, clip, noise, distance, rate) = (10, 80.0, 1.0, 2.0, 0.3, 0.1)
    let draws = (0..<4000).map { _ in
      (0..<steps).reduce(0.0) { sum, _ in sum + rate * clip * noise * stream.nextGaussian() / batch
      }
    }
    let mean = draws.reduce(0, +) / 4000
    let deviation = Double.sqrt(draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000)
    let measured = rate * Double(steps) * distance / (2 * deviation)
    let predicted = try #require(
      Detectability.separationScore(
        gradientDistance: distance, epochs: 1, samples: Double(steps) * batch, batchSize: batch,
        maxGradNorm: clip, noiseMultiplier: noise))
    // The standard deviation of 4,000 draws is known to 1.1 % (one standard error).
    #expect(isClose(measured, predicted, relative: 0.05))
  }
}
