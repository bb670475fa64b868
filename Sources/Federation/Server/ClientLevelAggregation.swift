// Privacy of whole clients: the server clips every client's update, adds noise to the sum once a round,
// and accounts for it. Clients trust the server and add no noise of their own.
//
// McMahan, Ramage, Talwar, Zhang, "Learning differentially private recurrent language models" (2018), with
// the fixed divisor of its section 2.

import Privacy
import Scenarios

package struct ClientLevelAggregation: Sendable {
  private let seed: UInt64
  private let maxGradNorm: Float
  private let noiseMaking: NoiseMaking
  private let optimizer: Scenario.ServerOptimizer
  private let sampleRate: Double
  /// Nil where every round has noise of its own.
  private let correlated: CorrelatedNoise?
  /// Rounds between two turns of a client.
  private let turns: Int
  /// Nil adds no noise and does not clip.
  let noise: ClientNoise
  /// Expected number of updates to each model.
  private let expected: [Double]
  /// A power of two, by which updates are multiplied before they are rounded to the grid of the sum: bounds far from 1 would
  /// lose their digits there, or leave its range.
  private let unit: Float
  /// By how much updates are held below the bound, relative to it: for the rounding of the norm, of the grid (2⁻³³ an
  /// element, below 6e-6 of a bound of 1/16 for 10⁷ elements) and of the sum of all clients (2⁻²⁴ of it, on both sides).
  private let margin: Double

  /// - Parameter noise: of `ReleasePlan.ofServer`.
  init(context: MethodContext, noise: ClientNoise, models: Int) {
    let scenario = context.scenario
    seed = scenario.seed
    maxGradNorm = Float(scenario.privacy.budget.maxGradNorm)
    let making = scenario.privacy.noiseMaking
    noiseMaking = making
    optimizer = scenario.serverOptimizer
    sampleRate = ReleasePlan.ofServer(scenario).sampleRate
    correlated = scenario.noiseFactorization.map {
      CorrelatedNoise($0, making: making, seed: scenario.seed)
    }
    turns = scenario.privacy.noiseBands
    unit = Self.unit(for: maxGradNorm)
    margin = max(2e-5, 8e-6 + Double(context.clients.count) * 0x1p-23)
    let rate = scenario.cohortShare
    self.noise = noise
    // Divisors must not depend on who came or what they chose: with true clusters their sizes are
    // known, with chosen ones an equal share is assumed.
    if scenario.method.traits.clusters == .given {
      expected = scenario.population.clusters.map { rate * Double($0.clients) }
    } else {
      expected = [Double](
        repeating: rate * Double(context.clients.count) / Double(models), count: models)
    }
  }

  /// Moves every model by the noisy sum of the clipped updates to it over the expected number of them.
  ///
  /// A client's update goes to one model, so all sums together, as one vector, move by at most the clipping
  /// bound when a client comes or goes: one Gaussian mechanism a round, whatever the number of models,
  /// and which model a client chose costs nothing more.
  func fold(
    _ updates: [ClientUpdate], round: Int, into state: inout FederatedState,
    context: MethodContext
  ) throws {
    guard let multiplier = noise.noiseMultiplier else {
      return try state.take(updates, means: nil, round: round, context: context)
    }
    // The places that this round trains.
    let phase = context.exchange?.phases(round: round, stage: .training).first
    let places =
      phase.flatMap { context.exchange?.places(of: $0) } ?? Array(context.initial.indices)
    let length = places.count
    let released = try released(
      updates, round: round, noiseMultiplier: multiplier, length: length,
      models: state.models.count)
    for model in state.models.indices {
      let scale = Float(1 / expected[model])
      let mean = released[model * length..<(model + 1) * length].map { scale * $0 }
      if context.exchange == nil {
        state.move(model: model, by: mean, optimizer: optimizer)
      } else {
        for (place, value) in zip(places, mean) { state.models[model][place] += value }
      }
    }
  }

  /// The noisy sums of all models, one after another.
  private func released(
    _ updates: [ClientUpdate], round: Int, noiseMultiplier: Double, length: Int, models: Int
  ) throws(FederationError) -> [Float] {
    let mechanism = GaussianMechanism(noiseMultiplier: noiseMultiplier)
    // No client draws gradient noise here, so the server's draws take that purpose.
    var draws = StepNoise(noiseMaking, seed: seed, round: round, client: 0, step: 0)
    if noiseMaking.mode == .exact {
      var grid = ClippedGridSum(
        parts: mechanism.grid(count: length * models, sensitivity: maxGradNorm))
      for update in updates {
        var contribution = [Float](repeating: 0, count: length * models)
        let start = update.model * length
        contribution.replaceSubrange(start..<start + length, with: clipped(update.delta))
        grid.add(contribution)
      }
      return grid.release { draws.integer(standardDeviation: $0) }.value
    }
    var total: [Float] = []
    total.reserveCapacity(length * models)
    for model in 0..<models {
      var sum = FixedPointSum(length: length)
      for update in updates where update.model == model {
        try sum.add(clipped(update.delta).map { unit * $0 }, client: update.client)
      }
      total += sum.sum.map { $0 / unit }
    }
    let clipped = ClippedSum(values: total, sensitivity: maxGradNorm)
    return mechanism.release(clipped) { values, deviation in
      if let correlated {
        correlated.add(to: &values, round: round, standardDeviation: deviation)
      } else {
        draws.add(to: &values, standardDeviation: deviation)
      }
    }.value
  }

  /// 1 for bounds of 1/16 to 256; of others what brings them between 1 and 2.
  package static func unit(for maxGradNorm: Float) -> Float {
    (0x1p-4...0x1p8).contains(maxGradNorm)
      ? 1 : Float(sign: .plus, exponent: -Int(maxGradNorm.exponent), significand: 1)
  }

  /// What a round puts into the server's ledger. Where clients take turns it is the ledger of those whose turn is first,
  /// who have the most: what other clients release in between costs them nothing.
  func entries(round: Int) -> [LedgerEntry] {
    guard let multiplier = noise.noiseMultiplier else {
      return [.nonPrivate(round: round + 1, client: nil, purpose: .aggregation)]
    }
    guard round % turns == 0 else { return [] }
    return [
      .gaussian(
        round: round + 1, client: nil, purpose: .aggregation, noiseMultiplier: multiplier,
        sampleRate: sampleRate, maxGradNorm: Double(maxGradNorm), sensitivity: Double(maxGradNorm))
    ]
  }

  /// An update shortened to the clipping bound; one that is not finite counts as zero.
  private func clipped(_ delta: [Float]) -> [Float] {
    let norm = delta.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard norm.isFinite else { return [Float](repeating: 0, count: delta.count) }
    let bound = Double(maxGradNorm) * (1 - margin)
    guard norm > bound else { return delta }
    let scale = Float(bound / norm)
    return delta.map { $0 * scale }
  }
}
