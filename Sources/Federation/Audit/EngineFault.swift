// Mistakes that engines of DP-SGD have been found to make; only tests, which must see the audit find them, ask for one.

package enum EngineFault: Sendable, Hashable, CaseIterable {
  /// The sum leaves as it is.
  case noNoise
  /// A quarter of the noise, as where a mean is noised for a sum over larger batches.
  case weakNoise
  /// Gradients are added as they are.
  case noClipping

  /// Of the noise that is accounted.
  var noiseShare: Float {
    switch self {
    case .noNoise: 0
    case .weakNoise: 0.25
    case .noClipping: 1
    }
  }
}
