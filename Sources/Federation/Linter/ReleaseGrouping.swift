// Groups clients that release the same under the same budget, and computes what it costs them.

import Privacy
import RealModule
import Scenarios

struct ReleaseGrouping {
  private let scenario: Scenario
  private let schedule: CohortSchedule
  private let model: ModelSize
  private let kind: AccountantKind
  private let projection: RandomProjection?
  private let forRun: Bool
  private var calibrator: NoiseCalibrator

  /// - Parameters:
  ///   - projection: what of every noisy step leaves; nil for all.
  ///   - forRun: leaves out what no warning looks at: ε of everything, of the training and of a mixture's shares, and the
  ///     published code's noise.
  init(
    scenario: Scenario, schedule: CohortSchedule, model: ModelSize, projection: RandomProjection?,
    forRun: Bool
  ) {
    self.projection = projection
    self.forRun = forRun
    self.scenario = scenario
    self.schedule = schedule
    self.model = model
    kind = scenario.privacy.accountant.kind
    calibrator = NoiseCalibrator(scenario, projection: projection)
  }

  private struct Key: Hashable {
    let plan: ReleasePlan
    let budget: Scenario.Budget
    let records: Int
    let batchSize: Int
  }

  /// In the order of their first members.
  mutating func groups(of clients: [ClientPlan]) -> [ReleaseGroup] {
    let method = scenario.method.makeMethod()
    let context = ReleaseContext(scenario: scenario, schedule: schedule)
    if scenario.privacy.unit == .client, let first = clients.first {
      return [
        group(
          Key(
            plan: .ofServer(scenario), budget: first.budget, records: clients.count,
            batchSize: scenario.cohortSize ?? clients.count),
          members: clients, method: method, context: context)
      ]
    }
    var order: [Key] = []
    var members: [Key: [ClientPlan]] = [:]
    for client in clients {
      var plan = method.accountedReleases(of: client, in: context)
        .withPreparation(of: client, in: scenario)
      plan.projection = projection
      let key = Key(
        plan: plan,
        budget: client.budget,
        records: client.trainExamples, batchSize: client.batchSize)
      if members[key] == nil { order.append(key) }
      members[key, default: []].append(client)
    }
    return order.map {
      group($0, members: members[$0] ?? [], method: method, context: context)
    }
  }

  private mutating func group(
    _ key: Key, members: [ClientPlan], method: any FederatedMethod, context: ReleaseContext
  ) -> ReleaseGroup {
    var noise: ClientNoise?
    var refusal: String?
    do throws(FederationError) {
      noise = try scenario.noise(
        of: members[0], plan: key.plan, method: method, context: context,
        calibrator: &calibrator)
    } catch {
      refusal =
        if case .unreachableBudget(_, let reason) = error { reason } else { error.description }
    }
    let multiplier = noise?.noiseMultiplier
    let cost = multiplier.map { costs(of: key, noiseMultiplier: $0) }
    return ReleaseGroup(
      clients: members.map(\.index), records: key.records, batchSize: key.batchSize,
      budget: key.budget, plan: key.plan, noise: noise, refusal: refusal,
      epsilon: cost?.whole?.epsilon, accountant: cost?.whole?.accountant,
      trainingEpsilon: cost?.training, firstRoundEpsilon: cost?.firstRound,
      selectionEpsilon: cost?.selection, scalesEpsilon: cost?.scales, maskEpsilon: cost?.mask,
      posteriorEpsilon: cost?.posteriors,
      splitNoiseMultiplier: splitNoiseMultiplier(key),
      firstRoundSignalToNoise: noise.flatMap { firstSignal(key, $0) },
      runSignalToNoise: multiplier.flatMap {
        signal(steps: key.plan.sampledSteps, batch: key.batchSize, noiseMultiplier: $0)
      },
      affordableRounds: affordableRounds(key, noiseMultiplier: multiplier))
  }

  // MARK: - Costs

  private func costs(
    of key: Key, noiseMultiplier: Double
  ) -> (
    whole: EpsilonBound?, training: Double?, firstRound: Double?, selection: Double?,
    scales: Double?, mask: Double?, posteriors: Double?
  ) {
    let plan = key.plan
    func bound(of parts: Set<ReleasePlan.Part>) -> EpsilonBound? {
      try? kind.accountant.bound(
        for: plan.keeping(parts).event(noiseMultiplier: noiseMultiplier),
        delta: scenario.accountedDelta(key.budget.targetDelta))
    }
    return (
      forRun ? nil : bound(of: Set(ReleasePlan.Part.allCases)),
      forRun ? nil : bound(of: [.fullBatch, .sampled])?.epsilon,
      plan.fullBatchSteps > 0 ? bound(of: [.fullBatch])?.epsilon : nil,
      plan.selections > 0 ? bound(of: [.selections])?.epsilon : nil,
      plan.scaleChoices > 0 ? bound(of: [.scales])?.epsilon : nil,
      plan.maskReleases > 0 ? bound(of: [.mask])?.epsilon : nil,
      !forRun && plan.posteriors > 0 ? bound(of: [.posteriors])?.epsilon : nil
    )
  }

  /// Two conversions at one δ, as the published code has them.
  private func splitNoiseMultiplier(_ key: Key) -> Double? {
    guard !forRun, let target = key.budget.targetEpsilon, key.plan.selections > 0 else {
      return nil
    }
    let accountant = RDPAccountant(conversion: .classic)
    let selection = PrivacyEvent.selfComposed(
      event: .exponentialMechanism(epsilon: key.plan.selectionEpsilon),
      count: key.plan.selections)
    var training = key.plan
    training.selections = 0
    guard
      let spent = try? accountant.epsilon(of: selection, delta: key.budget.targetDelta),
      spent < target
    else { return nil }
    return try? Calibration.calibrate(
      targetEpsilon: target - spent, delta: key.budget.targetDelta, accountant: accountant,
      plan: training.event(noiseMultiplier:)
    ).noiseMultiplier
  }

  /// Rounds that fit into the budget, if every round releases the same share of the plan.
  private func affordableRounds(_ key: Key, noiseMultiplier: Double?) -> Int? {
    guard scenario.privacy.noiseMultiplier != nil, let noiseMultiplier,
      let target = key.budget.targetEpsilon
    else { return nil }
    func fits(_ rounds: Int) -> Bool {
      var plan = key.plan
      plan.sampledSteps = plan.sampledSteps * rounds / scenario.rounds
      plan.selections = min(plan.selections, rounds)
      plan.posteriors = min(plan.posteriors, rounds)
      if rounds == 0 { plan.fullBatchSteps = 0 }
      let epsilon = try? kind.accountant.epsilon(
        of: plan.event(noiseMultiplier: noiseMultiplier),
        delta: scenario.accountedDelta(key.budget.targetDelta))
      return epsilon.map { $0 <= target } ?? false
    }
    if fits(scenario.rounds) { return scenario.rounds }
    var (most, tooMany) = (0, scenario.rounds)
    while tooMany - most > 1 {
      let middle = most + (tooMany - most) / 2
      if fits(middle) { most = middle } else { tooMany = middle }
    }
    return most
  }

  // MARK: - Signal

  private func firstSignal(_ key: Key, _ noise: ClientNoise) -> Double? {
    if key.plan.fullBatchSteps > 0, let multiplier = noise.fullBatchNoiseMultiplier {
      return signal(
        steps: key.plan.fullBatchSteps, batch: key.records, noiseMultiplier: multiplier)
    }
    return noise.noiseMultiplier.flatMap {
      signal(
        steps: key.plan.sampledSteps / max(scenario.rounds, 1), batch: key.batchSize,
        noiseMultiplier: $0)
    }
  }

  /// √s·b/(z√p).
  private func signal(steps: Int, batch: Int, noiseMultiplier: Double) -> Double? {
    guard steps > 0, noiseMultiplier > 0 else { return nil }
    return Double.sqrt(Double(steps)) * Double(batch)
      / (noiseMultiplier * Double.sqrt(Double(model.trainable)))
  }
}

extension ReleasePlan {
  /// What a plan is made of.
  fileprivate enum Part: CaseIterable {
    case fullBatch
    case sampled
    case selections
    case scales
    case mask
    case posteriors
  }

  /// The same without all other parts.
  fileprivate func keeping(_ parts: Set<Part>) -> ReleasePlan {
    var plan = self
    if !parts.contains(.fullBatch) { plan.fullBatchSteps = 0 }
    if !parts.contains(.sampled) { plan.sampledSteps = 0 }
    if !parts.contains(.selections) { plan.selections = 0 }
    if !parts.contains(.scales) { plan.scaleChoices = 0 }
    if !parts.contains(.mask) { plan.maskReleases = 0 }
    if !parts.contains(.posteriors) { plan.posteriors = 0 }
    return plan
  }
}
