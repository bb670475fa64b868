// What a client's final model said of each of its test examples, where figures of groups or of scores are wanted.

import Clustering
import Datasets
import Ranks

/// Test examples of a client in the order of its view.
struct TestedExamples: Sendable {
  var predicted: [Int]
  /// Logit of class 1 minus that of class 0; empty unless there are two classes.
  var margins: [Double]
  /// In nats.
  var losses: [Double]

  init(count: Int, hasMargins: Bool) {
    predicted = [Int](repeating: 0, count: count)
    margins = [Double](repeating: 0, count: hasMargins ? count : 0)
    losses = [Double](repeating: 0, count: count)
  }

  /// Figures of the scores; nil unless there are two classes.
  ///
  /// - Parameter labels: of the same examples.
  func binaryFigures(_ labels: [Int]) throws -> BinaryFigures? {
    margins.isEmpty ? nil : try BinaryFigures(labels: labels, margins: margins)
  }
}

extension TestedExamples: RankValue {
  func write(to message: inout MessageWriter) {
    message.add(predicted)
    message.add(margins)
    message.add(losses)
  }

  init(from message: inout MessageReader) throws(RanksError) {
    (predicted, margins, losses) = (
      try message.ints(), try message.doubles(), try message.doubles()
    )
  }
}
