// What an audit sees of a client.

import Learning
import Privacy

extension Client {
  /// What its canaries' places held; empty without an audit.
  var canaryTraces: [CanaryTrace] { kept?.audited?.traces ?? [] }

  /// What it was seen to release; nil without an audit.
  var releaseCount: ReleaseCount? {
    kept?.audited.map {
      ReleaseCount(client: profile.index, sums: $0.sums, choices: $0.choices, ledger: ledger)
    }
  }

  /// Its choices of a model, weighed; empty without an audit.
  var weighedChoices: [AuditedChoice] { kept?.audited?.weighed ?? [] }

  /// Notes a choice with what every candidate is worth, found apart from what the engine made of it: each record is looked
  /// at once, in its place. Models of tokens, whose records are right in part, are left out.
  func weigh(
    _ model: Int, of selection: ClientTask.Selection, epsilon: Double, round: Int,
    models: [[Float]], personal: [Float]?, on lane: Lane
  ) async throws {
    guard let canaries = kept?.audited?.canaries, selection.scoring == .everyRecordOnce,
      let chosen = selection.candidates.firstIndex(of: model)
    else { return }
    let (view, features) = trainingData(in: round)
    let (exchange, examples) = (exchange, canaries.includedExamples)
    let right = try await lane.run { workspace -> [Int]? in
      guard workspace.network.plan.architecture.outputRows == .example else { return nil }
      return selection.candidates.map { candidate in
        let materialized = exchange?.evaluated(models[candidate], personal: personal)
        let network = workspace.network(for: materialized)
        network.load(trainable: materialized?.start ?? models[candidate])
        return Self.right(network, view, features)
          + (examples.map { Self.right(network, $0, nil) } ?? 0)
      }
    }
    guard let right else { return }
    kept?.audited?.weighed.append(
      AuditedChoice(
        scores: right.map { epsilon * Double($0) / (2 * Self.selectionSensitivity) },
        chosen: chosen))
  }

  /// How many examples a model predicts right; what it says nothing finite of is not right.
  private static func right<Source: ExampleSource>(
    _ network: Network, _ source: Source, _ features: FrozenFeatures?
  ) -> Int {
    var isRight = [Bool](repeating: false, count: source.count)
    _ = network.evaluate(
      source, features: features,
      observe: { isRight[$0.position] = $0.predicted == source.label(at: $0.position) },
      lossObserver: { if !$1.isFinite { isRight[$0] = false } })
    return isRight.count { $0 }
  }

  /// Its canaries with all scores; empty without an audit.
  func auditEvidence(
    first: [Float], last: [Float], personal: [Float]?, on lane: Lane
  ) async throws -> [AuditedCanary] {
    guard let audited = kept?.audited else { return [] }
    let exchange = exchange
    let scores = try await lane.run { workspace in
      let materialized = exchange?.evaluated(last, personal: personal)
      let start = exchange?.evaluated(first, personal: nil).start ?? first
      return audited.canaries.scores(
        first: start, last: materialized?.start ?? last,
        network: workspace.network(for: materialized))
    }
    return audited.evidence(client: profile.index, cluster: profile.cluster, models: scores)
  }
}
