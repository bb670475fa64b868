// Mistakes that engines of DP-SGD have been found to make; only tests, which must see the audit find them, ask for one.

package enum EngineFault: Sendable, Hashable, CaseIterable {
  /// The sum leaves as it is.
  case noNoise
  /// Half of the noise, as where one record can change both ends of a difference.
  case halfNoise
  /// Gradients are added as they are.
  case noClipping
  /// Every batch is added up twice.
  case doubleBatch

  /// Of the noise that is accounted.
  var noiseShare: Float {
    switch self {
    case .noNoise: 0
    case .halfNoise: 0.5
    case .noClipping, .doubleBatch: 1
    }
  }
}
