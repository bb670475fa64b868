// How many numbers clients train: some of the model's own, or an adapter's beside it.

import Formatting
import Scenarios

/// Where the numbers are that clients train.
enum TrainedNumbers: Sendable, Hashable {
  /// Among the model's parameters.
  case ofModel
  /// In an adapter alone.
  case beside
  /// In an adapter, and in layers that are trained whole.
  case both

  init(_ adapter: Scenario.Adapter?) {
    guard let traits = adapter?.traits, !traits.trainsModelTensors || traits.softRows != nil else {
      self = .ofModel
      return
    }
    self = traits.modulesToSave.isEmpty ? .beside : .both
  }

  /// "492 numbers trained beside a model of 1,092".
  func text(_ trained: Int, model: Int) -> String {
    let (some, all) = (NumberText.grouped(trained), NumberText.grouped(model))
    return switch self {
    case .ofModel: "\(some) of \(all) parameters trained"
    case .beside: "\(some) numbers trained beside a model of \(all)"
    case .both: "\(some) numbers trained in and beside a model of \(all)"
    }
  }
}
