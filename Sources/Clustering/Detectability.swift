// What separation to expect before any training, and when clusters can be found at all.
//
// The separation follows from Lemmas 4.1 and 4.2 of Malekmohammadi et al. (2025) in the regime of small
// learning rates; the limit is that of a spiked random matrix: Benaych-Georges and Nadakuditi, "The
// singular values and vectors of low rank perturbations of large rectangular random matrices" (2012).

import RealModule

/// Predictions for the first, full-batch round.
public enum Detectability {
  /// SS = D √(K N b) / (2 c z), the separation score of two clusters in the space of all parameters.
  ///
  /// - Parameters:
  ///   - gradientDistance: D, the distance of the two clusters' mean clipped gradients, at most 2c.
  ///   - epochs: K, local epochs in the round.
  ///   - samples: N, training examples of a client.
  ///   - batchSize: b; N for the full batch.
  ///   - maxGradNorm: c, the clipping bound.
  ///   - noiseMultiplier: z, the noise's standard deviation divided by c; 0 gives infinity for D > 0.
  /// - Returns: nil if an argument is not finite, D is negative, z is negative, or another is not
  ///   positive.
  public static func separationScore(
    gradientDistance: Double, epochs: Double, samples: Double, batchSize: Double,
    maxGradNorm: Double, noiseMultiplier: Double
  ) -> Double? {
    let positive = [epochs, samples, batchSize, maxGradNorm]
    guard positive.allSatisfy({ $0 > 0 && $0.isFinite }),
      gradientDistance >= 0, gradientDistance.isFinite,
      noiseMultiplier >= 0, noiseMultiplier.isFinite
    else { return nil }
    guard gradientDistance > 0 else { return 0 }
    return gradientDistance * Double.sqrt(epochs * samples * batchSize)
      / (2 * maxGradNorm * noiseMultiplier)
  }

  /// (p/n)^¼: below this separation score the principal components of n noisy updates of p parameters
  /// say nothing about two balanced clusters, however well the clusters would be told apart if the
  /// direction between them were known. Nil unless both counts are positive.
  public static func detectionThreshold(parameters: Int, clients: Int) -> Double? {
    guard parameters > 0, clients > 0 else { return nil }
    return Double.sqrt(Double.sqrt(Double(parameters) / Double(clients)))
  }

  /// The separation score from which exact recovery of clusters of 3, 6, 6 and 6 clients is to be
  /// expected: 3.5 thresholds (docs/clustering.md has the measurement).
  public static func reliableScore(parameters: Int, clients: Int) -> Double? {
    detectionThreshold(parameters: parameters, clients: clients).map { 3.5 * $0 }
  }
}
