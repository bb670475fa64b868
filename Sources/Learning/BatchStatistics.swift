// What a pass over a batch counts beside its gradients.

/// What one pass over a batch saw. Private: it never leaves the client without noise.
public struct BatchStatistics: Sendable, Hashable {
  public var examples = 0
  /// Right predictions; of texts whose every token is predicted, the sum of their shares.
  public var correct = 0.0
  /// Sum of losses in nats.
  public var loss = 0.0
  /// Examples whose gradient was not shortened.
  public var unclipped = 0
  /// Examples whose gradient was not finite and therefore counted as zero.
  public var notFinite = 0
  /// With groups of layers: how many examples had a gradient within each group's threshold.
  public var within: [Int] = []

  public init() {}

  /// Adds what another pass, or a tile of this one, counted of clipping.
  mutating func addClipped(_ other: BatchStatistics) {
    unclipped += other.unclipped
    notFinite += other.notFinite
    if within.isEmpty {
      within = other.within
    } else {
      for k in other.within.indices { within[k] += other.within[k] }
    }
  }

  /// - Parameter groups: of layers that are measured apart; 0 without any.
  mutating func clearClipped(groups: Int) {
    unclipped = 0
    notFinite = 0
    guard within.count == groups else {
      within = [Int](repeating: 0, count: groups)
      return
    }
    for k in within.indices { within[k] = 0 }
  }
}
