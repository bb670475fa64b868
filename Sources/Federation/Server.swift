// The server: holds the models, asks the clients, folds their answers. It sees released values alone;
// the figures of a simulation (test accuracy, true clusters) are gathered beside it.

import Clustering
import Datasets
import Kernels
import Learning
import Privacy
import Scenarios

actor Server {
  private let method: any FederatedMethod
  private let context: MethodContext
  private let clients: [Client]
  private let lanes: LanePool
  /// Nil where clients protect their examples themselves.
  private let aggregation: ClientLevelAggregation?
  private let turnout: Turnout
  private var gate: BudgetGate?
  private(set) var state: FederatedState
  /// The server's own releases.
  private(set) var ledger = PrivacyLedger()

  /// - Parameter noise: of the server, where whole clients are protected.
  init(
    method: any FederatedMethod, context: MethodContext, clients: [Client], noise: ClientNoise?,
    lanes: LanePool
  ) {
    self.method = method
    self.context = context
    self.clients = clients
    self.lanes = lanes
    let start = method.start(context)
    state = start
    aggregation = noise.map {
      ClientLevelAggregation(context: context, noise: $0, models: start.models.count)
    }
    gate = BudgetGate(context.scenario)
    turnout = Turnout(scenario: context.scenario, clients: context.clients.map(\.plan))
  }

  /// What a checkpoint keeps of the server besides the ledgers.
  var exhausted: [Int: Int] { gate?.exhausted ?? [:] }

  /// Goes on from a checkpoint that fits.
  func restore(_ point: ResumePoint) {
    state = point.checkpoint.state
    gate?.restore(exhausted: point.checkpoint.exhausted)
    ledger.append(contentsOf: point.ledger.filter { $0.client == nil })
  }

  /// What budgets that ended early changed; nil if none did.
  var budgetNote: String? { gate?.note }

  /// Runs one round (from 0) and reports it.
  func runRound(_ round: Int, evaluates: Bool) async throws -> RoundReport {
    let work = try method.tasks(round: round, state: state, context: context)
    let present = work.tasks.filter {
      turnout.attendance(of: $0.client, round: round) != .dropsOut
    }
    var tasks = try await admitted(
      RoundTasks(stage: work.stage, tasks: present), round: round)
    var report = RoundReport(round: round + 1, stage: work.stage)
    report.clients = clients.indices.map { ClientRound(client: $0, model: 0) }
    state.aggregationError = nil
    // One pass over the clients, unless a rule of aggregation has them send more than once.
    let phases = context.exchange?.phases(round: round, stage: work.stage)
    for phase in phases?.map({ Phase?.some($0) }) ?? [nil] {
      if let phase { try context.exchange?.prepare(&state.models, for: phase) }
      let updates = try await perform(tasks, phase: phase, round: round)
      // What comes late is not folded, and is in the ledger all the same: it was released.
      let inTime = updates.filter {
        turnout.attendance(of: $0.client, round: round) == .reports
      }
      if let aggregation {
        for update in inTime { state.assignment[update.client] = update.model }
        let entry = try aggregation.fold(inTime, round: round, into: &state, context: context)
        ledger.append(entry)
        report.ledger.append(entry)
      } else {
        let start = state.models
        try method.fold(inTime, round: round, into: &state, context: context)
        try state.takeThresholds(of: inTime)
        try recordTrueProjection(of: inTime, from: start, round: round)
      }
      for update in updates { report.record(update) }
      report.lateClients = updates.map(\.client).filter {
        turnout.attendance(of: $0, round: round) == .comesLate
      }
      // In a later phase clients stay with the model that they chose; who was late has missed it.
      tasks = zip(tasks, updates).filter {
        turnout.attendance(of: $0.0.client, round: round) == .reports
      }
      .map { $0.assigned(to: $1.model) }
    }
    for client in clients.indices { report.clients[client].model = state.assignment[client] }
    report.aggregationError = state.aggregationError
    if method.findsClusters, context.scenario.knowsClusters {
      report.clustersAreTrue = assignmentIsTrue
    }
    if evaluates { try await evaluate(into: &report) }
    return report
  }

  private func perform(
    _ tasks: [ClientTask], phase: Phase?, round: Int
  ) async throws -> [ClientUpdate] {
    let (before, clients) = (state, clients)
    let sizes = tasks.map { context.clients[$0.client].train.count }
    var tasks = tasks
    if phase != nil {
      let sharing = Dictionary(grouping: tasks, by: \.model).mapValues(\.count)
      for index in tasks.indices {
        tasks[index].phase = phase
        tasks[index].contributors = sharing[tasks[index].model] ?? 1
      }
    }
    return try await lanes.map(tasks, costs: sizes) { task, lane in
      try await clients[task.client].perform(
        task, round: round, state: before, on: lane)
    }
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
    let promise = context.scenario.privacy.budget
    guard var gate, let epsilon = promise.targetEpsilon else { return }
    var total = ledger
    total.append(aggregation.entry(round: round))
    let budget = PrivacyBudget(epsilon: epsilon, delta: promise.targetDelta)
    guard try gate.admits(total.costEvent, within: budget) else {
      throw FederationError.serverBudgetExhausted(round: round + 1, epsilon: epsilon)
    }
    self.gate = gate
  }

  /// Whether clients share a model exactly where they share a true cluster.
  private var assignmentIsTrue: Bool {
    var modelOf: [Int: Int] = [:]
    for client in context.clients {
      let model = state.assignment[client.index]
      guard modelOf[client.cluster, default: model] == model else { return false }
      modelOf[client.cluster] = model
    }
    return Set(modelOf.values).count == modelOf.count
  }

  /// Where the updates that were clustered would lie without their noise. It is gathered beside the
  /// method and after it, as the accuracies are.
  private func recordTrueProjection(
    of updates: [ClientUpdate], from models: [[Float]], round: Int
  ) throws {
    let plain = updates.compactMap { update in
      update.deltaWithoutNoise.map { delta in
        context.exchange?.signal(
          of: delta, client: update.client, from: models[update.model], round: round)
          ?? context.plan.weightChange(of: delta, from: context.initial, factors: context.factors)
      }
    }
    guard state.clustering != nil, plain.count == context.clients.count, plain.count > 1 else {
      return
    }
    let points = try PrincipalComponents.fit(
      plain, options: PrincipalComponents.Options(components: 2)
    ).points
    state.clustering?.projectionWithoutNoise = (0..<points.rows).map { points.row($0) }
  }

  private func evaluate(into report: inout RoundReport) async throws {
    let (clients, state) = (clients, state)
    let figures = try await lanes.map(Array(clients.indices)) { index, lane in
      try await clients[index].evaluate(
        state.models[state.assignment[index]], personal: state.personal?[index], on: lane)
    }
    for (index, figure) in figures.enumerated() {
      report.clients[index].testAccuracy = figure.accuracy
      report.clients[index].testLoss = figure.loss
    }
    report.clusters = context.scenario.population.clusters.indices.map { cluster in
      let members = context.clients.filter { $0.cluster == cluster }.map { figures[$0.index] }
      let count = Double(members.count)
      return ClusterRound(
        cluster: cluster,
        testAccuracy: members.reduce(0) { $0 + $1.accuracy } / count,
        testLoss: members.reduce(0) { $0 + $1.loss } / count)
    }
  }
}

extension ClientTask {
  /// The same work on a model that is chosen already.
  fileprivate func assigned(to model: Int) -> ClientTask {
    ClientTask(
      client: client, model: model, training: training, regularizer: regularizer,
      learningRate: learningRate, sendsUpdate: sendsUpdate)
  }
}

extension RoundReport {
  fileprivate mutating func record(_ update: ClientUpdate) {
    clients[update.client].participated = true
    clients[update.client].steps += update.steps
    clients[update.client].trainLoss = update.meanLoss
    let norm = update.delta.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    // Of all parts of a round together.
    clients[update.client].updateNorm =
      clients[update.client].updateNorm.map {
        ($0 * $0 + norm * norm).squareRoot()
      } ?? norm
    ledger += update.entries
    bytesUp += update.bytesUp
    bytesDown += update.bytesDown
  }
}
