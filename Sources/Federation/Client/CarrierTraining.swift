// Training of the adapted weights themselves by way of thin factors, chosen anew in every step: RGP's carriers, or the
// tangent space at the change so far (PRISM).

import Kernels
import Learning
public import Scenarios

/// A rule by which the changes of the adapted weights are averaged, which is exact.
private protocol WeightMean: AggregationRule {}

extension WeightMean {
  public var keepsResidual: Bool { true }
  public var trainsWeights: Bool { true }

  public func phases(round: Int) -> [TrainedFactors] { [.both] }

  /// Never asked: changes of weights are averaged as vectors.
  public func aggregate(_ input: AggregationInput) throws -> AdapterModel { input.start }

  public func downloads(
    factors: (a: Int, b: Int), weights: Int, contributors: Int, trained: TrainedFactors
  ) -> Int {
    weights
  }
}

extension Scenario.CarrierMean: WeightMean {}
extension Scenario.TangentMean: WeightMean {}

enum CarrierTraining {
  /// DP-SGD on the changes of the adapted weights; every step chooses carriers, takes the noisy clipped sum of
  /// their gradients, and moves the weights by what it reconstructs.
  ///
  /// Under PRISM a step begins with the change's best approximation of the rank, which is where the last step, or the
  /// server's mean, is retracted to; the last step of a round is released as it is.
  ///
  /// - Parameter work: starts from the changes of the weights, layer by layer.
  static func run<Source: ExampleSource>(
    _ work: LocalWork, materialized: MaterializedModel, original: [Float], on source: Source,
    features: FrozenFeatures?, network: Network, canaries: Canaries? = nil,
    observer: (any StepObserver)? = nil
  ) throws(FederationError) -> LocalOutcome {
    var change = work.start
    var optimizer = LocalOptimizer(work.optimizer, count: change.count)
    var carriers: [GradientCarriers] = []
    let isTangent = materialized.plan.adapter is TangentAdapter
    let steps = PrivateSteps(
      work, on: source, features: features, network: network, canaries: canaries,
      observer: observer)
    let taken = try steps.run(count: materialized.plan.trainableCount) { step in
      carriers = load(
        network, step: step, of: work, change: &change, original: original, plan: materialized.plan)
    } move: { release in
      let gradients = AdapterLayout.factors(
        of: materialized.plan, trainable: release.sum.value, frozen: [])
      let direction = zip(carriers, gradients).flatMap { own, gradient in
        (isTangent
          ? own.tangent(x: gradient.a, y: gradient.b)
          : own.reconstruct(dL: gradient.b, dR: gradient.a)).elements.map { Float($0) }
      }
      optimizer.move(
        &change, against: direction, expectedBatch: release.expectedBatch,
        learningRate: release.learningRate)
      work.regularizer?.pull(&change, learningRate: release.learningRate)
    }
    return LocalOutcome(taken, delta: try work.change(to: change))
  }

  /// Loads the network with the carriers of a step (from 0, within the whole round) as what is trained.
  ///
  /// - Parameter change: of the weights so far; under PRISM its best approximation of the rank afterwards.
  /// - Returns: the carriers, layer by layer.
  @discardableResult
  static func load(
    _ network: Network, step: Int, of work: LocalWork, change: inout [Float], original: [Float],
    plan: TrainingPlan
  ) -> [GradientCarriers] {
    var base = original
    var carriers: [GradientCarriers] = []
    var offset = 0
    for layer in plan.adaptedLayers {
      let weight = layer.weight
      let places = offset..<offset + weight.count
      var moved = Matrix(
        rows: layer.rows, columns: layer.columns, elements: change[places].map(Double.init))
      let frozen = Matrix(
        rows: layer.rows, columns: layer.columns,
        elements: original[weight.range].map(Double.init))
      let own: GradientCarriers
      // No change has no tangent space; what is not finite ends the run at the end of its round.
      if plan.adapter is TangentAdapter, moved.squaredNorm > 0,
        let tangent = try? GradientCarriers(tangentAt: moved, rank: layer.rank)
      {
        own = tangent
        moved = own.retracted(moved)
        for (place, value) in zip(places, moved.elements) { change[place] = Float(value) }
      } else {
        var stream = RandomStream(
          seed: work.seed, purpose: .initialization, round: work.round, client: layer.index,
          step: 64 + step)
        // What training changed so far points where gradients will; before that, the weights themselves.
        own = GradientCarriers(
          target: moved.squaredNorm > 0 ? moved : frozen.adding(moved), rank: layer.rank,
          using: &stream)
      }
      let weights = frozen.adding(moved)
      for (place, value) in zip(weight.range, own.remainder(of: weights).elements) {
        base[place] = Float(value)
      }
      carriers.append(own)
      offset += weight.count
    }
    let factors = carriers.map { LayerFactors(a: $0.r, b: $0.l, scale: 1) }
    network.load(frozen: FrozenParameters(base: base, factors: []))
    network.load(trainable: AdapterLayout.vectors(of: plan, holding: factors).trainable)
    return carriers
  }
}
