// What a model is trained for: a loss of single examples, with its gradient.

public import Kernels

/// What one example contributed.
public struct ExampleScore: Sendable, Hashable {
  /// In nats for probabilities; the square for squared errors.
  public var loss: Double
  /// 1 for a right prediction, else 0: of a text, the share of counted tokens that were predicted right.
  public var correct: Double

  public init(loss: Double, correct: Double) {
    self.loss = loss
    self.correct = correct
  }
}

/// The loss of an example. It depends on that example alone: a term that couples examples would void the
/// sensitivity of clipped sums.
public protocol Objective: Sendable {
  /// Replaces the model's outputs for one example by ∂loss/∂outputs.
  ///
  /// - Parameters:
  ///   - outputs: rows of `width` floats.
  ///   - rows: of this example.
  /// - Returns: its loss before.
  func score<Source: ExampleSource>(
    _ outputs: FloatBuffer, rows: Range<Int>, width: Int, source: Source, position: Int
  ) -> ExampleScore
}

/// Cross-entropy of the softmax of one row of logits against a class.
public struct SoftmaxCrossEntropy: Objective {
  public init() {}

  public func score<Source: ExampleSource>(
    _ outputs: FloatBuffer, rows: Range<Int>, width: Int, source: Source, position: Int
  ) -> ExampleScore {
    let (loss, isCorrect) = outputs.softmaxCrossEntropy(
      at: rows.lowerBound * width, classes: width, label: source.label(at: position))
    return ExampleScore(loss: Double(loss), correct: isCorrect ? 1 : 0)
  }
}
