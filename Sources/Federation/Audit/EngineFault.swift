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
  /// All clients draw the same noise.
  case sharedNoise
  /// Every other round draws the noise of the round before.
  case repeatedKey
  /// Only the first choice of a model is entered into the ledger.
  case unpaidChoices

  /// Of the noise that is accounted.
  var noiseShare: Float {
    switch self {
    case .noNoise: 0
    case .halfNoise: 0.5
    case .noClipping, .doubleBatch, .sharedNoise, .repeatedKey, .unpaidChoices: 1
    }
  }

  /// The round and the client by which noise is keyed.
  func noiseKey(round: Int, client: Int) -> (round: Int, client: Int) {
    switch self {
    case .sharedNoise: (round, 0)
    case .repeatedKey: (round & ~1, client)
    case .noNoise, .halfNoise, .noClipping, .doubleBatch, .unpaidChoices: (round, client)
    }
  }
}
