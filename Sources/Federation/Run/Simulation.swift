// A run from beginning to end: deal the data, pretrain, calibrate the noise, go through the rounds,
// and say what came of it.

import Clustering
public import Datasets
import Kernels
import Learning
import Privacy
public import Scenarios

public struct Simulation: Sendable {
  let scenario: Scenario
  let catalog: DatasetCatalog
  let options: SimulationOptions

  public init(scenario: Scenario, catalog: DatasetCatalog, options: SimulationOptions) {
    self.scenario = scenario
    self.catalog = catalog
    self.options = options
  }

  /// Runs the scenario, or goes on with a run of it.
  ///
  /// When the task is cancelled, the last finished round becomes a checkpoint whatever the policy.
  ///
  /// - Parameter point: where a stored run goes on; nil begins.
  /// - Throws: `DatasetError`, `ArchitectureError`, `FederationError`, `ClusteringError`, what the
  ///   observer throws, and `CancellationError` when the task is cancelled.
  public func run(
    observer: any RunObserver, from point: ResumePoint? = nil
  ) async throws -> RunOutcome {
    try await scenario.holdArithmetic()
    defer { scenario.releaseArithmetic() }
    try await observer.receive(.preparing("loading \(scenario.data.name)"))
    let population = try population(from: point?.checkpoint)
    try await meet(datasetHash: population.contentHash, point: point)
    let canaries = try canaries(for: population)
    let plan = population.plan
    let method = scenario.method.makeMethod()
    let forecast = try forecast(population)
    let tile = min(16, scenario.local.maxPhysicalBatchSize)
    let lanes = LanePool(workers: options.workers, plan: plan, tile: tile)

    let base = try await baseModel(population, lanes: lanes, observer: observer)
    let frozen = FrozenParameters(
      base: base,
      factors: try await population.frozenFactors(
        base: base, noise: try noiseBeforeMasks(of: population, method: method), lanes: lanes))
    try await lanes.onEach { $0.network.load(frozen: frozen) }

    let exchange = try AdapterExchange(scenario: scenario, plan: plan, base: base)
    let theta = plan.initialTrainable(base: base, seed: scenario.seed)
    let context = MethodContext(
      scenario: scenario, plan: plan, clients: population.clients,
      schedule: scenario.cohortSchedule, initial: exchange?.initial(theta) ?? theta,
      factors: frozen.factors, exchange: exchange)
    let datasetHash = population.contentHash
    try point?.check(for: context, datasetHash: datasetHash)
    let clients = try makeClients(
      context, method: method, clipping: scenario.privacy.clipping.rule(for: plan),
      canaries: canaries, sharesRecords: population.sharesRecords)
    let notes =
      notes + (population.dataset.text.map { ["texts: \($0.description)"] } ?? [])
      + (population.dataset.rows?.sentences.map { "rows: \($0)" } ?? [])
      + (population.scales.note.map { [$0] } ?? [])
    let executor = executor(clients: clients, lanes: lanes, context: context)
    let cache = try await cacheFeatures(
      clients, population: population, frozen: frozen, memory: forecast.featureBytes,
      executor: executor, lanes: lanes, observer)
    let announce: ReleaseAnnouncement = { round, entries in
      try await observer.receive(.announced(round: round, entries: entries))
    }
    if point?.checkpoint == nil {
      try await announceScales(of: context, after: point?.ledger ?? [], to: announce)
    }
    try await observer.receive(
      .started(
        try start(
          population, forecast: forecast, cache: cache,
          notes: notes + keepingNote(parameters: plan.trainableCount))))

    let noise = try serverNoise(context, method: method)
    let keep: ReleaseKeeping = { try await observer.receive(.released($0)) }
    let server = Server(
      method: method, context: context, clients: clients, noise: noise, executor: executor,
      isResumed: point != nil,
      // Before updates lie on a disk, too, their releases are in the ledger.
      announce: scenario.isReproducible && !options.handsOutUpdates ? nil : announce,
      keep: options.handsOutUpdates ? keep : nil)
    if let point { try await restore(point, server: server, clients: clients) }
    let progress = try await runRounds(
      from: point?.checkpoint, server: server, clients: clients, executor: executor,
      population: population, observer: observer)
    let (budgetNote, ledger) = (await server.budgetNote, await server.ledger)
    let arrivals = try await ArrivalEvaluation(
      clients: population.arriving, context: context, frozen: frozen
    ).results(of: server.state, on: lanes)
    var outcome = try await RunSummary(
      context: context, progress: progress, attributes: population.dataset.attributes,
      allowedFindings: options.allowedFindings, arrivals: arrivals
    ).finish(
      state: server.state, frozen: frozen, clients: clients,
      server: noise.map { ($0, ledger) }, executor: executor,
      notes: notes + (budgetNote.map { [$0] } ?? []))
    outcome.sharing = (executor as? RankExecutor)?.sharing
    if canaries != nil {
      outcome.evidence = try await evidence(
        clients, first: context.initial, state: await server.state, lanes: lanes)
    }
    return outcome
  }

  // MARK: - Rounds

  /// Goes through the rounds behind the checkpoint, and makes new ones.
  private func runRounds(
    from checkpoint: RunCheckpoint?, server: Server, clients: [Client],
    executor: any ClientExecutor, population: Population, observer: any RunObserver
  ) async throws -> RunProgress {
    var progress = checkpoint?.progress ?? RunProgress()
    let clock = ContinuousClock()
    var saved = (round: checkpoint?.round ?? 0, time: clock.now, seconds: 0.0)
    /// After the last finished round: an interrupted round leaves server and clients half changed.
    var latest: RunCheckpoint?
    func save(_ checkpoint: RunCheckpoint) async throws {
      let begin = clock.now
      try await observer.receive(.checkpoint(checkpoint))
      saved = (checkpoint.round, clock.now, begin.duration(to: clock.now).seconds)
    }
    let beforeChanges = scenario.roundsBeforeChanges
    let changeRounds = scenario.changeRounds
    for round in saved.round..<scenario.rounds {
      do {
        try Task.checkCancellation()
        if executor.stops { throw CancellationError() }
        let evaluates =
          (round + 1) % scenario.evaluation.every == 0 || round + 1 == scenario.rounds
          || beforeChanges.contains(round + 1)
        let begin = clock.now
        var report = try await server.runRound(round, evaluates: evaluates)
        report.seconds = begin.duration(to: clock.now).seconds
        progress.add(
          report, assignment: await server.state.assignment, changeRounds: changeRounds)
        try await compare(
          await server.state, digest: progress.digest.text, after: round + 1)
        if options.checkpoints != .never || round + 1 == scenario.rounds {
          latest = RunCheckpoint(
            scenarioHash: scenario.hash, datasetHash: population.contentHash, round: round + 1,
            scales: population.scalesToKeep, state: await server.state, progress: progress,
            exhausted: await server.exhausted,
            individual: try await individualDivergences(clients, executor: executor))
        }
        try await observer.receive(.finishedRound(report))
        await server.roundWasReported()
        // After the last one whatever the policy: whatever becomes of the result, the rounds need not be done again.
        if let latest,
          latest.round == scenario.rounds
            || options.checkpoints.isDue(
              after: latest.round, seconds: saved.time.duration(to: clock.now).seconds,
              cost: saved.seconds, repeats: scenario.isReproducible)
        {
          try await save(latest)
        }
      } catch let error as CancellationError {
        if let latest, latest.round > saved.round { try await save(latest) }
        throw error
      } catch {
        // A round that fails has released what it set out to, or some of it. Its own error goes before that of telling.
        if let left = await server.unreported() {
          try? await observer.receive(.announced(round: left.round, entries: left.entries))
        }
        throw error
      }
    }
    return progress
  }

  private func individualDivergences(
    _ clients: [Client], executor: any ClientExecutor
  ) async throws -> [[Double]] {
    guard scenario.privacy.individual else { return [] }
    return try await executor.figures(of: Array(clients.indices), cost: \.train.count) { index, _ in
      NumberRow(await clients[index].individualDivergences)
    }.map(\.numbers)
  }

  private func restore(_ point: ResumePoint, server: Server, clients: [Client]) async throws {
    await server.restore(point)
    let entries = Dictionary(grouping: point.ledger, by: \.client)
    let repeated = Dictionary(grouping: point.repeated, by: \.client)
    let individual = point.checkpoint?.individual
    for (index, client) in clients.enumerated() {
      try await client.restore(
        ledger: entries[index] ?? [], repeated: repeated[index] ?? [],
        divergences: individual.map { $0.isEmpty ? [] : $0[index] })
    }
  }
}

extension Scenario {
  /// Whether a run has the same digest whenever it is repeated, and releases the same bits when a round of it is
  /// done again.
  public var isReproducible: Bool {
    privacy.randomness == .seeded || !hasBudget
  }
}

extension Scenario.Method {
  /// Rounds (from 0) in which every client takes part.
  var fullParticipationRounds: Set<Int> {
    traits.clustersFirstRound || traits.beginsWithFullParticipation ? [0] : []
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
