// Everything a client will release in a whole run, known before the run: from it comes its noise.
//
// All releases are composed jointly and converted once, at one δ (dp-engine.md 9.3: the published code
// converts selections and training apart and spends δ twice).

import Kernels
import Privacy
public import Scenarios
import Synchronization

/// The releases of one client, up to the noise multiplier.
public struct ReleasePlan: Sendable, Hashable {
  /// Noisy steps over the whole data set.
  public var fullBatchSteps = 0
  /// Noise multiplier of those steps, divided by that of the sampled steps.
  public var fullBatchNoiseRatio = 1.0
  /// Noisy steps over Poisson batches, and their rate.
  public var sampledSteps = 0
  public var sampleRate = 1.0
  /// Private choices among models, and the ε of each.
  public var selections = 0
  public var selectionEpsilon = 0.0
  /// Private choices for the scales of columns, before the first round, and the ε of each.
  public internal(set) var scaleChoices = 0
  public internal(set) var scaleEpsilon = 0.0
  /// Noisy sums over the whole data set for the mask of a sparse adapter, before the first round, and their noise multiplier
  /// divided by that of the sampled steps.
  public internal(set) var maskReleases = 0
  public internal(set) var maskNoiseRatio = 1.0
  /// Noisy sums over the whole data set of what examples count for each model, and their noise multiplier divided by that of
  /// the sampled steps.
  public var posteriors = 0
  public var posteriorNoiseRatio = 1.0
  /// What of every noisy step leaves; nil for all.
  var projection: RandomProjection?

  public init() {}

  /// A multiplier stated by its ratio to that of the sampled steps, rounded up to the Float that the generator uses.
  static func noiseMultiplier(_ sampled: Double, times ratio: Double) -> Double {
    Double(Float(roundedUp: sampled * ratio))
  }

  /// The multiplier of full-batch steps.
  func fullBatchNoiseMultiplier(_ noiseMultiplier: Double) -> Double {
    Self.noiseMultiplier(noiseMultiplier, times: fullBatchNoiseRatio)
  }

  /// What the plan releases if the sampled steps use `noiseMultiplier`.
  func event(noiseMultiplier: Double) -> PrivacyEvent {
    var events: [PrivacyEvent] = []
    /// Noisy sums over the whole data set.
    func addSums(_ count: Int, ratio: Double, projection: RandomProjection? = nil) {
      guard count > 0 else { return }
      events.append(
        .trainingSteps(
          sampleRate: 1, noiseMultiplier: Self.noiseMultiplier(noiseMultiplier, times: ratio),
          projection: projection, count: count))
    }
    addSums(fullBatchSteps, ratio: fullBatchNoiseRatio, projection: projection)
    if sampledSteps > 0 {
      events.append(
        .trainingSteps(
          sampleRate: sampleRate, noiseMultiplier: noiseMultiplier, projection: projection,
          count: sampledSteps))
    }
    if selections > 0 {
      events.append(
        .selfComposed(event: .exponentialMechanism(epsilon: selectionEpsilon), count: selections))
    }
    if scaleChoices > 0 {
      events.append(
        .selfComposed(event: .exponentialMechanism(epsilon: scaleEpsilon), count: scaleChoices))
    }
    addSums(maskReleases, ratio: maskNoiseRatio)
    addSums(posteriors, ratio: posteriorNoiseRatio)
    return .composed(events)
  }
}

/// What decides the releases of clients besides themselves.
public struct ReleaseContext: Sendable {
  public let scenario: Scenario
  public let schedule: CohortSchedule
}

/// The noise of one client: nil multipliers train without privacy.
public struct ClientNoise: Sendable, Hashable {
  /// Noise multiplier of sampled steps, and of full-batch steps; both relative to `maxGradNorm`.
  public let noiseMultiplier: Double?
  public let fullBatchNoiseMultiplier: Double?
  public let selectionEpsilon: Double?
  /// Noise multiplier of the shares of a mixture; nil where none are released, or without noise.
  public var posteriorNoiseMultiplier: Double? = nil

  /// No noise at all.
  public static let none = ClientNoise(
    noiseMultiplier: nil, fullBatchNoiseMultiplier: nil, selectionEpsilon: nil)
}

extension ClientNoise {
  /// What a plan needs if its sampled steps use `noiseMultiplier`.
  init(_ plan: ReleasePlan, noiseMultiplier: Double) {
    self.init(
      noiseMultiplier: noiseMultiplier,
      fullBatchNoiseMultiplier: plan.fullBatchNoiseMultiplier(noiseMultiplier),
      selectionEpsilon: plan.selections > 0 ? plan.selectionEpsilon : nil,
      posteriorNoiseMultiplier: plan.posteriors > 0
        ? ReleasePlan.noiseMultiplier(noiseMultiplier, times: plan.posteriorNoiseRatio) : nil)
  }
}

/// Finds the noise of every client. Clients with equal plans and budgets share one search, and so do the runs of
/// a process: the check before a run, and the cells of a sweep.
public struct NoiseCalibrator {
  private struct Key: Hashable {
    let accountant: AccountantKind
    let plan: ReleasePlan
    let epsilon: Double
    let delta: Double
    let arithmetic: Arithmetic
  }
  private static let known = Mutex<[Key: Double]>([:])
  private let kind: AccountantKind
  private let scenario: Scenario
  private let projection: RandomProjection?

  /// - Parameter projection: what of every noisy step leaves; nil for all.
  init(_ scenario: Scenario, projection: RandomProjection?) {
    self.scenario = scenario
    self.projection = projection
    kind = scenario.privacy.accountant.kind
  }

  /// - Throws: `FederationError` naming the client if its budget cannot be met.
  public mutating func noise(
    for client: ClientPlan, plan: ReleasePlan
  ) throws(FederationError) -> ClientNoise {
    guard let epsilon = client.budget.targetEpsilon else { return .none }
    var plan = plan.withPreparation(of: client, in: scenario)
    plan.projection = projection
    let key = Key(
      accountant: kind, plan: plan, epsilon: epsilon, delta: client.budget.targetDelta,
      arithmetic: .current)
    if let multiplier = Self.known.withLock({ $0[key] }) {
      return ClientNoise(plan, noiseMultiplier: multiplier)
    }
    let multiplier: Double
    do throws(AccountingError) {
      multiplier = try Calibration.calibrate(
        targetEpsilon: epsilon, delta: client.budget.targetDelta, accountant: kind.accountant,
        plan: plan.event(noiseMultiplier:)
      ).noiseMultiplier
    } catch {
      throw FederationError.unreachableBudget(
        client: client.index, reason: reason(error, plan: plan, budget: client.budget))
    }
    Self.known.withLock { $0[key] = multiplier }
    return ClientNoise(plan, noiseMultiplier: multiplier)
  }

  /// Why no noise keeps a budget, and how to mend it.
  private func reason(
    _ error: AccountingError, plan: ReleasePlan, budget: Scenario.Budget
  ) -> String {
    guard case .unreachableBudget(let target, let epsilon, let largest) = error else {
      return "\(error); allow a larger epsilon or fewer rounds"
    }
    if plan.selections > 0 {
      let selections = PrivacyEvent.selfComposed(
        event: .exponentialMechanism(epsilon: plan.selectionEpsilon), count: plan.selections)
      // Where nobody can tell, the whole plan is named.
      let alone = try? kind.accountant.bound(for: selections, delta: budget.targetDelta).epsilon
      if let alone, alone > target {
        return
          "the \(plan.selections) selections alone cost \(short(alone)) of \(short(target)); lower "
          + "method.selection_rounds_ratio or method.selection_epsilon_ratio"
      }
    }
    return
      "even noise multiplier \(short(largest)) costs \(short(epsilon)) of \(short(target)); allow a larger epsilon or "
      + "fewer rounds"
  }
}

extension ReleasePlan {
  /// The same with what the client releases before the first round: estimates of scales, and a sum for the mask.
  func withPreparation(of client: ClientPlan, in scenario: Scenario) -> ReleasePlan {
    guard scenario.privacy.unit == .example, client.budget.targetEpsilon != nil else { return self }
    var plan = self
    if let epsilon = scenario.scaleEpsilon(of: client.budget) {
      (plan.scaleChoices, plan.scaleEpsilon) = (scenario.scaleChoices, epsilon)
    }
    if let ratio = scenario.maskNoiseRatio { (plan.maskReleases, plan.maskNoiseRatio) = (1, ratio) }
    return plan
  }

  /// What the server releases where whole clients are protected: one noisy sum a round, over a Poisson
  /// sample of the clients; or with correlated noise as many Gaussian releases as a client has turns.
  static func ofServer(_ scenario: Scenario) -> ReleasePlan {
    var plan = ReleasePlan()
    let factorization = scenario.noiseFactorization
    plan.sampleRate = factorization == nil ? scenario.cohortShare : 1
    plan.sampledSteps =
      factorization?.participations(rounds: scenario.rounds) ?? scenario.rounds
    return plan
  }
}

extension Scenario {
  /// The strategy of correlated noise; nil where every round has noise of its own.
  var noiseFactorization: BandedFactorization? {
    privacy.noiseBands > 1 ? BandedFactorization(bands: privacy.noiseBands) : nil
  }

  /// The share of all clients that a round is expected to see, where whole clients are protected.
  var cohortShare: Double {
    privacy.noiseBands > 1
      ? 1 / Double(privacy.noiseBands)
      : Double(cohortSize ?? clientCount) / Double(clientCount)
  }
}

extension Scenario {
  /// The noise of one client, or of the server where whole clients are protected: set by hand, or
  /// calibrated as the method says.
  func noise(
    of client: ClientPlan, plan: ReleasePlan, method: any FederatedMethod, context: ReleaseContext,
    calibrator: inout NoiseCalibrator
  ) throws(FederationError) -> ClientNoise {
    if let multiplier = privacy.noiseMultiplier, client.budget.targetEpsilon != nil {
      return ClientNoise(plan, noiseMultiplier: Double(Float(roundedUp: multiplier)))
    }
    if privacy.unit == .client { return try calibrator.noise(for: client, plan: plan) }
    return try method.noise(for: client, in: context, calibrator: &calibrator)
  }
}
