// What the rules look at: plans, noise and costs of all clients, computed once.

import Clustering
import Datasets
import Kernels
import Learning
import Privacy
import Scenarios

struct CheckFacts: Sendable {
  let scenario: Scenario
  let clients: [ClientPlan]
  let schedule: CohortSchedule
  let model: ModelSize
  let groups: [ReleaseGroup]
  let detection: DetectionForecast?
  let cost: CostForecast
  /// How many groups are clipped apart; nil where all parameters are clipped together.
  let clippingGroupCount: Int?
  /// Noise multiplier of the first group by loss distributions, where the scenario accounts by Rényi
  /// divergences; nil where it cannot be compared.
  let lossDistributionNoise: Double?

  /// Whether every client draws the random rows of its projections by itself.
  let hasOwnRows: Bool
  /// Persons with rows at several clients; nil where there are none, or nobody knows.
  let sharedPersons: SharedPersons?
  /// Which rows of a table count; nil where no table was read.
  let rows: RowTally?
  /// The private run that made the base model; nil where its file names none.
  let baseOrigin: BaseOrigin?

  /// - Parameters:
  ///   - dataset: nil where it was not read.
  ///   - forRun: whether only what warnings and refusals need is computed, not what notes and
  ///     tables of `check` show besides.
  init(
    scenario: Scenario, plan: TrainingPlan, model: ModelSize, dataset: Dataset? = nil,
    forRun: Bool = false
  ) throws(DatasetError) {
    self.scenario = scenario
    sharedPersons = dataset?.sharedPersons
    rows = dataset?.rows
    baseOrigin = scenario.baseOrigin
    let counts = try scenario.drawExampleCounts()
    clients = zip(scenario.clients, counts).map {
      ClientPlan($0, trainExamples: $1, local: scenario.local)
    }
    schedule = scenario.cohortSchedule
    self.model = model
    // Groups that do not fit the plan were refused before.
    clippingGroupCount = scenario.privacy.clipping.groups.flatMap {
      try? plan.groups($0.layers).count
    }
    // A projection that does not fit was refused before.
    var grouping = ReleaseGrouping(
      scenario: scenario, schedule: schedule, model: model,
      projection: (try? NoiseProjection(scenario, plan: plan))??.privacy, forRun: forRun)
    groups = grouping.groups(of: clients)
    hasOwnRows =
      scenario.projectionRank != nil
      && (scenario.privacy.randomness == .system || scenario.population.overlap
        || (sharedPersons?.shared ?? 0) > 0)
    detection =
      hasOwnRows
      ? nil : DetectionForecast(scenario: scenario, model: model, groups: groups)
    cost = CostForecast(
      scenario: scenario, clients: clients, schedule: schedule, model: model)
    lossDistributionNoise = forRun ? nil : Self.lossDistributionNoise(scenario, groups.first)
  }

  private static func lossDistributionNoise(
    _ scenario: Scenario, _ group: ReleaseGroup?
  ) -> Double? {
    guard scenario.privacy.accountant == .rdp, scenario.privacy.noiseMultiplier == nil,
      scenario.privacy.noise != .exact,
      let group, let target = group.budget.targetEpsilon, group.noise != nil
    else { return nil }
    // A failure leaves nothing to compare with, and the rule silent.
    return try? Calibration.calibrate(
      targetEpsilon: target, delta: group.budget.targetDelta, accountant: PLDAccountant(),
      tolerance: 1e-3, plan: group.plan.event(noiseMultiplier:)
    ).noiseMultiplier
  }

  // MARK: - Shorthands

  /// Whether any client trains under a budget; `scenario.hasBudget` counts those that come after training too.
  var isPrivate: Bool { clients.contains { $0.budget.targetEpsilon != nil } }

  /// Rounds in which clients select; nil where the method knows no selection.
  var selectionRounds: Int? { scenario.method.traits.selection?.rounds(of: scenario.rounds) }

  var traits: MethodTraits { scenario.method.traits }

  var robustClustered: Scenario.RobustClustered? {
    scenario.method.settings as? Scenario.RobustClustered
  }
}

extension ModelSize {
  /// - Parameter length: tokens of a usual example; 1 where examples are no texts.
  init(_ plan: TrainingPlan, length: Int = 1) {
    let length = length + (plan.softRows?.count ?? 0)
    trainable = plan.trainableCount
    total = plan.architecture.parameterCount
    featureBytesPerExample = plan.featureBytesPerRow * (plan.featuresAreTokens ? length : 1)
    inputs = max(plan.architecture.input.floatCount, length)
    let layers = plan.architecture.layers
    let work = layers.map { $0.work(length: length) }
    forward = Work(
      operations: work.reduce(0) { $0 + $1.operations }, outputs: work.reduce(0) { $0 + $1.outputs }
    )
    let first = layers.indices.first(where: plan.isTrained(layer:)) ?? 0
    var left = Array(work[first...])
    // The frozen product of the first adapted layer is cached too: only its low rank is left.
    if plan.trainedFactors == .b, plan.cachesProducts, let rank = plan.adaptedLayers.first?.rank {
      left[0].operations = 2 * left[0].outputs * rank
    }
    cachedForward = Work(
      operations: left.reduce(0) { $0 + $1.operations }, outputs: left.reduce(0) { $0 + $1.outputs }
    )
  }
}

extension DetectionForecast {
  /// Nil unless the method clusters by the first updates.
  init?(scenario: Scenario, model: ModelSize, groups: [ReleaseGroup]) {
    guard scenario.method.traits.clustersFirstRound,
      let threshold = Detectability.detectionThreshold(
        parameters: model.trainable, clients: scenario.clientCount),
      let reliable = Detectability.reliableScore(
        parameters: model.trainable, clients: scenario.clientCount)
    else { return nil }
    parameters = model.trainable
    clients = scenario.clientCount
    self.threshold = threshold
    reliableScore = reliable
    // The score that a distance of one clipping bound gives; scores are proportional to distances.
    let unitScores = groups.compactMap { group -> Double? in
      guard let multiplier = group.noise?.fullBatchNoiseMultiplier else { return nil }
      return Detectability.separationScore(
        gradientDistance: group.budget.maxGradNorm, epochs: Double(group.plan.fullBatchSteps),
        samples: Double(group.records), batchSize: Double(group.records),
        maxGradNorm: group.budget.maxGradNorm, noiseMultiplier: multiplier)
    }
    let least = unitScores.min().flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    leastDistance = least.map { threshold / $0 }
    reliableDistance = least.map { reliable / $0 }
  }
}

extension CheckFacts {
  var unitIsExample: Bool { scenario.privacy.unit == .example }

  /// Budgets in force of the clients that have one.
  var privateBudgets: [Scenario.Budget] {
    clients.map(\.budget).filter { $0.targetEpsilon != nil }
  }

  /// A group in a sentence.
  func name(_ group: ReleaseGroup) -> String {
    guard unitIsExample else { return "the server" }
    guard let first = group.clients.first else { return "nobody" }
    return group.clients.count == 1
      ? name(ofClient: first) : "\(name(ofClient: first)) and \(group.clients.count - 1) others"
  }

  /// A client in a sentence: its own name where a table has given it one.
  func name(ofClient index: Int) -> String {
    let name = scenario.name(ofClient: index)
    return name == "\(index)" ? "client \(index)" : "client '\(name)'"
  }

  /// Whether a table says who holds which rows, so that the scenario has no sizes to change.
  var hasOwnClients: Bool { scenario.data.table?.format.client != nil }
}
