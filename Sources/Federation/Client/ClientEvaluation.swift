// How models do on a client's test examples, and what its own training examples cost.

import Datasets
import Learning
import Scenarios

extension Client {
  /// Accuracy and mean loss of what serves this client on its test examples.
  ///
  /// - Parameter round: as they are in it, from 0.
  func evaluate(
    _ served: ServedModel, round: Int, on lane: Lane
  ) async throws -> TestFigures {
    let (view, features) =
      profile.earlier(in: round).map { ($0.test, nil) }
      ?? (profile.test, kept?.testFeatures)
    let materialized = exchange?.evaluated(served.model, personal: served.personal)
    let seen = try await lane.run { workspace in
      let network = workspace.network(for: materialized)
      network.load(trainable: materialized?.start ?? served.model)
      return network.evaluate(view, features: features, mixing: served.mixture)
    }
    let count = Double(max(seen.examples, 1))
    return TestFigures(accuracy: seen.correct / count, loss: seen.loss / count)
  }

  /// The same with the confusion matrix, and with every example's prediction where they are to be kept.
  func finalFigures(
    _ served: ServedModel, keepsExamples: Bool, on lane: Lane
  ) async throws -> FinalFigures {
    let (view, features) = (profile.test, kept?.testFeatures)
    let materialized = exchange?.evaluated(served.model, personal: served.personal)
    return try await lane.run { workspace in
      let network = workspace.network(for: materialized)
      network.load(trainable: materialized?.start ?? served.model)
      return FinalFigures(
        of: view, features: features, by: network, mixing: served.mixture,
        keepsExamples: keepsExamples)
    }
  }

  /// The same for a whole (merged) model, in single precision throughout.
  ///
  /// - Parameter mixture: of merged models, in the place of the one.
  func evaluateMerged(
    _ parameters: [Float], mixing mixture: ModelMixture?, keepsExamples: Bool, on lane: Lane
  ) async throws -> FinalFigures {
    let view = profile.test
    let features = kept?.testFeatures
    return try await lane.run { workspace in
      let network = try workspace.whole()
      network.load(trainable: parameters)
      // Merging moves nothing below the first trained layer, whose input is then the same, if not always laid out so.
      let features = features.flatMap { $0.fit(network) ? $0 : nil }
      return FinalFigures(
        of: view, features: features, by: network, mixing: mixture, keepsExamples: keepsExamples)
    }
  }

  /// Hundredths of the clipping bound that bound its examples' gradients in a round; nil where they are not followed.
  ///
  /// - Parameter base: as for `train`.
  func individualLevels(
    of work: LocalWork, materialized: MaterializedModel?, base: [Float]?, on lane: Lane
  ) async throws -> [Int]? {
    guard kept?.individual != nil, let privacy = work.privacy else { return nil }
    let (view, features) = trainingData(in: work.round)
    return try await lane.run { workspace in
      let network = workspace.network(for: materialized)
      var count = work.start.count
      if let materialized, let base {
        count = materialized.plan.trainableCount
        var change = work.start
        CarrierTraining.load(
          network, step: work.firstStep, of: work, change: &change, original: base,
          plan: materialized.plan)
      } else {
        network.load(trainable: work.start)
      }
      return IndividualTracker.levels(
        of: view, features: features, count: count, maxGradNorm: privacy.maxGradNorm,
        network: network)
    }
  }

  /// Its examples' own ε with labels and losses under a model; nil if they are not followed.
  ///
  /// - Parameter bound: ε of the whole client, which no example of its own exceeds.
  func individualFigures(
    model: [Float], personal: [Float]?, bound: Double, on lane: Lane
  ) async throws -> IndividualFigures? {
    guard let individual = kept?.individual else { return nil }
    let (view, features) = (profile.train, kept?.trainFeatures)
    let materialized = exchange?.evaluated(model, personal: personal)
    let losses = try await lane.run { workspace in
      let network = workspace.network(for: materialized)
      network.load(trainable: materialized?.start ?? model)
      var losses = [Double](repeating: 0, count: view.count)
      _ = network.evaluate(view, features: features, lossObserver: { losses[$0] = $1 })
      return losses
    }
    return IndividualFigures(
      cluster: profile.cluster, labels: (0..<view.count).map { view.label(at: $0) },
      epsilons: individual.epsilons(delta: profile.budget.targetDelta).map { min($0, bound) },
      losses: losses)
  }
}
