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
}
