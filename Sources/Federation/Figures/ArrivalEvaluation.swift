// Clients that come after training: nobody knows their cluster and no model was trained on their data. How they are
// best served is measured: routed among the models without a look at labels, by one private choice, by the mean.

import Datasets
import Kernels
import Learning
import Privacy
import Scenarios

/// A client that came after training.
public struct ArrivedClient: Codable, Hashable, Sendable {
  public let client: Int
  /// Accuracy on its test examples with models routed for each row, and for each example; nil where models are no
  /// low-rank adapters. Costs no privacy: it sees inputs alone.
  public let byToken: Double?
  public let byExample: Double?
  /// With the mean of all models, of their products where they are low-rank adapters; nil where it is not formed.
  public let mean: Double?
  /// With the model that it chose on its training examples by the exponential mechanism, at `epsilon`; nil without
  /// privacy, where it takes the best on them.
  public let chosen: Double
  public let model: Int
  public let epsilon: Double?
  /// With the model that does best on its test examples: what a choice could reach at most, known to the simulator alone.
  public let best: Double
}

/// The clients of a cluster that came after training.
public struct ArrivalResult: Codable, Hashable, Sendable {
  public let name: String
  public let clients: [ArrivedClient]

  /// Mean over its clients; nil where one has none.
  public func mean(_ figure: (ArrivedClient) -> Double?) -> Double? {
    let values = clients.compactMap(figure)
    guard values.count == clients.count, !values.isEmpty else { return nil }
    return values.reduce(0, +) / Double(values.count)
  }

  /// The largest ε that a choice cost one of its clients; nil without privacy.
  public var epsilon: Double? { clients.compactMap(\.epsilon).max() }
}

struct ArrivalEvaluation: Sendable {
  let clients: [ClientProfile]
  let context: MethodContext
  let frozen: FrozenParameters

  /// How far one record moves (examples right) − ½ (examples).
  private static let sensitivity = 0.5

  /// Nil where nobody arrives.
  func results(of state: FederatedState, on lanes: LanePool) async throws -> [ArrivalResult]? {
    guard !clients.isEmpty else { return nil }
    // Ditto's global model is nobody's, and what suits a newcomer best.
    let used =
      context.scenario.method.traits.trainsUnusedModels
      ? Array(state.models.indices) : Set(state.assignment).sorted()
    let models = used.map { state.models[$0] }
    let routed = try [ExpertRouting.arrow(byExample: false), .arrow(byExample: true), .uniform]
      .map { try self.routed(models, by: $0) }
    let whole = try routed[2] == nil ? meanModel(models) : nil
    let (clients, context) = (clients, context)
    let served = try await lanes.map(Array(clients.indices)) { index, lane in
      try await lane.run { workspace in
        try Self.serve(
          clients[index], models: zip(used, models).map { ($0, $1) }, routed: routed, mean: whole,
          context: context, in: workspace)
      }
    }
    return context.scenario.population.arriving.enumerated().map { place, cluster in
      let own = context.scenario.population.clusters.count + place
      return ArrivalResult(
        name: cluster.name,
        clients: zip(clients, served).filter { $0.0.cluster == own }.map(\.1))
    }
  }

  private static func serve(
    _ profile: ClientProfile, models: [(number: Int, theta: [Float])], routed: [RoutedModel?],
    mean: [Float]?, context: MethodContext, in workspace: LaneWorkspace
  ) throws -> ArrivedClient {
    func seen(_ theta: [Float], _ view: ClientView) -> BatchStatistics {
      let materialized = context.exchange?.evaluated(theta, personal: nil)
      let network = workspace.network(for: materialized)
      network.load(trainable: materialized?.start ?? theta)
      return network.evaluate(view)
    }
    func share(_ seen: BatchStatistics) -> Double { seen.correct / Double(max(seen.examples, 1)) }
    let accuracies = models.map { share(seen($0.theta, profile.test)) }
    let utilities = models.map { model -> Double in
      let own = seen(model.theta, profile.train)
      return own.correct - 0.5 * Double(own.examples)
    }
    let epsilon = profile.budget.targetEpsilon
    let choice: Int
    if let epsilon {
      // All that this client ever releases: its whole budget.
      var stream = context.scenario.privacy.noiseMaking.stream(
        RandomStream(
          seed: context.scenario.seed, purpose: .clusterSelection, round: context.rounds,
          client: profile.index))
      choice = try ExponentialMechanism(
        epsilon: epsilon, sensitivity: sensitivity
      ).release(utilities: utilities, using: &stream).value
    } else {
      choice = utilities.indices.reduce(0) { utilities[$1] > utilities[$0] ? $1 : $0 }
    }
    var figures = routed.map { model in
      model.map { model in
        let network = Network(plan: model.plan, tile: workspace.network.tile)
        network.load(frozen: model.frozen)
        return share(network.evaluate(profile.test))
      }
    }
    if let mean {
      let network = try workspace.whole()
      network.load(trainable: mean)
      figures[2] = share(network.evaluate(profile.test))
    }
    return ArrivedClient(
      client: profile.index, byToken: figures[0], byExample: figures[1], mean: figures[2],
      chosen: accuracies[choice], model: models[choice].number, epsilon: epsilon,
      best: accuracies.max() ?? 0)
  }

  /// Nil where models are not low-rank adapters, or more than factors and linear layers is trained.
  private func routed(_ models: [[Float]], by routing: ExpertRouting) throws -> RoutedModel? {
    let plan = context.plan
    guard plan.trainedFactors != nil else { return nil }
    if let exchange = context.exchange,
      exchange.layout.keepsResidual || exchange.keepsBLocal || exchange.rule.trainsWeights
    {
      return nil
    }
    var experts: [RoutedExpert] = []
    for theta in models {
      guard let expert = expert(theta) else { return nil }
      experts.append(expert)
    }
    return try RoutedModel(
      experts, routing: routing, on: plan.architecture, base: frozen.base)
  }

  /// A model's factors and the layers trained whole beside them; nil where those are no linear maps behind all adapted
  /// layers.
  private func expert(_ theta: [Float]) -> RoutedExpert? {
    let materialized = context.exchange?.evaluated(theta, personal: nil)
    let plan = materialized?.plan ?? context.plan
    let trainable = materialized?.start ?? theta
    let byHost = plan.routedFactors(
      trainable: trainable, frozen: materialized?.frozen.factors ?? frozen.factors)
    let layers = plan.adaptedLayers
    var left = Set(plan.slots.map(\.name)).subtracting(layers.flatMap { [$0.a.name, $0.b.name] })
    let last = layers.map(\.index).max() ?? 0
    var heads: [String: RoutedExpert.Head] = [:]
    for layer in plan.architecture.layers[(last + 1)...] {
      for host in layer.hosts {
        guard let slot = plan.trainedSlot(host.weight),
          let base = plan.architecture.slot(host.weight)
        else { continue }
        let bias = "\(host.name).bias"
        heads[host.name] = RoutedExpert.Head(
          weight: zip(trainable[slot.range], frozen.base[base.range]).map { $0 - $1 },
          bias: plan.trainedSlot(bias).flatMap { own in
            plan.architecture.slot(bias).map { base in
              zip(trainable[own.range], frozen.base[base.range]).map { $0 - $1 }
            }
          } ?? [Float](repeating: 0, count: host.rows))
        left.subtract([host.weight, bias])
      }
    }
    return left.isEmpty ? RoutedExpert(factors: byHost, heads: heads) : nil
  }

  /// The mean of the models' weights; nil for texts, of whose models each would take its whole size, and for adapters
  /// that are no other weights.
  private func meanModel(_ models: [[Float]]) throws(FederationError) -> [Float]? {
    let plan = context.plan
    guard plan.adapter?.isMergeable ?? true, plan.architecture.input.maximumLength == 1 else {
      return nil
    }
    var sum: FixedPointSum?
    for (index, theta) in models.enumerated() {
      let whole =
        context.exchange?.whole(theta, personal: nil)
        ?? plan.merged(frozen: frozen, trainable: theta)
      if sum == nil { sum = FixedPointSum(length: whole.count) }
      try sum?.add(whole, client: index)
    }
    return sum?.mean
  }
}
