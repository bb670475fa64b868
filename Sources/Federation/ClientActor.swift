// A client: its view of its data, its ledger, and nothing heavy. Its training runs on a borrowed lane.

import Datasets
import Kernels
import Learning
import Privacy
import Scenarios

/// What all clients of a run have in common, held once.
final class ClientSettings: Sendable {
  let seed: UInt64
  let rounds: Int
  fileprivate let local: Scenario.Local
  fileprivate let clipping: ClippingRule
  fileprivate let noiseMaking: NoiseMaking
  fileprivate let clipsWithoutNoise: Bool
  /// Nil where parameter vectors are averaged as they are.
  fileprivate let exchange: AdapterExchange?
  /// Whether the server protects whole clients: nothing released by one alone then counts.
  fileprivate let trustsServer: Bool
  fileprivate let followsExamples: Bool
  fileprivate let fault: EngineFault?
  /// Hidden units of the networks that emit low-rank factors; nil trains the factors themselves.
  fileprivate let generatorWidth: Int?

  init(
    scenario: Scenario, clipping: ClippingRule, exchange: AdapterExchange?,
    fault: EngineFault? = nil
  ) {
    self.fault = fault
    seed = scenario.seed
    rounds = scenario.rounds
    local = scenario.local
    self.clipping = clipping
    self.exchange = exchange
    let privacy = scenario.privacy
    noiseMaking = privacy.noiseMaking
    trustsServer = privacy.unit == .client
    // Where the server protects whole clients it clips their updates itself.
    clipsWithoutNoise = privacy.clipsWithoutNoise && privacy.unit == .example
    followsExamples = privacy.individual
    generatorWidth = if case .opLoRA(let hidden)? = scenario.adapter?.kind { hidden } else { nil }
  }
}

/// What few clients have: a class, so that the others take no room for it.
private final class KeptByClient {
  var individual: IndividualTracker?
  /// What an audit sees of its canaries; nil without one.
  var audited: CanaryScores?
  var trainFeatures: FrozenFeatures?
  var testFeatures: FrozenFeatures?
}

actor Client {
  let profile: ClientProfile
  let noise: ClientNoise
  private(set) var ledger = PrivacyLedger()
  private let settings: ClientSettings
  private var kept: KeptByClient?

  init(
    profile: ClientProfile, noise: ClientNoise, settings: ClientSettings, canaries: Canaries? = nil
  ) {
    self.profile = profile
    self.noise = noise
    self.settings = settings
    let follows = settings.followsExamples && noise.noiseMultiplier != nil
    guard canaries != nil || follows else { return }
    let kept = KeptByClient()
    kept.audited = canaries.map { CanaryScores($0) }
    if follows { kept.individual = IndividualTracker(examples: profile.train.count) }
    self.kept = kept
  }

  nonisolated var seed: UInt64 { settings.seed }
  private var exchange: AdapterExchange? { settings.exchange }

  /// Without a promise there is nothing to hide, and the run stays one that can be repeated.
  private var noiseMaking: NoiseMaking {
    profile.budget.targetEpsilon == nil ? NoiseMaking() : settings.noiseMaking
  }

  /// Computes what the frozen layers make of this client's data, to be kept for the whole run.
  ///
  /// - Parameter shared: where runs find what others have computed, and under which key.
  func cacheFeatures(
    train: Bool, shared: (features: SharedFeatures, key: String)?, on lane: Lane
  ) async throws {
    let place = 2 * profile.index
    func features(of view: ClientView, at place: Int) async throws -> FrozenFeatures? {
      guard let shared else {
        return try await lane.run { $0.network.frozenFeatures(of: view) }
      }
      return try await shared.features.features(place, key: shared.key) {
        try await lane.run { $0.network.frozenFeatures(of: view) }
      }
    }
    let test = try await features(of: profile.test, at: place)
    let training = train ? try await features(of: profile.train, at: place + 1) : nil
    let kept = kept ?? KeptByClient()
    (kept.testFeatures, kept.trainFeatures) = (test, training)
    self.kept = kept
  }

  /// The divergences of its examples, row by row, for a checkpoint; empty if they are not followed.
  var individualDivergences: [Double] { kept?.individual?.divergences ?? [] }

  /// Goes on with what it had released, and with its examples' divergences.
  ///
  /// - Parameters:
  ///   - repeated: the part of the ledger that the divergences do not know.
  ///   - divergences: of the checkpoint; nil begins anew.
  /// - Throws: `FederationError.cannotResume` if there are not as many of them as there should be.
  func restore(
    ledger entries: [LedgerEntry], repeated: [LedgerEntry], divergences: [Double]?
  ) throws {
    ledger.append(contentsOf: entries)
    if let divergences {
      guard kept?.individual?.restore(divergences) ?? divergences.isEmpty else {
        throw FederationError.cannotResume(reason: "its checkpoint does not fit its scenario")
      }
    }
    try kept?.individual?.record(repeated)
  }

  /// Counts what it has released on another rank.
  func enter(_ entries: [LedgerEntry]) { ledger.append(contentsOf: entries) }

  /// Carries out a task with the server's models and records every release.
  func perform(
    _ task: ClientTask, round: Int, state: FederatedState, on lane: Lane
  ) async throws -> ClientUpdate {
    let models = state.models
    let personal = state.personal?[profile.index]
    var entries: [LedgerEntry] = []
    var model = task.model
    if let selection = task.selection {
      let (choice, entry) = try await select(
        selection, round: round, models: models, personal: personal, on: lane)
      model = choice
      if noise.selectionEpsilon != nil { kept?.audited?.choices += 1 }
      let isUnpaid = settings.fault == .unpaidChoices && (kept?.audited?.choices ?? 0) > 1
      if !isUnpaid { entries.append(entry) }
    }
    let (view, features) = trainingData(in: round)
    let served = task.phase.flatMap {
      exchange?.served(models[model], for: $0, client: profile.index, personal: personal)
    }
    var plain = localWork(
      regularized(task, personal: personal), round: round, start: served?.start ?? models[model]
    )
    plain.thresholds = state.thresholds(of: model)
    let levels = try await individualLevels(of: plain, served: served, on: lane)
    plain.exampleBounds = levels.map { levels in
      levels.map {
        Float($0) / Float(IndividualAccountant.levelCount) * Float(profile.budget.maxGradNorm)
      }
    }
    let work = plain
    let base = exchange?.rule.trainsWeights == true ? exchange?.base : nil
    let canaries = kept?.audited?.canaries
    let (outcome, seen) = try await lane.run {
      try Self.train(
        work, served: served, base: base, on: view, features: features, canaries: canaries, in: $0)
    }
    if let seen { kept?.audited?.add(seen) }
    if let levels, let multiplier = work.privacy?.noiseMultiplier {
      let (rate, steps) = work.rateAndSteps
      try kept?.individual?.record(
        levels: levels, rate: rate, noiseMultiplier: multiplier, steps: steps, others: entries)
    }
    entries = settings.trustsServer ? [] : entries + outcome.entries
    ledger.append(contentsOf: entries)
    var traffic = (up: outcome.delta.count, down: outcome.delta.count)
    if let exchange, let served, let phase = task.phase {
      traffic = exchange.traffic(
        served, phase: phase, contributors: task.contributors,
        sendsAll: task.training == .fullBatch)
    }
    traffic.up += outcome.thresholds?.count ?? 0
    traffic.down += outcome.thresholds?.count ?? 0
    let size = MemoryLayout<Float>.size
    return ClientUpdate(
      client: profile.index, model: model, outcome: outcome, entries: entries,
      meanLoss: outcome.statistics.examples > 0
        ? outcome.statistics.loss / Double(outcome.statistics.examples) : nil,
      bytesUp: task.sendsUpdate ? traffic.up * size : 0,
      bytesDown: task.sendsUpdate
        ? traffic.down * size * (task.selection?.candidates.count ?? 1) : 0,
      phase: task.phase)
  }

  /// - Parameter base: of the run, where the adapted weights themselves are trained by way of carriers.
  private static func train(
    _ work: LocalWork, served: ServedModel?, base: [Float]?, on view: ClientView,
    features: FrozenFeatures?, canaries: Canaries?, in workspace: LaneWorkspace
  ) throws(FederationError) -> (LocalOutcome, CanaryRound?) {
    let network = workspace.network(for: served)
    let witness = CanaryWitness(canaries, work: work)
    let outcome: LocalOutcome
    if let served, let base {
      outcome = try CarrierTraining.run(
        work, served: served, original: base, on: view, features: features, network: network,
        canaries: canaries, observer: witness)
    } else {
      outcome = try LocalTraining.run(
        work, on: view, features: features, network: network, canaries: canaries, observer: witness)
    }
    guard let canaries, let witness else { return (outcome, nil) }
    let seen = CanaryRound(
      witness, of: canaries, work: work, delta: outcome.delta, examples: view.count,
      network: network)
    return (outcome, seen)
  }

  /// What its canaries' places held; empty without an audit.
  var canaryTraces: [CanaryTrace] { kept?.audited?.traces ?? [] }

  /// What it was seen to release; nil without an audit.
  var releaseCount: ReleaseCount? {
    kept?.audited.map {
      ReleaseCount(client: profile.index, sums: $0.sums, choices: $0.choices, ledger: ledger)
    }
  }

  /// Its canaries with all scores; empty without an audit.
  func auditEvidence(
    first: [Float], last: [Float], personal: [Float]?, on lane: Lane
  ) async throws -> [AuditedCanary] {
    guard let audited = kept?.audited else { return [] }
    let exchange = exchange
    let scores = try await lane.run { workspace in
      let served = exchange?.evaluated(last, personal: personal)
      let start = exchange?.evaluated(first, personal: nil).start ?? first
      return audited.canaries.scores(
        first: start, last: served?.start ?? last, network: workspace.network(for: served))
    }
    return audited.evidence(client: profile.index, cluster: profile.cluster, models: scores)
  }

  /// The task with its regulariser's centre in the places that this client trains.
  private func regularized(_ task: ClientTask, personal: [Float]?) -> ClientTask {
    guard let exchange, let phase = task.phase, let regularizer = task.regularizer else {
      return task
    }
    var task = task
    let center = exchange.served(
      regularizer.center, for: phase, client: profile.index, personal: personal)
    task.regularizer = LocalWork.Regularizer(lambda: regularizer.lambda, center: center.start)
    return task
  }

  private func individualLevels(
    of work: LocalWork, served: ServedModel?, on lane: Lane
  ) async throws -> [Int]? {
    guard kept?.individual != nil, let privacy = work.privacy else { return nil }
    let (view, features) = trainingData(in: work.round)
    return try await lane.run {
      IndividualTracker.levels(
        of: view, features: features, start: work.start, maxGradNorm: privacy.maxGradNorm,
        network: $0.network(for: served))
    }
  }

  /// The entries that a task will leave, before it is done and in the order in which it leaves them.
  func plannedEntries(of task: ClientTask, round: Int) -> [LedgerEntry] {
    guard !settings.trustsServer else { return [] }
    return (task.selection == nil ? [] : [selectionEntry(round: round)])
      + localWork(task, round: round, start: []).plannedEntries
  }

  /// How far one record moves the utility of a model.
  private static let selectionSensitivity = 0.5

  /// What a choice of a model puts into the ledger.
  private func selectionEntry(round: Int) -> LedgerEntry {
    guard let epsilon = noise.selectionEpsilon else {
      return .nonPrivate(round: round + 1, client: profile.index, purpose: .clusterSelection)
    }
    return .exponentialMechanism(
      round: round + 1, client: profile.index, epsilon: epsilon,
      sensitivity: Self.selectionSensitivity)
  }

  /// Its examples' own ε with labels and losses under a model; nil if they are not followed.
  ///
  /// - Parameter bound: ε of the whole client, which no example of its own exceeds.
  func individualFigures(
    model: [Float], personal: [Float]?, bound: Double, on lane: Lane
  ) async throws -> IndividualFigures? {
    guard let individual = kept?.individual else { return nil }
    let (view, features) = (profile.train, kept?.trainFeatures)
    let served = exchange?.evaluated(model, personal: personal)
    let losses = try await lane.run { workspace in
      let network = workspace.network(for: served)
      network.load(trainable: served?.start ?? model)
      var losses = [Double](repeating: 0, count: view.count)
      _ = network.evaluate(view, features: features, lossObserver: { losses[$0] = $1 })
      return losses
    }
    return IndividualFigures(
      cluster: profile.cluster, labels: (0..<view.count).map { view.label(at: $0) },
      epsilons: individual.epsilons(delta: profile.budget.targetDelta).map { min($0, bound) },
      losses: losses)
  }

  private func localWork(_ task: ClientTask, round: Int, start: [Float]) -> LocalWork {
    let batches: LocalWork.Batches
    let multiplier: Double?
    let total =
      task.training == .fullBatch ? profile.plan.fullBatchSteps : profile.plan.stepsPerRound
    let steps = task.phase?.steps(of: total, round: round) ?? 0..<total
    switch task.training {
    case .fullBatch:
      batches = .full(steps: steps.count)
      multiplier = noise.fullBatchNoiseMultiplier
    case .sampled:
      batches = .poisson(rate: profile.plan.sampleRate, steps: steps.count)
      multiplier = noise.noiseMultiplier
    }
    var work = LocalWork(
      seed: seed, round: round, client: profile.index, start: start, batches: batches,
      learningRate: Float(task.learningRate ?? settings.local.learningRate),
      privacy: multiplier.map { (Float(profile.budget.maxGradNorm), $0) },
      regularizer: task.regularizer, firstStep: steps.lowerBound)
    if settings.clipsWithoutNoise { work.clippingBound = Float(profile.budget.maxGradNorm) }
    work.optimizer = settings.local.optimizer
    work.schedule = settings.local.learningRateSchedule
    work.rounds = settings.rounds
    work.roundSteps = total
    work.rule = settings.clipping
    work.generatorWidth = settings.generatorWidth
    work.noise = noiseMaking
    work.fault = settings.fault
    return work
  }

  /// Chooses a model by the number of training examples it gets right.
  ///
  /// The utility is (examples right) − ½ (examples), over every local record exactly once: adding or
  /// removing a record moves each utility by exactly ½, so the sensitivity is ½ (docs/method.md).
  private func select(
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
        let served = exchange?.evaluated(models[candidate], personal: personal)
        let network = workspace.network(for: served)
        network.load(trainable: served?.start ?? models[candidate])
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
    let choice = try mechanism.release(utilities: utilities, using: &stream).value
    return (selection.candidates[choice], selectionEntry(round: round))
  }

  /// Its training examples as they are in a round (from 0), with their frozen features where those are kept.
  func trainingData(in round: Int) -> (view: ClientView, features: FrozenFeatures?) {
    profile.earlier(in: round).map { ($0.train, nil) } ?? (profile.train, kept?.trainFeatures)
  }

  /// Accuracy and mean loss of a model on this client's test examples.
  ///
  /// - Parameter round: as they are in it, from 0.
  func evaluate(
    _ model: [Float], personal: [Float]?, round: Int, on lane: Lane
  ) async throws -> TestFigures {
    let (view, features) =
      profile.earlier(in: round).map { ($0.test, nil) }
      ?? (profile.test, kept?.testFeatures)
    let served = exchange?.evaluated(model, personal: personal)
    let seen = try await lane.run { workspace in
      let network = workspace.network(for: served)
      network.load(trainable: served?.start ?? model)
      return network.evaluate(view, features: features)
    }
    let count = Double(max(seen.examples, 1))
    return TestFigures(accuracy: seen.correct / count, loss: seen.loss / count)
  }

  /// The same with the confusion matrix, and with every example's prediction where they are to be kept.
  func finalFigures(
    _ model: [Float], personal: [Float]?, keepsExamples: Bool, on lane: Lane
  ) async throws -> FinalFigures {
    let (view, features) = (profile.test, kept?.testFeatures)
    let served = exchange?.evaluated(model, personal: personal)
    return try await lane.run { workspace in
      let network = workspace.network(for: served)
      network.load(trainable: served?.start ?? model)
      return FinalFigures(
        of: view, features: features, by: network, keepsExamples: keepsExamples)
    }
  }

  /// The same for a whole (merged) model, in single precision throughout.
  func evaluateMerged(
    _ parameters: [Float], keepsExamples: Bool, on lane: Lane
  ) async throws -> FinalFigures {
    let view = profile.test
    return try await lane.run { workspace in
      let network = try workspace.whole()
      network.load(trainable: parameters)
      return FinalFigures(of: view, features: nil, by: network, keepsExamples: keepsExamples)
    }
  }
}
