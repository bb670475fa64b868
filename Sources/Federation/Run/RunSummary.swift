// The end of a run: final accuracies of the merged models, epsilon from each ledger, agreement with
// the true clusters, and the digest.

import Clustering
import Datasets
import Foundation
import Kernels
import Learning
import Privacy
import Scenarios

/// What the rounds so far add up to.
struct RunProgress: Codable, Sendable {
  private(set) var digest = RunDigest()
  private(set) var bytesUp = 0
  private(set) var bytesDown = 0
  /// First round since when the assignment has been the true one.
  private(set) var correctSince: Int?
  /// Errors of averaging adapters, round by round.
  private(set) var aggregationErrors: [Double] = []
  /// Clusters whose data change, so far; nil in checkpoints of runs without them.
  var changes: [ChangeResult]?

  /// - Parameters:
  ///   - assignment: of all clients after the round.
  ///   - changeRounds: for clusters whose data change, the first round (from 1) with the new ones.
  mutating func add(
    _ report: RoundReport, assignment: Assignment, changeRounds: [Int: Int] = [:]
  ) {
    digest.add(report, assignment: assignment)
    bytesUp += report.bytesUp
    bytesDown += report.bytesDown
    if let error = report.aggregationError { aggregationErrors.append(error) }
    add(report.changes ?? [], round: report.round, beginnings: changeRounds)
    if report.clustersAreTrue == true {
      correctSince = correctSince ?? report.round
    } else {
      correctSince = nil
    }
  }
}

struct RunSummary {
  let context: MethodContext
  let progress: RunProgress
  /// What people are grouped by.
  let attributes: [GroupAttribute]
  var allowedFindings: [CheckReport.Finding] = []
  var arrivals: [ArrivalResult]?

  func finish(
    state: FederatedState, frozen: FrozenParameters, clients: [Client],
    server: (noise: ClientNoise, ledger: PrivacyLedger)?, executor: any ClientExecutor,
    notes: [String]
  ) async throws -> RunOutcome {
    let scenario = context.scenario
    let plan = context.plan
    let classes = plan.architecture.classes
    let (figures, warnings) = try await finalFigures(
      state: state, frozen: frozen, clients: clients, executor: executor)
    let bounds = try await epsilons(clients, server: server?.ledger)
    let results = try context.clients.map { profile in
      ClientResult(
        client: profile.index, cluster: profile.cluster, model: state.assignment[profile.index],
        trainExamples: profile.train.count, testExamples: profile.test.count,
        accuracy: figures[profile.index].accuracy, loss: figures[profile.index].loss,
        epsilon: bounds[profile.index]?.epsilon, delta: profile.budget.targetDelta,
        targetEpsilon: profile.budget.targetEpsilon,
        noiseMultiplier: (server?.noise ?? clients[profile.index].noise).noiseMultiplier,
        firstRoundNoiseMultiplier: state.clustering == nil
          || !scenario.method.traits.clustersFirstRound
          ? nil : clients[profile.index].noise.fullBatchNoiseMultiplier,
        accountant: bounds[profile.index]?.accountant.rawValue,
        confusion: figures[profile.index].confusion,
        mixtureWeights: ServedModel(of: profile.index, in: state, traits: scenario.method.traits)
          .mixture?.shares,
        scores: try figures[profile.index].tested?.binaryFigures(
          (0..<profile.test.count).map { profile.test.label(at: $0) }))
    }
    var digest = progress.digest
    digest.add(models: state.models, results: results, arithmetic: scenario.arithmetic)
    if let arrivals { digest.add(arrivals) }
    let followed = try await executor.figures(
      of: scenario.privacy.individual ? Array(clients.indices) : [], cost: \.train.count
    ) { index, lane in
      FollowedExamples(
        try await clients[index].individualFigures(
          model: state.models[state.assignment[index]], personal: state.personal?[index],
          bound: bounds[index]?.epsilon ?? .infinity, on: lane))
    }.map(\.figures)
    let seenLabels = 1 + (followed.compactMap { $0?.labels.max() }.max() ?? 0)
    var result = RunResult(
      scenario: scenario.name, scenarioHash: scenario.hash, method: scenario.method.name,
      variant: scenario.method.traits.variant, seed: scenario.seed, rounds: scenario.rounds,
      clients: results,
      clusters: try clusterResults(results, tested: figures.map(\.tested)),
      groups: try context.groupResults(attributes, tested: figures.map(\.tested)),
      clustering: state.clustering,
      agreement: scenario.method.traits.clusters != .none && scenario.knowsClusters
        ? try agreement(state) : nil,
      unit: server == nil ? .example : .client,
      relation: .addOrRemoveOne, sampling: context.scenario.privacy.sampling,
      bytesUp: progress.bytesUp,
      bytesDown: progress.bytesDown,
      individual: IndividualResult(
        followed.compactMap { $0 },
        classes: max(plan.architecture.outputRows == .token ? 1 : classes, seenLabels),
        clusters: scenario.population.clusters.count),
      adapter: scenario.adapter.map {
        AdapterResult(
          aggregation: $0.aggregation.name, facts: $0.facts,
          lastError: progress.aggregationErrors.last,
          largestError: progress.aggregationErrors.max())
      },
      resultDigest: digest.text, digestVersion: RunDigest.version(clients: clients.count),
      arithmetic: scenario.arithmetic.rawValue,
      isReproducible: scenario.isReproducible, allowedFindings: allowedFindings,
      notes: notes + warnings + oneClassNotes(results))
    result.changes = progress.changes
    result.arrivals = arrivals
    return RunOutcome(result: result, models: storedModels(state, frozen: frozen))
  }

  /// Accuracy, loss and confusion of every client, and what is to be said of the models.
  ///
  /// Models are merged for it, except language models, of which a merged encoder for each client would take its whole
  /// size, and adapters that are no other weights.
  private func finalFigures(
    state: FederatedState, frozen: FrozenParameters, clients: [Client],
    executor: any ClientExecutor
  ) async throws -> (figures: [FinalFigures], warnings: [String]) {
    let indices = Array(clients.indices)
    let (plan, traits) = (context.plan, context.scenario.method.traits)
    let keepsExamples =
      plan.architecture.outputRows != .token
      && (plan.architecture.classes == 2 || !attributes.isEmpty)
    let merges =
      (plan.adapter?.isMergeable ?? true) && plan.architecture.input.maximumLength == 1
    guard plan.adapter == nil || merges else {
      let figures = try await executor.figures(of: indices, cost: \.test.count) {
        index, lane in
        try await clients[index].finalFigures(
          ServedModel(of: index, in: state, traits: traits), keepsExamples: keepsExamples, on: lane)
      }
      return (figures, context.untrainedWarning(state))
    }
    let wholes = context.wholeModels(of: state, frozen: frozen)
    let figures = try await executor.figures(of: indices, cost: \.test.count) {
      index, lane in
      try await clients[index].evaluateMerged(
        wholes.byClient?[index] ?? wholes.byModel[state.assignment[index]],
        mixing: ServedModel(of: index, in: state, traits: traits).mixture?.mixing(wholes.byModel),
        keepsExamples: keepsExamples, on: lane)
    }
    return (
      figures, context.untrainedWarning(wholes, base: frozen.base, assignment: state.assignment)
    )
  }

  /// Clients whose accuracy says little, since all their test examples have one label.
  private func oneClassNotes(_ results: [ClientResult]) -> [String] {
    guard context.plan.architecture.outputRows != .token else { return [] }
    let named = results.filter { $0.confusion.trueClasses == 1 }
      .map { context.scenario.name(ofClient: $0.client) }
    guard !named.isEmpty else { return [] }
    let shown = named.prefix(8).joined(separator: ", ")
    return [
      "\(named.count) of \(results.count) clients are tested on one class alone (\(shown)"
        + "\(named.count > 8 ? ", …" : "")): always saying that class would be right, so their accuracy says "
        + "little."
    ]
  }

  /// ε of every client from its ledger; nil without privacy.
  private func epsilons(
    _ clients: [Client], server: PrivacyLedger?
  ) async throws -> [EpsilonBound?] {
    var known = BoundCache(context.scenario.privacy.accountant.kind)
    var bounds: [EpsilonBound?] = []
    for client in clients {
      guard client.profile.budget.targetEpsilon != nil else {
        bounds.append(nil)
        continue
      }
      let ledger = if let server { server } else { await client.ledger }
      let delta = context.scenario.accountedDelta(client.profile.budget.targetDelta)
      bounds.append(try known.bound(of: ledger, delta: delta))
    }
    return bounds
  }

  private func clusterResults(
    _ results: [ClientResult], tested: [TestedExamples?]
  ) throws -> [ClusterResult] {
    try context.scenario.population.clusters.enumerated().map { index, cluster in
      let members = results.filter { $0.cluster == index }
      let count = Double(members.count)
      let loss = members.reduce(0) { $0 + $1.loss } / count
      var tally = TestTally(classes: context.plan.architecture.classes)
      for profile in context.clients where profile.cluster == index {
        guard let tested = tested[profile.index], !tested.margins.isEmpty else { continue }
        for position in 0..<profile.test.count {
          tally.add(profile.test, tested, at: position)
        }
      }
      return ClusterResult(
        name: cluster.name, clients: members.count,
        samples: members.reduce(0) { $0 + $1.trainExamples },
        accuracy: members.reduce(0) { $0 + $1.accuracy } / count,
        loss: loss, minority: cluster.minority,
        perplexity: context.scenario.model.isDecoder ? Elementary.exp(loss) : nil,
        scores: try tally.scores())
    }
  }

  private func agreement(_ state: FederatedState) throws -> AgreementReport {
    let truth = context.clients.map(\.cluster)
    let agreement = try ClusterAgreement(truth: truth, found: Array(state.assignment))
    let minorities = context.scenario.population.clusters.indices.filter {
      context.scenario.population.clusters[$0].minority
    }
    return AgreementReport(
      ari: agreement.adjustedRand, nmi: agreement.normalizedMutualInformation,
      purity: agreement.purity, misassignedClients: agreement.misassignedClients,
      firstCorrectRound: progress.correctSince,
      minorityIsolated: minorities.isEmpty
        ? nil : minorities.allSatisfy { agreement.isIsolated(trueLabel: $0) })
  }

  private func storedModels(_ state: FederatedState, frozen: FrozenParameters) -> [StoredModel] {
    func tensors(_ slots: [ParameterSlot], _ values: [Float]) -> [StoredModel.Tensor] {
      slots.map {
        StoredModel.Tensor(
          name: $0.name, shape: $0.columns == 1 ? [$0.rows] : [$0.rows, $0.columns],
          values: Array(values[$0.range]))
      }
    }
    let plan = context.plan
    var stored = state.models.enumerated().map { index, model in
      StoredModel(
        name: "model-\(index)",
        tensors: tensors(plan.slots, model) + tensors(residualSlots, model))
    }
    if plan.adapter != nil {
      stored.append(
        StoredModel(
          name: "base",
          tensors: tensors(freshSlots, frozen.base)
            + tensors(plan.frozenFactorSlots, frozen.factors)))
    }
    return stored
  }
}

extension RunSummary {
  /// Tensors of the base that no folder of pretrained weights holds.
  private var freshSlots: [ParameterSlot] {
    let model = context.scenario.model
    return context.plan.architecture.slots.filter { !model.comesFromFolder($0.name) }
  }

  /// What a rule of aggregation folded into the frozen weights follows the factors.
  private var residualSlots: [ParameterSlot] {
    guard let layout = context.exchange?.layout, layout.keepsResidual else { return [] }
    var offset = context.plan.trainableCount
    return context.plan.adaptedLayers.map { layer in
      defer { offset += layer.rows * layer.columns }
      return ParameterSlot(
        name: "\(layer.name).residual", offset: offset, rows: layer.rows, columns: layer.columns)
    }
  }
}
