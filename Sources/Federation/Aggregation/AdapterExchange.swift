// What clients and server pass to one another where adapters are averaged by a rule of their own: which
// factors a client trains, from where, and how its answer becomes the next model.

import Kernels
import Learning
import Scenarios

/// Which network a client trains.
struct NetworkKey: Sendable, Hashable {
  let trained: TrainedFactors
  /// Cut of the ranks; nil leaves them.
  let rankLimit: Int?
}

/// A model as a client uses it.
struct MaterializedModel: Sendable {
  let key: NetworkKey
  let plan: TrainingPlan
  /// Base weights and the factors that are not trained.
  let frozen: FrozenParameters
  /// θ at the start; what was folded into the frozen weights where those are trained.
  var start: [Float]
}

/// The exchange of a whole run.
struct AdapterExchange: Sendable {
  let rule: any AggregationRule
  /// Whether B stays with its client.
  let keepsBLocal: Bool
  let layout: AdapterLayout
  /// Parameters of the base model.
  let base: [Float]
  private let clientRanks: [Int]?
  private let plans: [NetworkKey: TrainingPlan]
  private let seed: UInt64
  /// Round (from 0) of the first training: R-DPCFL only clusters in its first.
  private let firstTraining: Int

  /// Nil where parameter vectors are averaged as they are: without an adapter, FFA-LoRA and FedIT.
  ///
  /// - Parameter plan: both factors trained.
  init?(scenario: Scenario, plan: TrainingPlan, base: [Float]) throws(ArchitectureError) {
    guard let adapter = scenario.adapter, adapter.hasOwnExchange, let trained = plan.adapter,
      trained.trainedFactors != nil
    else { return nil }
    rule = try adapter.aggregation.makeRule()
    keepsBLocal = adapter.aggregation.traits.keepsBLocal
    layout = AdapterLayout(plan: plan, keepsResidual: rule.keepsResidual)
    self.base = base
    seed = scenario.seed
    clientRanks = adapter.traits.factors?.clientRanks
    firstTraining = scenario.method.traits.clustersFirstRound ? 1 : 0
    var plans = [NetworkKey(trained: .both, rankLimit: nil): plan]
    for round in 0..<2 {
      for factors in rule.phases(round: round) {
        for limit in Set(clientRanks?.map { Int?.some($0) } ?? [nil]) {
          plans[NetworkKey(trained: factors, rankLimit: limit)] = try TrainingPlan(
            architecture: plan.architecture,
            adapter: trained.training(factors, rankLimit: limit))
        }
      }
    }
    self.plans = plans
  }

  /// The vector of a model whose factors are at their start.
  func initial(_ theta: [Float]) -> [Float] {
    theta + [Float](repeating: 0, count: layout.count - theta.count)
  }

  /// The parts of a round (from 0). The full-batch round only looks: its first phase is enough.
  func phases(round: Int, stage: RoundStage) -> [Phase] {
    let phases = rule.phases(round: max(round - firstTraining, 0))
    if stage == .fullBatch { return [Phase(phases[0])] }
    return phases.indices.map { Phase(phases[$0], index: $0, count: phases.count) }
  }

  /// Rewrites models for a phase; their weights stay as they are.
  func prepare(_ models: inout [[Float]], for phase: Phase) throws {
    for index in models.indices {
      models[index] = layout.vector(
        try rule.prepared(layout.model(models[index]), for: phase.trained))
    }
  }

  // MARK: - Clients

  /// A model for a client to train in a phase.
  ///
  /// - Parameter personal: the client's own B, where it keeps one.
  func materialized(
    _ vector: [Float], for phase: Phase, client: Int, personal: [Float]?
  ) -> MaterializedModel {
    let limit = clientRanks.map { $0[client % $0.count] }
    let key = NetworkKey(trained: phase.trained, rankLimit: limit)
    guard let plan = plans[key] else { preconditionFailure("every phase has its plan") }
    var materialized = materialized(vector, key: key, plan: plan, personal: personal)
    if rule.trainsWeights { materialized.start = Array(vector[layout.plan.trainableCount...]) }
    return materialized
  }

  /// A model to be evaluated by a client: all of its rank.
  func evaluated(_ vector: [Float], personal: [Float]?) -> MaterializedModel {
    materialized(
      vector, key: NetworkKey(trained: .both, rankLimit: nil), plan: layout.plan,
      personal: personal)
  }

  private func materialized(
    _ vector: [Float], key: NetworkKey, plan: TrainingPlan, personal: [Float]?
  ) -> MaterializedModel {
    let model = model(vector, personal: personal)
    let factors = model.layers.map { $0.limited(to: key.rankLimit ?? .max) }
    let (trainable, frozen) = AdapterLayout.vectors(of: plan, holding: factors)
    return MaterializedModel(
      key: key, plan: plan,
      frozen: FrozenParameters(base: layout.base(base, with: model.residual), factors: frozen),
      start: trainable)
  }

  private func model(_ vector: [Float], personal: [Float]?) -> AdapterModel {
    var model = layout.model(vector)
    guard keepsBLocal, let personal else { return model }
    var offset = 0
    for layer in model.layers.indices {
      let b = model.layers[layer].b
      let size = b.elements.count
      model.layers[layer].b = Matrix(
        rows: b.rows, columns: b.columns,
        elements: personal[offset..<offset + size].map(Double.init))
      offset += size
    }
    return model
  }

  /// Numbers of all B together, which clients may keep for themselves.
  var personalCount: Int { layout.plan.adaptedLayers.reduce(0) { $0 + $1.b.count } }

  /// All parameters of a model, as a client with this B uses it.
  func whole(_ vector: [Float], personal: [Float]?) -> [Float] {
    let materialized = evaluated(vector, personal: personal)
    return materialized.plan.merged(frozen: materialized.frozen, trainable: materialized.start)
  }

  /// Where a client's part of a model's vector lies, for a phase: the regulariser's centre and the server's
  /// own noise move these places alone.
  func places(of phase: Phase) -> [Int] {
    if rule.trainsWeights { return Array(layout.plan.trainableCount..<layout.count) }
    switch phase.trained {
    case .both: return layout.plan.slots.flatMap { Array($0.range) }
    case .a: return layout.plan.adaptedLayers.flatMap { Array($0.a.range) }
    case .b: return layout.plan.adaptedLayers.flatMap { Array($0.b.range) }
    }
  }

  /// Floats that go up and down for a client's work in a phase.
  func traffic(
    _ materialized: MaterializedModel, phase: Phase, contributors: Int, sendsAll: Bool
  ) -> (up: Int, down: Int) {
    let layers = materialized.plan.adaptedLayers
    let a = layers.reduce(0) { $0 + $1.a.count }
    let b = layers.reduce(0) { $0 + $1.b.count }
    let up = keepsBLocal && !sendsAll ? a : materialized.start.count
    let down = rule.downloads(
      factors: (a, b), weights: layout.residualCount, contributors: contributors,
      trained: phase.trained)
    return (up, down)
  }

  // MARK: - Server

  /// A client's factors after training; before it without a delta.
  private func factors(
    after delta: [Float]?, client: Int, model vector: [Float], phase: Phase, personal: [Float]?
  ) -> [LayerFactors] {
    let materialized = materialized(vector, for: phase, client: client, personal: personal)
    let trainable = delta.map { zip(materialized.start, $0).map { $0 + $1 } } ?? materialized.start
    return AdapterLayout.factors(
      of: materialized.plan, trainable: trainable, frozen: materialized.frozen.factors)
  }

  /// Moves every model that had clients by the rule.
  ///
  /// - Returns: ‖result − exact average‖ / ‖exact average of products‖ over all models and layers, in
  ///   Frobenius norm; nil where nobody trained or products are personal.
  func fold(
    _ updates: [ClientUpdate], round: Int, phase: Phase, into state: inout FederatedState
  ) throws -> Double? {
    var (missed, whole) = (0.0, 0.0)
    for index in state.models.indices {
      let own = updates.filter { $0.model == index }
      guard !own.isEmpty else { continue }
      if rule.trainsWeights {
        try average(own, model: index, in: &state)
        continue
      }
      let vector = state.models[index]
      let clients = own.map {
        factors(
          after: $0.delta, client: $0.client, model: vector, phase: phase,
          personal: state.personal?[$0.client])
      }
      let input = AggregationInput(
        start: layout.model(vector), clients: clients, numbers: own.map(\.client),
        trained: phase.trained, seed: seed, round: round, model: index)
      let next = try rule.aggregate(input)
      if keepsBLocal { keep(clients, of: own, in: &state) }
      state.models[index] = layout.vector(next)
      let (error, size) = input.error(of: next)
      missed += error
      whole += size
    }
    guard !keepsBLocal, whole > 0 else { return nil }
    return (missed / whole).squareRoot()
  }

  /// Moves the folded part of a model by the mean of its clients' changes.
  private func average(
    _ updates: [ClientUpdate], model index: Int, in state: inout FederatedState
  ) throws(FederationError) {
    var sum = FixedPointSum(length: layout.residualCount)
    for update in updates { try sum.add(update.delta, client: update.client) }
    for (i, change) in (sum.mean ?? []).enumerated() {
      state.models[index][layout.plan.trainableCount + i] += change
    }
  }

  private func keep(
    _ clients: [[LayerFactors]], of updates: [ClientUpdate], in state: inout FederatedState
  ) {
    var personal =
      state.personal
      ?? [[Float]](
        repeating: [Float](repeating: 0, count: personalCount), count: state.assignment.count)
    for (update, factors) in zip(updates, clients) {
      personal[update.client] = factors.flatMap { $0.b.elements.map { Float($0) } }
    }
    state.personal = personal
  }

  /// What carries the signal of an update, for clustering: B itself where A is common to all, the change of
  /// the products otherwise (after one step from B = 0 the update of A is noise alone).
  func signal(of delta: [Float], client: Int, from vector: [Float], round: Int) -> [Float] {
    let phase = phases(round: round, stage: .fullBatch)[0]
    if phase.trained == .b && clientRanks == nil || rule.trainsWeights { return delta }
    let before = factors(after: nil, client: client, model: vector, phase: phase, personal: nil)
    let after = factors(after: delta, client: client, model: vector, phase: phase, personal: nil)
    return zip(after, before).flatMap { after, before in
      after.product.adding(before.product, times: -1).elements.map { Float($0) }
    }
  }
}

extension AggregationInput {
  /// ‖W − W*‖² and ‖Σ p_k s B_k A_k‖² over all layers, W* being the exact average.
  package func error(of next: AdapterModel) -> (missed: Double, whole: Double) {
    var (missed, whole) = (0.0, 0.0)
    let reached = next.weightChanges
    for (layer, product) in meanProducts.enumerated() {
      let exact =
        start.residual.isEmpty ? product : product.adding(start.residual[layer])
      missed += reached[layer].adding(exact, times: -1).squaredNorm
      whole += product.squaredNorm
    }
    return (missed, whole)
  }
}
