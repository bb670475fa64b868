// What is measured of a client's model when a run ends.

import Datasets
import Learning

/// A client's figures at the end of a run.
struct FinalFigures: Sendable {
  let accuracy: Double
  let loss: Double
  let confusion: ConfusionCounts

  init(accuracy: Double, loss: Double, confusion: ConfusionCounts) {
    self.accuracy = accuracy
    self.loss = loss
    self.confusion = confusion
  }

  init(of view: ClientView, features: FrozenFeatures?, by network: Network) {
    // Next tokens are not confused with classes.
    let architecture = network.plan.architecture
    let classes = architecture.outputRows == .token ? 1 : architecture.classes
    var counts: [Int: Int] = [:]
    let seen = network.evaluate(view, features: features) { label, predicted in
      counts[label * classes + predicted, default: 0] += 1
    }
    let count = Double(max(seen.examples, 1))
    accuracy = seen.correct / count
    loss = seen.loss / count
    confusion = ConfusionCounts(classes: classes, counts: counts)
  }
}
