// What a network says of one example.

/// The class that a network predicts for an example.
public struct Prediction: Sendable {
  /// In the source that was evaluated.
  public let position: Int
  public let label: Int
  public let predicted: Int
  /// Logit of class 1 minus that of class 0; nil unless there are two classes.
  public let margin: Float?
}
