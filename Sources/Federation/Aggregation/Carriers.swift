// Reparametrised gradient perturbation: per-example gradients with respect to two thin carriers instead of the weights.
//
// Yu, Zhang, Chen, Yin, Liu, "Large scale private learning via low-rank reparametrization" (ICML 2021), algorithm 1,
// with minus in the reconstruction: then it is the orthogonal projection of the gradient on {L X + Y R}. Part of the
// published code adds that term.

package import Kernels
public import Learning
public import Scenarios

/// The carriers of one weight matrix W: L (outputs × r) with orthonormal columns, R (r × inputs) with orthonormal rows.
package struct GradientCarriers: Sendable {
  package let l: Matrix
  package let r: Matrix

  /// One step of the power method on `target`, from random rows.
  ///
  /// Target and start depend on released weights and the seed alone, so that choosing carriers costs no privacy.
  package init(target: Matrix, rank: Int, using stream: inout RandomStream) {
    let start = Matrix(
      rows: target.columns, columns: rank,
      elements: (0..<target.columns * rank).map { _ in stream.nextGaussian() })
    l = target.multiplied(by: start).transposed.orthonormalRows().q.transposed
    r = l.transposed.multiplied(by: target).orthonormalRows().q
  }

  /// W − L R, which stays frozen during the step.
  package func remainder(of weights: Matrix) -> Matrix {
    weights.adding(l.multiplied(by: r), times: -1)
  }

  /// ∂L R + L ∂R − L Lᵀ ∂L R.
  package func reconstruct(dL: Matrix, dR: Matrix) -> Matrix {
    let left = dL.multiplied(by: r)
    let core = l.transposed.multiplied(by: dL).multiplied(by: r)
    return left.adding(l.multiplied(by: dR.adding(core, times: -1)))
  }
}

/// The rule of RGP: the changes of the adapted weights are averaged, which is exact.
extension Scenario.CarrierMean: AggregationRule {
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

enum CarrierTraining {
  /// DP-SGD on the changes of the adapted weights; every step chooses carriers, takes the noisy clipped sum of
  /// their gradients, and moves the weights by what it reconstructs.
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
    let steps = PrivateSteps(
      work, on: source, features: features, network: network, canaries: canaries,
      observer: observer)
    let taken = try steps.run(count: materialized.plan.trainableCount) { step in
      carriers = load(
        network, step: step, of: work, change: change, original: original, plan: materialized.plan)
    } move: { release in
      let gradients = AdapterLayout.factors(
        of: materialized.plan, trainable: release.sum.value, frozen: [])
      let direction = zip(carriers, gradients).flatMap { own, gradient in
        own.reconstruct(dL: gradient.b, dR: gradient.a).elements.map { Float($0) }
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
  /// - Parameter change: of the weights so far.
  /// - Returns: the carriers, layer by layer.
  @discardableResult
  static func load(
    _ network: Network, step: Int, of work: LocalWork, change: [Float], original: [Float],
    plan: TrainingPlan
  ) -> [GradientCarriers] {
    var base = original
    var carriers: [GradientCarriers] = []
    var offset = 0
    for layer in plan.adaptedLayers {
      let weight = layer.weight
      let moved = Matrix(
        rows: layer.rows, columns: layer.columns,
        elements: change[offset..<offset + weight.count].map(Double.init))
      let weights = Matrix(
        rows: layer.rows, columns: layer.columns,
        elements: original[weight.range].map(Double.init)
      ).adding(moved)
      var stream = RandomStream(
        seed: work.seed, purpose: .initialization, round: work.round, client: layer.index,
        step: 64 + step)
      // What training changed so far points where gradients will; before that, the weights themselves.
      let own = GradientCarriers(
        target: moved.squaredNorm > 0 ? moved : weights, rank: layer.rank, using: &stream)
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
