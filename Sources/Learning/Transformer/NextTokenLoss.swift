// The objective of language models: −log p of each next token, averaged over the predictions of one
// example.

public import Kernels

/// The mean over the counted predictions of an example. The divisor is the example's own count: a
/// batch's would couple examples. A text without a prediction has loss 0 and counts as right.
public struct NextTokenLoss: Objective {
  /// The first position whose token is predicted and counted, at least 1.
  public let from: Int
  /// From a counted position to the next: 1 counts all.
  public let every: Int

  /// - Precondition: both are at least 1; the first token is not predicted.
  public init(from: Int = 1, every: Int = 1) {
    precondition(from >= 1 && every >= 1, "the first token is not predicted")
    self.from = from
    self.every = every
  }

  public func score<Source: ExampleSource>(
    _ outputs: FloatBuffer, rows: Range<Int>, width: Int, source: Source, position: Int
  ) -> ExampleScore {
    var tokens = [Int32](repeating: 0, count: rows.count)
    var span = tokens.mutableSpan
    source.write(position, into: &span)
    let counted = rows.count > from ? (rows.count - from - 1) / every + 1 : 0
    var score = ExampleScore(loss: 0, correct: counted == 0 ? 1 : 0)
    var hits = 0
    for (t, row) in rows.enumerated() {
      guard t + 1 < rows.count, t + 1 >= from, (t + 1 - from) % every == 0 else {
        outputs.clear(at: row * width, count: width)
        continue
      }
      let (loss, isCorrect) = outputs.tokenCrossEntropy(
        at: row * width, classes: width, label: Int(tokens[t + 1]), weight: 1 / Float(counted))
      score.loss += loss / Double(counted)
      if isCorrect { hits += 1 }
    }
    // Divided once: n times 1/n can be above 1.
    if counted > 0 { score.correct = Double(hits) / Double(counted) }
    return score
  }
}
