// The published code's way to choose a cluster, for the variant "as-released" alone.

import Datasets
import Kernels
import Learning
import Privacy
import Scenarios

/// Some positions of another source, in order and with repeats.
private struct Resampled<Source: ExampleSource>: ExampleSource {
  let source: Source
  let positions: [Int]

  var count: Int { positions.count }
  func label(at position: Int) -> Int { source.label(at: positions[position]) }
  func length(at position: Int) -> Int { source.length(at: positions[position]) }
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    source.write(positions[position], into: &destination)
  }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    source.write(positions[position], into: &destination)
  }
}

extension Client {
  /// Scores every candidate by its accuracy on a Poisson-resampled multiset of its own, and adds the
  /// noise that would be right if each record were counted once. The ledger gets what it really costs.
  func selectAsReleased(
    _ selection: ClientTask.Selection, round: Int, models: [[Float]], on lane: Lane
  ) async throws -> (model: Int, entry: LedgerEntry) {
    let view = trainingData(in: round).view
    let batches = (view.count + profile.plan.batchSize - 1) / profile.plan.batchSize
    var stream = RandomStream(
      seed: seed, purpose: .clusterSelection, round: round, client: profile.index)
    let draws = selection.candidates.map { _ in
      (0..<batches).flatMap { _ in
        (0..<view.count).filter { _ in stream.nextUnit() * Double(batches) < 1 }
      }
    }
    let accuracies = try await lane.run { workspace in
      zip(selection.candidates, draws).map { candidate, positions in
        workspace.network.load(trainable: models[candidate])
        let seen = workspace.network.evaluate(Resampled(source: view, positions: positions))
        return 100 * seen.correct / Double(max(seen.examples, 1))
      }
    }
    guard let claimed = noise.selectionEpsilon else {
      let best = accuracies.indices.max { (accuracies[$0], $1) < (accuracies[$1], $0) } ?? 0
      return (
        selection.candidates[best],
        .nonPrivate(round: round + 1, client: profile.index, purpose: .clusterSelection)
      )
    }
    let sensitivity = 100 / Double(max(view.count - 1, 1))
    let choice = try ExponentialMechanism(epsilon: claimed, sensitivity: sensitivity)
      .release(utilities: accuracies, using: &stream).value
    let real = ResampledSelection.epsilon(
      claimed: claimed, client: profile.plan, candidates: selection.candidates.count,
      rounds: settings.rounds)
    return (
      selection.candidates[choice],
      .exponentialMechanism(
        round: round + 1, client: profile.index, epsilon: real, sensitivity: sensitivity)
    )
  }
}
