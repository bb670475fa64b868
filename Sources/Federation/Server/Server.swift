// The server: holds the models, asks the clients, folds their answers. It sees released values alone;
// what only a simulator knows (test accuracy, true clusters) it is told by a probe, for its reports alone.

import Clustering
import Datasets
import Kernels
import Learning
import Privacy
import Scenarios

/// Receives the round (from 1) and the entries that it is about to make.
typealias ReleaseAnnouncement = @Sendable (Int, [LedgerEntry]) async throws -> Void

actor Server {
  let method: any FederatedMethod
  let context: MethodContext
  let clients: [Client]
  let executor: any ClientExecutor
  private var probe: SimulationProbe
  /// Told what a round is about to release, before it does; nil where repeating it costs nothing.
  private let announce: ReleaseAnnouncement?
  /// Handed every released update; nil where nobody wants them.
  let keep: ReleaseKeeping?
  /// Nil where clients protect their examples themselves.
  let aggregation: ClientLevelAggregation?
  private let availability: Availability
  private var gate: BudgetGate?
  var state: FederatedState
  /// The server's own releases.
  private(set) var ledger = PrivacyLedger()
  /// What the round has set out to release that no report has; nil between rounds.
  private var underway: (preparation: [LedgerEntry], tasks: [ClientTask], round: Int)?

  /// - Parameters:
  ///   - noise: of the server, where whole clients are protected.
  ///   - isResumed: whether rounds may have been released before.
  init(
    method: any FederatedMethod, context: MethodContext, clients: [Client], noise: ClientNoise?,
    executor: any ClientExecutor, isResumed: Bool, announce: ReleaseAnnouncement?,
    keep: ReleaseKeeping?
  ) {
    self.announce = announce
    self.keep = keep
    self.method = method
    self.context = context
    self.clients = clients
    self.executor = executor
    probe = SimulationProbe(context: context, clients: clients, executor: executor)
    let start = method.start(context)
    state = start
    aggregation = noise.map {
      ClientLevelAggregation(context: context, noise: $0, models: start.models.count)
    }
    gate = BudgetGate(
      context.scenario, releasesRepeat: isResumed && !context.scenario.isReproducible)
    availability = Availability(scenario: context.scenario, clients: context.clients.map(\.plan))
  }

  /// What a checkpoint keeps of the server besides the ledgers.
  var exhausted: [Int: Int] { gate?.exhausted ?? [:] }

  /// Goes on from a checkpoint that fits.
  func restore(_ point: ResumePoint) {
    if let checkpoint = point.checkpoint {
      state = checkpoint.state
      gate?.restore(exhausted: checkpoint.exhausted)
    }
    ledger.append(contentsOf: point.ledger.filter { $0.client == nil })
  }

  /// What budgets that ended early changed; nil if none did.
  var budgetNote: String? { gate?.note }

  /// Runs one round (from 0) and reports it.
  func runRound(_ round: Int, evaluates: Bool) async throws -> RoundReport {
    var preparation: [LedgerEntry] = []
    if round == 0, context.scenario.scaleChoices > 0 || context.scenario.maskNoiseRatio != nil {
      for client in clients { preparation += try await client.payForPreparation(context.scenario) }
    }
    underway = (preparation, [], round)
    // Where draws are not repeated, scales were announced before anybody saw them.
    if let announce, context.scenario.repeatableScales, !preparation.isEmpty {
      try await announce(round + 1, preparation)
    }
    let work = try method.tasks(round: round, state: state, context: context)
    let present = work.tasks.filter {
      availability.attendance(of: $0.client, round: round) != .dropsOut
    }
    var tasks = try await admitted(
      RoundTasks(stage: work.stage, tasks: present), round: round)
    var report = RoundReport(round: round + 1, stage: work.stage)
    report.ledger = preparation
    let before = state.assignment
    var participants: [Int: ClientRound] = [:]
    state.aggregationError = nil
    // One pass over the clients, unless a rule of aggregation has them send more than once.
    let phases = context.exchange?.phases(round: round, stage: work.stage)
    for (part, phase) in (phases?.map { Phase?.some($0) } ?? [nil]).enumerated() {
      if let phase { try context.exchange?.prepare(&state.models, for: phase) }
      tasks = Self.tasks(tasks, in: phase)
      underway?.tasks += tasks
      try await announceReleases(of: tasks, round: round)
      let updates =
        if let method = sampling(tasks, stage: work.stage) {
          try await runSampled(method, tasks, round: round)
        } else {
          try await runPart(part + 1, tasks, stage: work.stage, round: round, into: &report)
        }
      for update in updates { report.record(update, of: &participants) }
      var seen: Set<Int> = []
      report.lateClients = updates.map(\.client).filter {
        availability.attendance(of: $0, round: round) == .comesLate && seen.insert($0).inserted
      }
      // In a later phase clients stay with the model that they chose; who was late has missed it.
      tasks = zip(tasks, updates).filter {
        availability.attendance(of: $0.0.client, round: round) == .reports
      }
      .map { $0.assigned(to: $1.model) }
    }
    let sample = evaluates ? context.scenario.evaluationSample(round: round) : nil
    let moves = state.assignment.moves(since: before)
    // Whoever took part, moved or was looked at, ascending.
    let names =
      (evaluates && sample == nil) || round == 0
      ? Array(clients.indices)
      : Set(Array(participants.keys) + moves.map(\.client) + (sample?.clients ?? [])).sorted()
    report.clients = names.map { client in
      var figures = participants[client] ?? ClientRound(client: client, model: 0)
      figures.model = state.assignment[client]
      return figures
    }
    report.aggregationError = state.aggregationError
    report.clustersAreTrue = probe.isTrue(state.assignment, after: moves)
    if evaluates { try await probe.evaluate(state, sample: sample, into: &report) }
    return report
  }

  /// The tasks with what a part of a round asks of them.
  private static func tasks(_ tasks: [ClientTask], in phase: Phase?) -> [ClientTask] {
    guard let phase else { return tasks }
    let sharing = Dictionary(grouping: tasks, by: \.model).mapValues(\.count)
    return tasks.map { task in
      var task = task
      task.phase = phase
      task.contributors = sharing[task.model] ?? 1
      return task
    }
  }

  /// Carries out the tasks of a part (from 1) of a round and moves the state by what came in time.
  ///
  /// - Returns: the updates in the order of the tasks.
  private func runPart(
    _ part: Int, _ tasks: [ClientTask], stage: RoundStage, round: Int,
    into report: inout RoundReport
  ) async throws -> [ClientUpdate] {
    let (updates, means) = try await perform(tasks, round: round, folds: folds(stage))
    // What comes late is not folded, and is in the ledger all the same: it was released.
    let inTime = updates.filter {
      availability.attendance(of: $0.client, round: round) == .reports
    }
    if let aggregation {
      for update in inTime { state.assignment[update.client] = update.model }
      let models = state.models
      try aggregation.fold(inTime, round: round, into: &state, context: context)
      let entries = aggregation.entries(round: round)
      try await keep?(
        ReleasedUpdates(
          entries, from: models, to: state.models, round: round, part: part, stage: stage))
      ledger.append(contentsOf: entries)
      report.ledger += entries
    } else {
      try await keep?(
        ReleasedUpdates(updates, tasks: tasks, round: round, part: part, stage: stage))
      let start = state.models
      try method.fold(inTime, means: means, round: round, into: &state, context: context)
      try state.takeThresholds(
        of: inTime, byTrained: context.scenario.method.traits.trainsUnusedModels)
      if state.clustering != nil,
        let points = try probe.projectionWithoutNoise(of: inTime, from: start, round: round)
      {
        state.clustering?.projectionWithoutNoise = points
      }
    }
    return updates
  }

  /// Says what will leave the clients, or the server, before it does: whatever interrupts the round, it counts.
  private func announceReleases(of tasks: [ClientTask], round: Int) async throws {
    guard let announce else { return }
    try await announce(round + 1, await plannedEntries(of: tasks, round: round))
    try await executor.barrier()
  }

  private func plannedEntries(of tasks: [ClientTask], round: Int) async -> [LedgerEntry] {
    var entries = aggregation?.entries(round: round) ?? []
    for task in tasks {
      entries += await clients[task.client].plannedEntries(of: task, round: round)
    }
    return entries
  }

  /// The round's report has arrived, and with it what it released.
  func roundWasReported() { underway = nil }

  /// What a round (from 1) that failed may have released, and nobody has been told; nil if nothing.
  func unreported() async -> (round: Int, entries: [LedgerEntry])? {
    guard let underway, announce == nil else { return nil }
    var entries = underway.preparation
    if !underway.tasks.isEmpty {
      entries += await plannedEntries(of: underway.tasks, round: underway.round)
    }
    return entries.isEmpty ? nil : (underway.round + 1, entries)
  }

  /// Whether means are all that a stage wants of its updates. The first round clusters them, some methods and
  /// rules of aggregation look at each, and so does the error of averaging adapters; a server that protects whole
  /// clients clips them.
  private func folds(_ stage: RoundStage) -> Bool {
    keep == nil && stage != .fullBatch && !method.readsUpdates && aggregation == nil
      && context.exchange == nil
      && context.plan.trainedFactors == nil
  }

  /// - Parameter folds: whether updates are folded as they come.
  /// - Returns: the updates in the order of tasks, and the means of those in time where they were folded.
  private func perform(
    _ tasks: [ClientTask], round: Int, folds: Bool
  ) async throws -> ([ClientUpdate], means: [Int: [Float]]?) {
    let availability = availability
    let isInTime: @Sendable (Int) -> Bool = {
      availability.attendance(of: $0, round: round) == .reports
    }
    let (updates, folder) = try await executor.perform(
      tasks, round: round, state: state, keeping: folds ? .sums(of: isInTime) : .whole)
    return (updates, folds ? try folder.finish() : nil)
  }

  /// The tasks that budgets have room for.
  private func admitted(_ work: RoundTasks, round: Int) async throws -> [ClientTask] {
    if let aggregation {
      try admitServer(aggregation, round: round)
      return work.tasks
    }
    guard var gate else { return work.tasks }
    let tasks = try await gate.admitted(
      work.tasks, round: round, needsEverybody: work.stage == .fullBatch, clients: clients)
    self.gate = gate
    return tasks
  }

  /// The server's budget is everybody's: without it nobody can go on.
  private func admitServer(_ aggregation: ClientLevelAggregation, round: Int) throws {
    let guarantee = context.scenario.privacy.budget
    guard var gate, let epsilon = guarantee.targetEpsilon else { return }
    var total = ledger
    total.append(contentsOf: aggregation.entries(round: round))
    let budget = PrivacyBudget(epsilon: epsilon, delta: guarantee.targetDelta)
    try gate.admitServer(total, within: budget, round: round)
    self.gate = gate
  }
}

extension ClientTask {
  /// The same work on a model that is chosen already.
  fileprivate func assigned(to model: Int) -> ClientTask {
    ClientTask(
      client: client, model: model, training: training, regularizer: regularizer,
      learningRate: learningRate, sendsUpdate: sendsUpdate, mixture: mixture)
  }
}

extension RoundReport {
  fileprivate mutating func record(
    _ update: ClientUpdate, of participants: inout [Int: ClientRound]
  ) {
    var figures =
      participants[update.client] ?? ClientRound(client: update.client, model: update.model)
    figures.participated = true
    figures.steps += update.steps
    figures.trainLoss = update.meanLoss
    // Of all parts of a round together.
    figures.updateNorm =
      figures.updateNorm.map { ($0 * $0 + update.norm * update.norm).squareRoot() } ?? update.norm
    participants[update.client] = figures
    ledger += update.entries
    bytesUp += update.bytesUp
    bytesDown += update.bytesDown
  }
}
