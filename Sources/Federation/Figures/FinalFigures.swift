// What is measured of a client's model when a run ends.

import Datasets
import Learning
import Ranks

/// A client's figures at the end of a run.
struct FinalFigures: Sendable {
  let accuracy: Double
  let loss: Double
  let confusion: ConfusionCounts
  /// Nil unless asked for.
  let tested: TestedExamples?

  /// - Parameter keepsExamples: whether every test example is remembered.
  init(
    of view: ClientView, features: FrozenFeatures?, by network: Network,
    mixing mixture: ModelMixture?, keepsExamples: Bool
  ) {
    // Next tokens are not confused with classes.
    let architecture = network.plan.architecture
    let classes = architecture.outputRows == .token ? 1 : architecture.classes
    var cells: [Int] = []
    cells.reserveCapacity(view.count)
    var tested =
      keepsExamples
      ? TestedExamples(count: view.count, hasMargins: classes == 2) : nil
    let seen = network.evaluate(view, features: features, mixing: mixture) { prediction in
      cells.append(prediction.label * classes + prediction.predicted)
      tested?.predicted[prediction.position] = prediction.predicted
      if let margin = prediction.margin { tested?.margins[prediction.position] = Double(margin) }
    } lossObserver: { position, loss in
      tested?.losses[position] = loss
    }
    let count = Double(max(seen.examples, 1))
    accuracy = seen.correct / count
    loss = seen.loss / count
    confusion = ConfusionCounts(classes: classes, cells: cells)
    self.tested = tested
  }
}

extension FinalFigures: RankValue {
  func write(to message: inout MessageWriter) {
    message.add(accuracy)
    message.add(loss)
    message.add(confusion.classes)
    message.add(confusion.triples.map { Int($0) })
    message.add(tested != nil)
    tested?.write(to: &message)
  }

  init(from message: inout MessageReader) throws(RanksError) {
    accuracy = try message.double()
    loss = try message.double()
    let classes = try message.int()
    let triples = try message.ints().map { UInt32(clamping: $0) }
    guard let confusion = ConfusionCounts(classes: classes, triples: triples) else {
      throw .malformed
    }
    self.confusion = confusion
    tested = try message.bool() ? try TestedExamples(from: &message) : nil
  }
}
