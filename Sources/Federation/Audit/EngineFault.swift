// Mistakes that engines of DP-SGD have been found to make; only tests, which must see the audit find them, ask for one.

package enum EngineFault: Sendable, Hashable, CaseIterable {
  /// The sum leaves as it is.
  case noNoise
  /// Half of the noise, as where one record can change both ends of a difference.
  case halfNoise
  /// Gradients are added as they are.
  case noClipping
  /// The mean gradient of a batch is shortened instead of each example's: one that is long enough decides it. Not with
  /// exact noise, which takes records one by one.
  case clippedMean
  /// Every batch is added up twice.
  case doubleBatch
  /// All clients draw the same noise.
  case sharedNoise
  /// Every other round draws the noise of the round before.
  case repeatedKey
  /// Only the first choice of a model is entered into the ledger.
  case unpaidChoices
  /// Models are chosen without noise.
  case silentChoices
  /// Every record counts twice for a model.
  case doubledUtility

  /// Of the noise that is accounted.
  var noiseShare: Float {
    switch self {
    case .noNoise: 0
    case .halfNoise: 0.5
    case .noClipping, .clippedMean, .doubleBatch, .sharedNoise, .repeatedKey, .unpaidChoices,
      .silentChoices, .doubledUtility:
      1
    }
  }

  /// By how much utilities are too large, beside their noise.
  var utilityFactor: Double {
    switch self {
    case .silentChoices: 1e9
    case .doubledUtility: 2
    case .noNoise, .halfNoise, .noClipping, .clippedMean, .doubleBatch, .sharedNoise, .repeatedKey,
      .unpaidChoices:
      1
    }
  }

  /// How often a batch is added up.
  var additions: Int { self == .doubleBatch ? 2 : 1 }

  /// How long single gradients may be, in clipping bounds; nil as the settings say.
  var looseBound: Float? {
    switch self {
    case .noClipping, .clippedMean: 100
    case .noNoise, .halfNoise, .doubleBatch, .sharedNoise, .repeatedKey, .unpaidChoices,
      .silentChoices, .doubledUtility:
      nil
    }
  }

  /// The round and the client by which noise is keyed.
  func noiseKey(round: Int, client: Int) -> (round: Int, client: Int) {
    switch self {
    case .sharedNoise: (round, 0)
    case .repeatedKey: (round & ~1, client)
    case .noNoise, .halfNoise, .noClipping, .clippedMean, .doubleBatch, .unpaidChoices,
      .silentChoices, .doubledUtility:
      (round, client)
    }
  }
}
