// The interface of the ways to average low-rank adapters: each says what is trained, sent and averaged.
//
// For clients k with weights p_k = 1/K the ideal is Σ p_k B_k A_k; the mean of the factors is another thing,
// Σ p_k B_k · Σ p_k A_k, unless one factor is common to all.

public import Kernels
public import Learning
public import Scenarios

/// What a rule is given at the end of a phase.
public struct AggregationInput: Sendable {
  /// The model that was handed out.
  public let start: AdapterModel
  /// The factors of its clients after training, in the order of clients; at least one.
  public let clients: [[LayerFactors]]
  /// The numbers of these clients, by which errors name them.
  public let numbers: [Int]
  public let trained: TrainedFactors
  public let seed: UInt64
  public let round: Int
  /// Index of the model.
  public let model: Int

  public init(
    start: AdapterModel, clients: [[LayerFactors]], numbers: [Int]? = nil, trained: TrainedFactors,
    seed: UInt64 = 0, round: Int = 0, model: Int = 0
  ) {
    self.numbers = numbers ?? Array(clients.indices)
    self.start = start
    self.clients = clients
    self.trained = trained
    self.seed = seed
    self.round = round
    self.model = model
  }
}

/// One of the parts of a round, each with an upload of its own.
public struct Phase: Sendable, Hashable {
  public let trained: TrainedFactors
  /// Which share of the round's local steps, index of count.
  let index: Int
  let count: Int

  public init(_ trained: TrainedFactors, index: Int = 0, count: Int = 1) {
    self.trained = trained
    self.index = index
    self.count = count
  }

  /// The phase's part of a round's steps (from 0). Where they cannot be shared equally, the first phase has
  /// one more in even rounds and the last in odd ones.
  public func steps(of total: Int, round: Int) -> Range<Int> {
    let spare = round % 2 == 0 ? count - 1 : 0
    return (total * index + spare) / count..<(total * (index + 1) + spare) / count
  }
}

/// A way to average adapters. All that a rule computes, it computes from what clients released; where
/// clients protect their examples, it is post-processing and costs no privacy.
public protocol AggregationRule: AggregationSettings {
  /// Whether the rule changes frozen weights, so that each model has its own.
  var keepsResidual: Bool { get }
  /// Whether clients train the adapted weights themselves, by way of carriers.
  var trainsWeights: Bool { get }
  /// The phases of a round.
  ///
  /// - Parameter round: from 0, counted from the first round that trains.
  func phases(round: Int) -> [TrainedFactors]
  /// The same weights in the factors that suit the phase.
  func prepared(_ model: AdapterModel, for trained: TrainedFactors) throws -> AdapterModel
  /// The next model.
  func aggregate(_ input: AggregationInput) throws -> AdapterModel
  /// Floats that the server sends to a client for a phase.
  ///
  /// - Parameters:
  ///   - factors: floats of A and of B at the client's rank.
  ///   - weights: floats of all adapted weights.
  ///   - contributors: clients that contributed to the model.
  func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int
}

extension AggregationRule {
  public var keepsResidual: Bool { false }
  public var trainsWeights: Bool { false }
  public func prepared(_ model: AdapterModel, for trained: TrainedFactors) -> AdapterModel {
    model
  }
  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    factors.a + factors.b
  }
}

extension AggregationInput {
  /// The start with the mean of whichever factors were trained.
  ///
  /// Exact and free of order, as secure aggregation would compute it.
  public func withMeanFactors() throws -> AdapterModel {
    var model = start
    for layer in model.layers.indices {
      if trained != .b {
        model.layers[layer].a = try mean(from: start.layers[layer].a) { $0[layer].a }
      }
      if trained != .a {
        model.layers[layer].b = try mean(from: start.layers[layer].b) { $0[layer].b }
      }
    }
    return model
  }

  /// start + mean of the clients' changes.
  private func mean(
    from start: Matrix, _ factor: ([LayerFactors]) -> Matrix
  ) throws -> Matrix {
    var sum = FixedPointSum(length: start.elements.count)
    for (number, client) in zip(numbers, clients) {
      let change = zip(factor(client).elements, start.elements).map { Float($0 - $1) }
      try sum.add(change, client: number)
    }
    let mean = sum.mean ?? []
    return Matrix(
      rows: start.rows, columns: start.columns,
      elements: zip(start.elements, mean).map { $0 + Double($1) })
  }

  /// Σ p_k · scale · B_k A_k of every layer: what exact aggregation would add to the weights.
  public var meanProducts: [Matrix] {
    start.layers.indices.map { layer in
      Matrix.mean(clients.map { $0[layer].product })
        ?? Matrix(rows: 0, columns: 0)
    }
  }
}

extension Scenario.Adapter.Aggregation {
  /// The rule as the server carries it out.
  ///
  /// - Throws: `ArchitectureError` for settings that came without one.
  package func makeRule() throws(ArchitectureError) -> any AggregationRule {
    guard let rule = settings.init() as? any AggregationRule else {
      throw ArchitectureError(
        description:
          "adapter.aggregation: nothing says how \"\(name)\" averages; add it by AggregationCatalog.add(rule:)"
      )
    }
    return rule
  }
}

extension AggregationCatalog {
  /// Lets scenarios name a rule of another package.
  ///
  /// - Throws: `ScenarioError` if another rule has its name.
  public static func add(rule: any AggregationRule.Type) throws(ScenarioError) {
    try add(rule)
  }
}
