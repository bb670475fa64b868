// What a method decides: what each client releases, what it is asked to do, and how the server folds
// the answers into its models. Training, privacy and storage are shared by all methods.

import Clustering
public import JSON
public import Learning
public import Scenarios

/// The server's state between rounds: a value, so that a checkpoint can keep it. Whatever a method or a
/// rule of aggregation carries from one round to the next stands here.
public struct FederatedState: Codable, Hashable, Sendable {
  /// θ of every model.
  @Packed public var models: [[Float]]
  /// The model that each client uses.
  public var assignment: Assignment
  /// Posterior probability of each model for each client, while clustering is soft.
  public var posteriors: [[Double]]?
  public var clustering: ClusteringReport?
  /// What the server's optimiser remembers; nil before its first step, and always with FedAvg.
  public var moments: ServerMoments?
  /// Adaptive thresholds of every model, one for each group of layers; empty before the first.
  public var thresholds: [[Float]]?
  /// The factors B that clients keep for themselves, where an aggregation rule lets them; the server has
  /// no use for them.
  public var personal: [[Float]]?
  /// The control variates of clients, where a method has them.
  public var controls: [[Float]]?
  /// How far the last averaging of adapters was from the exact average of products, relative to it.
  public var aggregationError: Double?
}

extension FederatedState {
  /// The state of a run that begins.
  public init(models: [[Float]], assignment: [Int]) {
    self.init(models: models, assignment: Assignment(assignment), posteriors: nil)
  }

  /// One model for everybody.
  public static func common(_ context: MethodContext) -> FederatedState {
    FederatedState(models: [context.initial], assignment: context.clients.map { _ in 0 })
  }

  /// A model for each client.
  public static func personal(_ context: MethodContext) -> FederatedState {
    FederatedState(
      models: context.clients.map { _ in context.initial },
      assignment: context.clients.map(\.index))
  }
}

/// What a method may know besides its state.
public struct MethodContext: Sendable {
  public let scenario: Scenario
  public let plan: TrainingPlan
  public let clients: [ClientProfile]
  public let schedule: CohortSchedule
  /// θ at the start.
  public let initial: [Float]
  /// Frozen A factors (they say what an update of B does to the weights).
  let factors: [Float]
  /// Nil where parameter vectors are averaged as they are.
  let exchange: AdapterExchange?

  public var rounds: Int { scenario.rounds }
}

extension MethodContext {
  /// Where parameter vectors are averaged as they are.
  ///
  /// - Parameters:
  ///   - initial: θ at the start.
  ///   - factors: frozen A factors.
  package init(
    scenario: Scenario, plan: TrainingPlan, clients: [ClientProfile], schedule: CohortSchedule,
    initial: [Float], factors: [Float] = []
  ) {
    self.init(
      scenario: scenario, plan: plan, clients: clients, schedule: schedule, initial: initial,
      factors: factors, exchange: nil)
  }
}

extension MethodContext {
  /// What the updates of the first round say, for clustering.
  func clusteringSignals(of updates: [ClientUpdate], from models: [[Float]]) -> [[Float]] {
    updates.map { clusteringSignal(of: $0.delta, by: $0, from: models, round: 0) }
  }

  /// What an update says about its client's data, for clustering: the change of the weights that it stands for.
  ///
  /// - Parameters:
  ///   - delta: the update, or what it would be without noise.
  ///   - models: from which it started, by `update.model`.
  func clusteringSignal(
    of delta: [Float], by update: ClientUpdate, from models: [[Float]], round: Int
  ) -> [Float] {
    exchange?.signal(of: delta, client: update.client, from: models[update.model], round: round)
      ?? plan.weightChange(of: delta, from: initial, factors: factors)
  }
}

/// One round's work.
public struct RoundTasks: Sendable {
  public let stage: RoundStage
  public let tasks: [ClientTask]

  public init(stage: RoundStage, tasks: [ClientTask]) {
    self.stage = stage
    self.tasks = tasks
  }
}

extension RoundTasks {
  /// Everybody takes a step with all data at once from the common start, so that the updates can be clustered.
  ///
  /// - Parameter learningRate: nil takes the scenario's.
  static func fullBatch(context: MethodContext, learningRate: Double?) -> RoundTasks {
    RoundTasks(
      stage: .fullBatch,
      tasks: context.schedule.cohort(round: 0).map {
        ClientTask(client: $0, model: 0, training: .fullBatch, learningRate: learningRate)
      })
  }

  /// The cohort trains the models it is assigned to, or first chooses among all of them.
  public static func assigned(
    round: Int, state: FederatedState, context: MethodContext, selects: Bool = false
  ) -> RoundTasks {
    let selection = ClientTask.Selection(candidates: Array(state.models.indices))
    return RoundTasks(
      stage: selects ? .selection : .training,
      tasks: context.schedule.cohort(round: round).map { client in
        ClientTask(
          client: client, model: state.assignment[client], selection: selects ? selection : nil)
      })
  }
}

/// A method of federated learning: what clients release, what they are asked, how the server moves its models.
///
/// Training inside a client, clipping, noise, the ledger, checkpoints and reports are the same for all methods.
public protocol FederatedMethod: Sendable {
  /// Everything that a client will release in the whole run, or at most that.
  func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan
  /// What a forecast counts of a client: `releases`, or what stands in its ledger instead.
  func accountedReleases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan
  /// The noise with which the client keeps its budget.
  func noise(
    for client: ClientPlan, in context: ReleaseContext, calibrator: inout NoiseCalibrator
  ) throws(FederationError) -> ClientNoise
  func start(_ context: MethodContext) -> FederatedState
  /// - Parameter round: from 0.
  func tasks(
    round: Int, state: FederatedState, context: MethodContext
  ) throws(FederationError) -> RoundTasks
  /// Moves the state by what the clients sent.
  ///
  /// - Parameter means: of the updates to each model, where they were folded as they came and hold no parameters
  ///   any more; nil where updates are whole.
  func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws
  /// Whether `fold` looks at each update; where it does not, updates are added up as they come.
  var readsUpdates: Bool { get }
}

extension FederatedMethod {
  public var readsUpdates: Bool { false }

  /// The plan of a method that does nothing but train in every round in which the client takes part.
  public func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    ReleasePlan.training(client, rounds: context.schedule.participations(of: client.index))
  }

  public func accountedReleases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    releases(of: client, in: context)
  }

  /// The usual noise: from all releases together, composed jointly, rounded up.
  public func noise(
    for client: ClientPlan, in context: ReleaseContext, calibrator: inout NoiseCalibrator
  ) throws(FederationError) -> ClientNoise {
    try calibrator.noise(for: client, plan: releases(of: client, in: context))
  }

  /// The usual round: every client of the cohort trains the model that it is assigned to.
  public func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    .assigned(round: round, state: state, context: context)
  }

  /// The usual fold: a client stays with the model it trained, and every model moves by the unweighted
  /// mean of the updates of its clients; a model that nobody trained stays as it is.
  public func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    try state.take(updates, means: means, round: round, context: context)
  }
}

extension ReleasePlan {
  public static func training(_ client: ClientPlan, rounds: Int) -> ReleasePlan {
    var plan = ReleasePlan()
    plan.sampleRate = client.sampleRate
    plan.sampledSteps = client.stepsPerRound * rounds
    return plan
  }

  /// A full-batch first round of everybody, then training.
  ///
  /// - Parameter noiseRatio: noise multiplier of the first round over that of the others.
  static func clusteringFirst(
    _ client: ClientPlan, noiseRatio: Double, in context: ReleaseContext
  ) -> ReleasePlan {
    var plan = training(
      client,
      rounds: context.schedule.participations(of: client.index, in: 1..<context.scenario.rounds))
    plan.fullBatchSteps = client.fullBatchSteps
    plan.fullBatchNoiseRatio = noiseRatio
    return plan
  }
}

extension FederatedState {
  /// Assigns each client to the model it trained, and averages.
  ///
  /// - Parameter means: see `FederatedMethod.fold`.
  public mutating func take(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int, context: MethodContext
  ) throws {
    for update in updates { assignment[update.client] = update.model }
    if let means { return move(by: means, optimizer: context.scenario.serverOptimizer) }
    if let exchange = context.exchange, let phase = updates.first?.phase {
      aggregationError = try exchange.fold(updates, round: round, phase: phase, into: &self)
    } else {
      let before = models
      let optimizer = context.scenario.serverOptimizer
      try average(updates, optimizer: optimizer)
      // A server that does not simply take the mean is not after the exact average.
      aggregationError =
        optimizer == .fedAvg
        ? context.averagingError(of: updates, from: before, to: models) : nil
    }
  }

  /// Moves each model by the mean of the updates to it, all with equal weights.
  mutating func average(
    _ updates: [ClientUpdate], optimizer: Scenario.ServerOptimizer
  ) throws(FederationError) {
    var folder = UpdateFolder()
    for update in updates {
      folder.add(update.delta, model: update.model, client: update.client)
    }
    move(by: try folder.finish(), optimizer: optimizer)
  }

  private mutating func move(by means: [Int: [Float]], optimizer: Scenario.ServerOptimizer) {
    for (model, mean) in means.sorted(by: { $0.key < $1.key }) {
      move(model: model, by: mean, optimizer: optimizer)
    }
  }
}

/// Settings that know how their method runs.
public protocol RunnableMethod: MethodSettings {
  func makeMethod() -> any FederatedMethod
}

extension RunnableMethod where Self: FederatedMethod {
  public func makeMethod() -> any FederatedMethod { self }
}

extension Scenario.Method {
  /// The method as the server runs it.
  func makeMethod() -> any FederatedMethod {
    (settings as? any RunnableMethod)?.makeMethod() ?? MethodWithoutRun(name: name)
  }
}

/// Stands for settings that came without a way to run: `MethodCatalog.add(runnable:)` lets in no such method.
private struct MethodWithoutRun: FederatedMethod {
  let name: String

  func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }

  func tasks(
    round: Int, state: FederatedState, context: MethodContext
  ) throws(FederationError) -> RoundTasks {
    throw .methodCannotRun(name)
  }
}

extension MethodCatalog {
  /// Lets scenarios name a method of another package.
  ///
  /// - Throws: `ScenarioError` if another method has its name.
  public static func add(runnable method: any RunnableMethod.Type) throws(ScenarioError) {
    try add(method)
  }
}
