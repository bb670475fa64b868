// A run from beginning to end: deal the data, pretrain, calibrate the noise, go through the rounds,
// and say what came of it.

import Clustering
public import Datasets
import Kernels
import Learning
import Privacy
public import Ranks
public import Scenarios

/// Settings that change speed and memory, and no result.
public struct SimulationOptions: Sendable {
  /// Worker lanes, at least 1.
  public var workers: Int
  /// Bytes that cached frozen features may take.
  public var featureMemory: Int
  /// Bytes that the whole run may be expected to take; nil sets no limit.
  public var memoryLimit: Int?
  /// Where pretrained base models are kept; nil pretrains anew.
  public var modelCache: (any ModelCache)?
  public var checkpoints: CheckpointPolicy
  /// Where runs of one process find one another's frozen features.
  public var sharedFeatures: SharedFeatures?
  /// Critical findings of the check that were allowed by name; the result says them.
  public var allowedFindings: [CheckReport.Finding] = []
  /// The processes that share the run.
  public var ranks: any RankGroup = SoleRank()
  /// Where ranks share the run: how this one is asked to stop. All stop after the same round, and none is to be
  /// cancelled meanwhile.
  public var stopRequest = StopRequest()
  /// Hands out every released update; all of them are then held for a moment, and ranks must agree on it.
  public var handsOutUpdates = false
  /// Puts canaries into the clients' data; nil for an ordinary run.
  public var audit: AuditPlan?
  /// Breaks the engine, for tests that the audit finds it.
  package var fault: EngineFault?

  public static let usualFeatureMemory = 400 << 20

  public init(
    workers: Int, featureMemory: Int = Self.usualFeatureMemory, memoryLimit: Int? = nil,
    modelCache: (any ModelCache)? = nil, checkpoints: CheckpointPolicy = .rounds(1),
    sharedFeatures: SharedFeatures? = nil
  ) {
    self.sharedFeatures = sharedFeatures
    self.workers = workers
    self.featureMemory = featureMemory
    self.memoryLimit = memoryLimit
    self.modelCache = modelCache
    self.checkpoints = checkpoints
  }
}

/// A named list of tensors to be stored.
public struct StoredModel: Sendable {
  public struct Tensor: Sendable {
    public let name: String
    public let shape: [Int]
    public let values: [Float]
  }
  public let name: String
  public let tensors: [Tensor]
}

/// What a finished run leaves.
public struct RunOutcome: Sendable {
  public let result: RunResult
  /// The base model, and for each model of the method its trained parameters.
  public let models: [StoredModel]
  /// Of an audited run.
  public var evidence: AuditEvidence?
  /// How ranks shared the work; nil in one process.
  public var sharing: RankSharing?
}

public struct Simulation: Sendable {
  let scenario: Scenario
  private let catalog: DatasetCatalog
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
    let population = try Population(scenario: scenario, catalog: catalog)
    try await meet(datasetHash: population.contentHash, point: point)
    let plan = population.plan
    let method = scenario.method.makeMethod()
    let forecast = try forecast(population)
    let tile = min(16, scenario.local.maxPhysicalBatchSize)
    let lanes = LanePool(workers: options.workers, plan: plan, tile: tile)

    let base = try await baseModel(population, lanes: lanes, observer: observer)
    let frozen = FrozenParameters(
      base: base, factors: try await population.frozenFactors(base: base, lanes: lanes))
    try await lanes.onEach { $0.network.load(frozen: frozen) }

    let exchange = try AdapterExchange(scenario: scenario, plan: plan, base: base)
    let theta = plan.initialTrainable(base: base, seed: scenario.seed)
    let context = MethodContext(
      scenario: scenario, plan: plan, clients: population.clients,
      schedule: scenario.cohortSchedule, initial: exchange?.initial(theta) ?? theta,
      factors: frozen.factors, exchange: exchange)
    let datasetHash = population.contentHash
    try point?.checkpoint?.check(for: context, datasetHash: datasetHash)
    let canaries = try canaries(for: population)
    let clients = try makeClients(
      context, method: method, clipping: scenario.privacy.clipping.rule(for: plan),
      canaries: canaries)
    let notes = notes + (population.dataset.text.map { ["texts: \($0.description)"] } ?? [])
    let executor = executor(clients: clients, lanes: lanes, context: context)
    let cache = try await cacheFeatures(
      clients, population: population, memory: forecast.featureBytes, executor: executor,
      lanes: lanes, observer)
    try await observer.receive(
      .started(
        try start(
          population, forecast: forecast, cache: cache,
          notes: notes + keepingNote(parameters: plan.trainableCount))))

    let noise = try serverNoise(context, method: method)
    let announce: ReleaseAnnouncement = { round, entries in
      try await observer.receive(.announced(round: round, entries: entries))
    }
    let keep: ReleaseKeeping = { try await observer.receive(.released($0)) }
    let server = Server(
      method: method, context: context, clients: clients, noise: noise, executor: executor,
      goesOn: point != nil, announce: scenario.isReproducible ? nil : announce,
      keep: options.handsOutUpdates ? keep : nil)
    if let point { try await restore(point, server: server, clients: clients) }
    let progress = try await runRounds(
      from: point?.checkpoint, server: server, clients: clients, executor: executor,
      datasetHash: datasetHash, observer: observer)
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
    executor: any ClientExecutor, datasetHash: String, observer: any RunObserver
  ) async throws -> RunProgress {
    var progress = checkpoint?.progress ?? RunProgress()
    let clock = ContinuousClock()
    var saved = (round: checkpoint?.round ?? 0, time: clock.now)
    /// After the last finished round: an interrupted round leaves server and clients half changed.
    var latest: RunCheckpoint?
    func save(_ checkpoint: RunCheckpoint) async throws {
      try await observer.receive(.checkpoint(checkpoint))
      saved = (checkpoint.round, clock.now)
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
            scenarioHash: scenario.hash, datasetHash: datasetHash, round: round + 1,
            state: await server.state, progress: progress, exhausted: await server.exhausted,
            individual: try await individualDivergences(clients, executor: executor))
        }
        try await observer.receive(.finishedRound(report))
        let sinceSaved = saved.time.duration(to: clock.now).seconds
        if let latest, latest.round == scenario.rounds {
          // Whatever becomes of the result, the rounds need not be done again.
          try await save(latest)
        } else if let latest, options.checkpoints.isDue(after: latest.round, seconds: sinceSaved) {
          try await save(latest)
        }
      } catch let error as CancellationError {
        if let latest, latest.round > saved.round { try await save(latest) }
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

  // MARK: - Preparation

  private func start(
    _ population: Population, forecast: CostForecast, cache: (clients: Int, bytes: Int),
    notes: [String]
  ) throws(DatasetError) -> RunStart {
    RunStart(
      rounds: scenario.rounds, partition: try population.report(),
      trainableParameters: population.plan.trainableCount,
      modelParameters: population.plan.architecture.parameterCount, featureBytes: cache.bytes,
      cachedClients: cache.clients, forecast: forecast, notes: notes)
  }

  /// What the run will take, with as many cached features as the limit leaves room for.
  ///
  /// - Throws: `FederationError.memoryLimit` if there is not enough room without them.
  private func forecast(_ population: Population) throws(FederationError) -> CostForecast {
    func forecast(featureMemory: Int) -> CostForecast {
      CostForecast(
        scenario: scenario, clients: population.clients.map(\.plan),
        schedule: scenario.cohortSchedule,
        model: ModelSize(population.plan, length: population.dataset.usualLength),
        featureMemory: featureMemory)
    }
    guard let limit = options.memoryLimit else {
      return forecast(featureMemory: options.featureMemory)
    }
    let least = forecast(featureMemory: 0).peakBytes
    guard least <= limit else { throw .memoryLimit(needed: least, limit: limit) }
    return forecast(featureMemory: min(options.featureMemory, limit - least))
  }

  private func baseModel(
    _ population: Population, lanes: LanePool, observer: any RunObserver
  ) async throws -> [Float] {
    if let pretrained = try scenario.pretrainedParameters(of: population.plan.architecture) {
      return pretrained
    }
    guard let settings = scenario.model.pretraining else {
      return population.plan.architecture.initialParameters(seed: scenario.seed)
    }
    guard options.ranks.isFirst else { return try await shared(nil) }
    let pretraining = Pretraining(population: population, settings: settings, lanes: lanes)
    let key = pretraining.key
    if let known = options.modelCache?.parameters(forKey: key),
      known.count == population.plan.architecture.parameterCount
    {
      return try await shared(known)
    }
    let base = try await pretraining.run { epoch in
      try await observer.receive(
        .preparing("pretraining the base model, epoch \(epoch) of \(settings.epochs)"))
    }
    try options.modelCache?.store(base, forKey: key)
    return try await shared(base)
  }

  private func makeClients(
    _ context: MethodContext, method: any FederatedMethod, clipping: ClippingRule,
    canaries: [Canaries]?
  ) throws(FederationError) -> [Client] {
    var calibrator = NoiseCalibrator(scenario.privacy.accountant.kind)
    let releases = ReleaseContext(scenario: scenario, schedule: context.schedule)
    let settings = ClientSettings(
      scenario: scenario, clipping: clipping, exchange: context.exchange,
      fault: options.fault)
    var clients: [Client] = []
    clients.reserveCapacity(context.clients.count)
    for profile in context.clients {
      let noise =
        scenario.privacy.unit == .client
        ? ClientNoise.none
        : try scenario.noise(
          of: profile.plan, plan: method.releases(of: profile.plan, in: releases), method: method,
          context: releases, calibrator: &calibrator)
      clients.append(
        Client(
          profile: profile, noise: noise, settings: settings,
          canaries: canaries?[profile.index]))
    }
    return clients
  }

  /// The noise of the server where it protects whole clients.
  private func serverNoise(
    _ context: MethodContext, method: any FederatedMethod
  ) throws(FederationError) -> ClientNoise? {
    guard scenario.privacy.unit == .client else { return nil }
    var calibrator = NoiseCalibrator(scenario.privacy.accountant.kind)
    return try scenario.noise(
      of: context.clients[0].plan, plan: .ofServer(scenario), method: method,
      context: ReleaseContext(scenario: scenario, schedule: context.schedule),
      calibrator: &calibrator)
  }

  /// Caches frozen features client by client while they fit the memory; which ones changes no result.
  private func cacheFeatures(
    _ clients: [Client], population: Population, memory: Int, executor: any ClientExecutor,
    lanes: LanePool, _ observer: any RunObserver
  ) async throws -> (clients: Int, bytes: Int) {
    let size = population.plan.featureBytesPerRow
    guard size > 0 else { return (0, 0) }
    let countsTokens = population.plan.featuresAreTokens
    func bytes(_ view: ClientView) -> Int {
      guard countsTokens else { return view.count * size }
      return (0..<view.count).reduce(0) { $0 + view.length(at: $1) } * size
    }
    var left = memory
    var chosen: [(client: Int, train: Bool)] = []
    for profile in population.clients where executor.isHere(profile.index) {
      let test = bytes(profile.test)
      guard test <= left else { break }
      left -= test
      let train = bytes(profile.train)
      chosen.append((profile.index, train <= left))
      if train <= left { left -= train }
    }
    try await observer.receive(.preparing("computing frozen features"))
    var shared: (features: SharedFeatures, key: String)?
    if let features = options.sharedFeatures {
      shared = (features, population.featureKey)
      if await features.isUsed(for: population.featureKey) { chosen.reverse() }
    }
    _ = try await lanes.map(chosen) { [shared] choice, lane in
      try await clients[choice.client].cacheFeatures(
        train: choice.train, shared: shared, on: lane)
    }
    let totals = try await total([chosen.count(where: \.train), memory - left])
    return (totals[0], totals[1])
  }

  private func keepingNote(parameters: Int) -> [String] {
    guard options.handsOutUpdates else { return [] }
    let bytes = Self.keptBytes(of: scenario, parameters: parameters)
    let size =
      bytes < 1_000_000 ? "\((bytes + 999) / 1000) kB" : "\((bytes + 999_999) / 1_000_000) MB"
    return ["every released update is kept: about \(size) of updates-round-*.safetensors"]
  }

  /// What a reader of the figures must know.
  private var notes: [String] {
    var notes: [String] = []
    if scenario.method.traits.repeatsPublishedCode {
      notes.append(AsReleased.note)
    }
    if scenario.population.overlap {
      notes.append(
        "overlap: one image may belong to several clients; each client's epsilon covers its own copy "
          + "only")
    }
    if let sampled = scenario.evaluation.clients, sampled < scenario.clientCount {
      let count = EvaluationSample.shares(
        of: sampled, sizes: scenario.population.clusters.map(\.clients)
      ).reduce(0, +)
      notes.append(
        "rounds are evaluated on \(count) of \(scenario.clientCount) clients, drawn anew each time; the final figures "
          + "are of all clients")
    }
    if !scenario.isReproducible {
      notes.append(
        "noise, batches and private choices come from the operating system: the run cannot be repeated, "
          + "and its digest identifies this run alone")
    }
    return notes
  }
}

extension Scenario {
  /// Whether a run has the same digest whenever it is repeated, and releases the same bits when a round of it is
  /// done again.
  public var isReproducible: Bool {
    privacy.randomness == .seeded || clients.allSatisfy { $0.budget.targetEpsilon == nil }
  }
}

extension Scenario.Method {
  /// Rounds (from 0) in which every client takes part.
  var roundsOfEverybody: Set<Int> {
    traits.clustersFirstRound || traits.beginsWithEverybody ? [0] : []
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
