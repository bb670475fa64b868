// A client's part in a mixture of models: what each of its examples counts for each, and in which shares they explain it.

import Datasets
import Kernels
package import Learning
import Privacy
import Scenarios

extension ClientTask {
  /// The client trains every model of the server, with a task for each, on the same batches; an example counts for a model
  /// by its posterior.
  public struct Mixture: Sendable {
    /// In which shares the models explain the client, by what it has released; by model, together 1.
    public let prior: [Double]

    public init(prior: [Double]) { self.prior = prior }
  }
}

extension ClientTask {
  /// Whether the task's releases stand in the ledger: those of the first model stand for those of all, since all that a
  /// record adds to them together is one clipped gradient.
  var isPaid: Bool { mixture == nil || model == 0 }
}

/// What a client's examples count for each model in a round.
struct ExampleShares {
  /// From 0.
  let round: Int
  /// By model and example.
  let values: [[Float]]
}

/// Examples, each with the weight that it has for one model.
package struct SharedExamples<Source: ExampleSource>: ExampleSource {
  let source: Source
  let shares: [Float]

  /// - Parameter shares: from 0 to 1, one for each example.
  package init(_ source: Source, shares: [Float]) {
    self.source = source
    self.shares = shares
  }

  package var count: Int { source.count }
  package func label(at position: Int) -> Int { source.label(at: position) }
  package func length(at position: Int) -> Int { source.length(at: position) }
  package func weight(at position: Int) -> Float { source.weight(at: position) * shares[position] }
  package func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    source.write(position, into: &destination)
  }
  package func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    source.write(position, into: &destination)
  }
}

extension Client {
  /// The E step of a round, once for all of its tasks; nil where examples count whole.
  func shares(
    of mixture: ClientTask.Mixture?, round: Int, models: [[Float]], on lane: Lane
  ) async throws -> [[Float]]? {
    guard let mixture else { return nil }
    if let known = kept?.shares, known.round == round { return known.values }
    let (view, features) = trainingData(in: round)
    let losses = try await lane.run { workspace in
      let network = workspace.network(for: nil)
      return models.map { model in
        network.load(trainable: model)
        var losses = [Double](repeating: 0, count: view.count)
        _ = network.evaluate(view, features: features, lossObserver: { losses[$0] = $1 })
        return losses
      }
    }
    let found = ExampleShares(
      round: round, values: Responsibilities.shares(losses: losses, prior: mixture.prior))
    let kept = kept ?? KeptByClient()
    kept.shares = found
    self.kept = kept
    return found.values
  }

  /// What the release of the shares puts into the ledger.
  func posteriorEntry(round: Int) -> LedgerEntry {
    guard let multiplier = noise.posteriorNoiseMultiplier else {
      return .nonPrivate(round: round + 1, client: profile.index, purpose: .posterior)
    }
    return .gaussian(
      round: round + 1, client: profile.index, purpose: .posterior, noiseMultiplier: multiplier,
      maxGradNorm: nil, sensitivity: 1)
  }

  /// Releases in which shares the models explain the client: the sums of its examples' shares with noise, and of them the
  /// next prior. A record's shares are none negative and together at most 1, so that it moves the sums by at most 1 in L2.
  func releasePosterior(_ shares: [[Float]], round: Int) -> [Double] {
    guard let multiplier = noise.posteriorNoiseMultiplier else {
      return Responsibilities.prior(
        of: Responsibilities.sums(of: shares, pitch: nil), standardDeviation: 0)
    }
    let sums = Responsibilities.sums(
      of: shares, pitch: Responsibilities.pitch(examples: shares.first?.count ?? 0))
    let mechanism = GaussianMechanism(noiseMultiplier: multiplier)
    // Behind the steps of all models, whose noise has their numbers.
    var stepNoise = StepNoise(
      noiseMaking, seed: seed, round: round, client: profile.index,
      step: profile.plan.stepsPerRound * shares.count)
    let released: Released<[Float]>
    if noiseMaking.mode == .exact {
      var grid = ClippedGridSum(parts: mechanism.grid(count: shares.count, sensitivity: 1))
      for example in shares[0].indices { grid.add(shares.map { $0[example] }) }
      released = grid.release { stepNoise.integer(standardDeviation: $0) }
    } else {
      released = mechanism.release(ClippedSum(values: sums, sensitivity: 1)) {
        stepNoise.add(to: &$0, standardDeviation: $1)
      }
    }
    return Responsibilities.prior(of: released.value, standardDeviation: multiplier)
  }
}
