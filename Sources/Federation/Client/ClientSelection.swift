// A client's private choice among the models.

import Datasets
import Kernels
import Learning
import Privacy

extension Client {
  /// How far one record moves the utility of a model.
  static let selectionSensitivity = 0.5

  /// What a choice of a model puts into the ledger.
  func selectionEntry(round: Int) -> LedgerEntry {
    guard let epsilon = noise.selectionEpsilon else {
      return .nonPrivate(round: round + 1, client: profile.index, purpose: .clusterSelection)
    }
    return .exponentialMechanism(
      round: round + 1, client: profile.index, epsilon: epsilon,
      sensitivity: Self.selectionSensitivity)
  }

  /// Chooses a model by the number of training examples it gets right.
  ///
  /// The utility is (examples right) − ½ (examples), over every local record exactly once: adding or
  /// removing a record moves each utility by exactly ½, so the sensitivity is ½ (docs/method.md).
  func select(
    _ selection: ClientTask.Selection, round: Int, models: [[Float]], personal: [Float]?,
    on lane: Lane
  ) async throws -> (model: Int, entry: LedgerEntry) {
    if selection.scoring == .resampledAccuracy {
      return try await selectAsReleased(selection, round: round, models: models, on: lane)
    }
    let (view, features) = trainingData(in: round)
    let exchange = exchange
    let canaries = kept?.audited?.canaries.includedExamples
    let utilities = try await lane.run { workspace in
      selection.candidates.map { candidate in
        let materialized = exchange?.evaluated(models[candidate], personal: personal)
        let network = workspace.network(for: materialized)
        network.load(trainable: materialized?.start ?? models[candidate])
        var seen = network.evaluate(view, features: features)
        if let canaries { seen.add(network.evaluate(canaries)) }
        return seen.correct - 0.5 * Double(seen.examples)
      }
    }
    guard let epsilon = noise.selectionEpsilon else {
      let best = utilities.indices.max { (utilities[$0], $1) < (utilities[$1], $0) } ?? 0
      return (selection.candidates[best], selectionEntry(round: round))
    }
    var stream = noiseMaking.stream(
      RandomStream(seed: seed, purpose: .clusterSelection, round: round, client: profile.index))
    let mechanism = ExponentialMechanism(epsilon: epsilon, sensitivity: Self.selectionSensitivity)
    let counted = settings.fault.map { fault in utilities.map { $0 * fault.utilityFactor } }
    let choice = try mechanism.release(utilities: counted ?? utilities, using: &stream).value
    return (selection.candidates[choice], selectionEntry(round: round))
  }
}
