// Masks of sparse adapters from the clients' own data: each releases one noisy sum of clipped gradients of the base model, and
// the mask is where the sum of these is largest. The noisy sums are what is paid for; choosing is post-processing.

import Datasets
import Learning
import Privacy
import Scenarios

extension Scenario {
  /// The noise multiplier of a client's release for the mask, by that of its training; nil where there is none, or no budget.
  func maskNoiseMultiplier(_ noiseMultiplier: Double?) -> Double? {
    guard let ratio = maskNoiseRatio, let noiseMultiplier else { return nil }
    return ReleasePlan.noiseMultiplier(noiseMultiplier, times: ratio)
  }

  /// What a client's release for the mask puts into its ledger.
  func maskEntries(of client: ClientPlan, noiseMultiplier: Double?) -> [LedgerEntry] {
    guard maskNoiseRatio != nil else { return [] }
    guard let noise = maskNoiseMultiplier(noiseMultiplier) else {
      return [.nonPrivate(round: 1, client: client.index, purpose: .mask)]
    }
    let bound = client.budget.maxGradNorm
    return [
      .gaussian(
        round: 1, client: client.index, purpose: .mask, noiseMultiplier: noise,
        maxGradNorm: bound, sensitivity: bound)
    ]
  }
}

extension Simulation {
  /// The noise multiplier of training of every client, where a mask is chosen privately; nil where none is.
  ///
  /// - Throws: `FederationError.unreachableBudget` for a multiplier set by hand with which the mask alone would cost more than
  ///   a client's ε.
  func noiseBeforeMasks(
    of population: Population, method: any FederatedMethod
  ) throws -> [Double?]? {
    guard scenario.maskNoiseRatio != nil else { return nil }
    var calibrator = NoiseCalibrator(scenario, projection: nil)
    let context = ReleaseContext(scenario: scenario, schedule: scenario.cohortSchedule)
    var bounds = BoundCache(scenario.privacy.accountant.kind)
    return try population.clients.map { profile in
      let client = profile.plan
      let noise = try scenario.noise(
        of: client, plan: method.releases(of: client, in: context), method: method,
        context: context, calibrator: &calibrator
      ).noiseMultiplier
      if let epsilon = client.budget.targetEpsilon {
        let mask = PrivacyLedger(scenario.maskEntries(of: client, noiseMultiplier: noise))
        guard try bounds.bound(of: mask, delta: client.budget.targetDelta).epsilon <= epsilon else {
          throw FederationError.unreachableBudget(
            client: client.index,
            reason: "its release for the mask alone would cost more; raise adapter.mask_noise_ratio"
          )
        }
      }
      return noise
    }
  }
}

extension Population {
  /// Clients whose sums are held at the same time.
  private static let clientsAtOnce = 64

  /// The sum of what all clients release of the gradient of the base model: clipped example by example, with noise
  /// where they have a budget. The same for any number of workers.
  ///
  /// - Parameter noise: the multiplier of each client's training; nil for those without a budget.
  package func maskGradient(base: [Float], noise: [Double?], lanes: LanePool) async throws
    -> [Float]
  {
    var total = [Float](repeating: 0, count: base.count)
    for first in stride(from: 0, to: clients.count, by: Self.clientsAtOnce) {
      let some = Array(first..<min(first + Self.clientsAtOnce, clients.count))
      let sums = try await lanes.map(some) { [self] index, lane in
        try await lane.run { workspace in
          let network = try workspace.whole()
          network.load(trainable: base)
          return try maskRelease(of: clients[index], base: base, noise: noise[index], on: network)
        }
      }
      for sum in sums { for i in total.indices { total[i] += sum[i] } }
    }
    return total
  }

  /// One step of the private engine at the base model, whose sum is kept and not followed.
  private func maskRelease(
    of client: ClientProfile, base: [Float], noise: Double?, on network: Network
  ) throws(FederationError) -> [Float] {
    let bound = Float(client.plan.budget.maxGradNorm)
    // The round behind the last, whose draws no training makes.
    var work = LocalWork(
      seed: scenario.seed, round: scenario.rounds, client: client.index, start: base,
      batches: .full(steps: 1), learningRate: 0,
      privacy: scenario.maskNoiseMultiplier(noise).map {
        (maxGradNorm: bound, noiseMultiplier: $0)
      })
    work.noise = scenario.privacy.noiseMaking
    work.clippingBound = bound
    var released: [Float] = []
    _ = try PrivateSteps(work, on: client.train, network: network).run(count: base.count) { _ in
    } move: {
      released = $0.sum.value
    }
    return released
  }
}
