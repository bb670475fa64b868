// What a run does before its first round: forecast, base model, clients with their noise, frozen features.

import Datasets
import Learning
import Privacy
import Ranks
import Scenarios

extension Simulation {
  /// The clients with their data. Scales that they estimated with the operating system's randomness are those of
  /// the run's beginning: asked again, they would answer, and pay, again.
  ///
  /// - Throws: what `Population` throws; `FederationError.cannotResume` for a checkpoint with scales of another
  ///   scenario; `FederationError.cannotShare` where each rank would draw its own.
  func population(from checkpoint: RunCheckpoint?) throws -> Population {
    if !scenario.repeatableScales, options.ranks.size > 1 {
      throw FederationError.cannotShare(
        reason:
          "every rank estimates scales, and privacy.randomness \"system\" would give each others; use \"seeded\", "
          + "or one process")
    }
    var source = ScaleEstimates.Source.clients
    if let checkpoint {
      guard scenario.fits(scales: checkpoint.scales) else {
        throw FederationError.cannotResume(reason: "its checkpoint does not fit its scenario")
      }
      if let scales = checkpoint.scales { source = .known(scales) }
    }
    return try Population(scenario: scenario, catalog: catalog, scales: source)
  }

  /// Says what clients have released of their scales, before anybody sees them, where nothing repeats it.
  ///
  /// - Parameter released: before an interruption; all of it counts.
  /// - Throws: `FederationError.cannotResume` where a budget has no room for the estimates on top of that: without
  ///   everybody's there is no common scale.
  func announceScales(
    of context: MethodContext, after released: [LedgerEntry], to announce: ReleaseAnnouncement
  ) async throws {
    guard !scenario.repeatableScales else { return }
    let earlier = Dictionary(grouping: released, by: \.client)
    var bounds = BoundCache(scenario.privacy.accountant.kind)
    for client in context.clients where earlier[client.index] != nil {
      guard let epsilon = client.budget.targetEpsilon else { continue }
      let total = PrivacyLedger(
        (earlier[client.index] ?? []) + scenario.scaleEntries(of: client.plan))
      guard
        try bounds.bound(of: total, delta: client.budget.targetDelta).epsilon <= epsilon
      else {
        throw FederationError.cannotResume(
          reason:
            "no checkpoint kept the scales that its clients estimated, and to estimate them again would cost "
            + "client \(client.index) more than its epsilon of \(epsilon)")
      }
    }
    try await announce(1, context.clients.flatMap { scenario.scaleEntries(of: $0.plan) })
  }

  func start(
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
  func forecast(_ population: Population) throws(FederationError) -> CostForecast {
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

  func baseModel(
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

  func makeClients(
    _ context: MethodContext, method: any FederatedMethod, clipping: ClippingRule,
    canaries: [Canaries]?, sharesRecords: Bool
  ) throws -> [Client] {
    let projection = try NoiseProjection(
      scenario, plan: context.plan, sharesRecords: sharesRecords)
    var calibrator = NoiseCalibrator(scenario, projection: projection?.privacy)
    let releases = ReleaseContext(scenario: scenario, schedule: context.schedule)
    let settings = ClientSettings(
      scenario: scenario, clipping: clipping, exchange: context.exchange,
      projection: projection, fault: options.fault)
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
  func serverNoise(
    _ context: MethodContext, method: any FederatedMethod
  ) throws(FederationError) -> ClientNoise? {
    guard scenario.privacy.unit == .client else { return nil }
    var calibrator = NoiseCalibrator(scenario, projection: nil)
    return try scenario.noise(
      of: context.clients[0].plan, plan: .ofServer(scenario), method: method,
      context: ReleaseContext(scenario: scenario, schedule: context.schedule),
      calibrator: &calibrator)
  }

  /// Caches frozen features client by client while they fit the memory; which ones changes no result.
  func cacheFeatures(
    _ clients: [Client], population: Population, frozen: FrozenParameters, memory: Int,
    executor: any ClientExecutor, lanes: LanePool, _ observer: any RunObserver
  ) async throws -> (clients: Int, bytes: Int) {
    guard population.plan.featureBytesPerRow > 0 else { return (0, 0) }
    var left = memory
    var chosen: [(client: Int, train: Bool)] = []
    for profile in population.clients where executor.isHere(profile.index) {
      let test = population.plan.featureBytes(of: profile.test)
      guard test <= left else { break }
      left -= test
      let train = population.plan.featureBytes(of: profile.train)
      chosen.append((profile.index, train <= left))
      if train <= left { left -= train }
    }
    try await observer.receive(.preparing("computing frozen features"))
    // What private rows have become stays in memory.
    let cache = scenario.data.isPublished ? options.featureCache : nil
    let source = FeatureSource(
      key: population.featureKey(base: frozen.base), shared: options.sharedFeatures, cache: cache,
      bytes: memory - left)
    // Another run of this process began at the other end.
    if await options.sharedFeatures?.isUsed(for: source.key) == true { chosen.reverse() }
    _ = try await lanes.map(chosen) { choice, lane in
      try await clients[choice.client].cacheFeatures(train: choice.train, from: source, on: lane)
    }
    let totals = try await total([chosen.count(where: \.train), memory - left])
    return (totals[0], totals[1])
  }
}
