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
  let local: Scenario.Local
  let clipping: ClippingRule
  let noiseMaking: NoiseMaking
  let clipsWithoutNoise: Bool
  /// Nil where parameter vectors are averaged as they are.
  let exchange: AdapterExchange?
  /// Whether the server protects whole clients: nothing released by one alone then counts.
  let hasTrustedServer: Bool
  let followsExamples: Bool
  /// What of noisy sums leaves; nil for all of them.
  let projection: NoiseProjection?
  let fault: EngineFault?
  /// Hidden units of the networks that emit low-rank factors; nil trains the factors themselves.
  let generatorWidth: Int?

  init(
    scenario: Scenario, clipping: ClippingRule, exchange: AdapterExchange?,
    projection: NoiseProjection? = nil, fault: EngineFault? = nil
  ) {
    self.projection = projection
    self.fault = fault
    seed = scenario.seed
    rounds = scenario.rounds
    local = scenario.local
    self.clipping = clipping
    self.exchange = exchange
    let privacy = scenario.privacy
    noiseMaking = privacy.noiseMaking
    hasTrustedServer = privacy.unit == .client
    // Where the server protects whole clients it clips their updates itself.
    clipsWithoutNoise = privacy.clipsWithoutNoise && privacy.unit == .example
    followsExamples = privacy.individual
    generatorWidth = scenario.adapter?.traits.factors?.generatorWidth
  }
}

/// What few clients have: a class, so that the others take no room for it.
final class KeptByClient {
  var individual: IndividualTracker?
  /// What an audit sees of its canaries; nil without one.
  var audited: CanaryScores?
  /// Of the last round; nil where examples count whole.
  var shares: ExampleShares?
  var trainFeatures: FrozenFeatures?
  var testFeatures: FrozenFeatures?
}

actor Client {
  let profile: ClientProfile
  let noise: ClientNoise
  private(set) var ledger = PrivacyLedger()
  let settings: ClientSettings
  var kept: KeptByClient?

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
  var exchange: AdapterExchange? { settings.exchange }

  /// Without a guarantee there is nothing to hide, and the run stays one that can be repeated.
  var noiseMaking: NoiseMaking {
    profile.budget.targetEpsilon == nil ? NoiseMaking() : settings.noiseMaking
  }

  /// Finds what the frozen layers make of this client's data, to be kept for the whole run.
  func cacheFeatures(train: Bool, from source: FeatureSource, on lane: Lane) async throws {
    let place = 2 * profile.index
    let test = try await source.features(of: profile.test, at: place, on: lane)
    let training =
      train ? try await source.features(of: profile.train, at: place + 1, on: lane) : nil
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

  /// What it released before the first round, of scales and for a mask, now in its ledger.
  func payForPreparation(_ scenario: Scenario) throws -> [LedgerEntry] {
    guard !settings.hasTrustedServer else { return [] }
    let entries =
      scenario.scaleEntries(of: profile.plan)
      + scenario.maskEntries(of: profile.plan, noiseMultiplier: noise.noiseMultiplier)
    ledger.append(contentsOf: entries)
    try kept?.individual?.record(entries)
    return entries
  }

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
      if let epsilon = noise.selectionEpsilon, kept?.audited != nil {
        kept?.audited?.choices += 1
        try await weigh(
          choice, of: selection, epsilon: epsilon, round: round, models: models,
          personal: personal, on: lane)
      }
      let isUnpaid = settings.fault == .unpaidChoices && (kept?.audited?.choices ?? 0) > 1
      if !isUnpaid { entries.append(entry) }
    }
    let allShares = try await shares(of: task.mixture, round: round, models: models, on: lane)
    let shares = allShares?[model]
    var posterior: [Double]?
    if let allShares, task.isPaid {
      posterior = releasePosterior(allShares, round: round)
      entries.append(posteriorEntry(round: round))
    }
    let (view, features) = trainingData(in: round)
    let materialized = task.phase.flatMap {
      exchange?.materialized(models[model], for: $0, client: profile.index, personal: personal)
    }
    var plain = localWork(
      regularized(task, personal: personal), round: round,
      start: materialized?.start ?? models[model]
    )
    plain.thresholds = state.thresholds(of: model)
    let base = exchange?.rule.trainsWeights == true ? exchange?.base : nil
    let levels = try await individualLevels(
      of: plain, materialized: materialized, base: base, on: lane)
    plain.exampleBounds = levels.map { levels in
      levels.map {
        Float($0) / Float(IndividualAccountant.levelCount) * Float(profile.budget.maxGradNorm)
      }
    }
    let work = plain
    let canaries = kept?.audited?.canaries
    // Where the server protects whole clients, one whose training runs away sends no change: it must not end the run.
    let isProtected = settings.hasTrustedServer && profile.budget.targetEpsilon != nil
    let (outcome, seen) = try await lane.run {
      do throws(FederationError) {
        return try Self.train(
          work, materialized: materialized, base: base, on: view, shares: shares,
          features: features, canaries: canaries, in: $0)
      } catch .notFinite where isProtected {
        return (LocalOutcome.nothing(of: work), nil)
      }
    }
    if let seen { kept?.audited?.add(seen) }
    if let levels, let multiplier = work.privacy?.noiseMultiplier {
      let (rate, steps) = work.rateAndSteps
      try kept?.individual?.record(
        levels: levels, rate: rate, noiseMultiplier: multiplier, steps: steps, others: entries)
    }
    entries = settings.hasTrustedServer ? [] : entries + outcome.entries
    ledger.append(contentsOf: entries)
    var traffic = (up: outcome.delta.count, down: outcome.delta.count)
    if let exchange, let materialized, let phase = task.phase {
      traffic = exchange.traffic(
        materialized, phase: phase, contributors: task.contributors,
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
      posterior: posterior, phase: task.phase)
  }

  /// - Parameters:
  ///   - base: of the run, where the adapted weights themselves are trained by way of carriers.
  ///   - shares: what each example counts, where the model is one of a mixture.
  private static func train(
    _ work: LocalWork, materialized: MaterializedModel?, base: [Float]?, on view: ClientView,
    shares: [Float]?, features: FrozenFeatures?, canaries: Canaries?, in workspace: LaneWorkspace
  ) throws(FederationError) -> (LocalOutcome, CanaryRound?) {
    let network = workspace.network(for: materialized)
    let witness = CanaryWitness(canaries, work: work)
    let outcome: LocalOutcome
    if let materialized, let base {
      outcome = try CarrierTraining.run(
        work, materialized: materialized, original: base, on: view, features: features,
        network: network,
        canaries: canaries, observer: witness)
    } else if let shares {
      outcome = try LocalTraining.run(
        work, on: SharedExamples(view, shares: shares), features: features, network: network)
    } else {
      outcome = try LocalTraining.run(
        work, on: view, features: features, network: network, canaries: canaries, observer: witness)
    }
    guard let canaries, let witness else { return (outcome, nil) }
    let seen = CanaryRound(
      witness, of: canaries, work: work, outcome: outcome, examples: view.count,
      network: network)
    return (outcome, seen)
  }

  /// The task with its regulariser's centre in the places that this client trains.
  private func regularized(_ task: ClientTask, personal: [Float]?) -> ClientTask {
    guard let exchange, let phase = task.phase, let regularizer = task.regularizer else {
      return task
    }
    var task = task
    let center = exchange.materialized(
      regularizer.center, for: phase, client: profile.index, personal: personal)
    task.regularizer = LocalWork.Regularizer(lambda: regularizer.lambda, center: center.start)
    return task
  }

  /// The entries that a task will leave, before it is done and in the order in which it leaves them.
  func plannedEntries(of task: ClientTask, round: Int) -> [LedgerEntry] {
    guard !settings.hasTrustedServer else { return [] }
    return (task.selection == nil ? [] : [selectionEntry(round: round)])
      + (task.mixture != nil && task.isPaid ? [posteriorEntry(round: round)] : [])
      + localWork(task, round: round, start: []).plannedEntries
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
    if task.mixture != nil {
      (work.noiseOffset, work.isPaid) = (task.model * total, task.isPaid)
    }
    work.rule = settings.clipping
    work.generatorWidth = settings.generatorWidth
    work.noise = noiseMaking
    work.projection = settings.projection
    work.fault = settings.fault
    return work
  }

  /// Its training examples as they are in a round (from 0), with their frozen features where those are kept.
  func trainingData(in round: Int) -> (view: ClientView, features: FrozenFeatures?) {
    profile.earlier(in: round).map { ($0.train, nil) } ?? (profile.train, kept?.trainFeatures)
  }
}
