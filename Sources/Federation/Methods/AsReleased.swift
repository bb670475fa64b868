// The published code of R-DPCFL, faults included, for comparison: `method.variant: "as-released"`.
//
// What is reproduced (rdpcfl.md section 1.3): PCA fitted on standardised but applied to raw updates,
// min-max scaling per axis, one mixture start, the number of clusters known; all models start from
// client 0's first model; selections are scored on Poisson-resampled batches and happen once too often;
// selections and training are converted apart at the same δ by the classic conversion; the noise
// multiplier is rounded to two decimals. Client budgets count, not only that of the first client. The
// cluster draws are seeded, which the code's are not; the empty-batch fault is left out (its probability
// is e^-b).

import Clustering
import Foundation
import Kernels
import Learning
import Privacy
public import Scenarios

struct AsReleased: FederatedMethod {
  let settings: Scenario.RobustClustered
  static let note =
    "as-released: reproduces the faults of the published code on purpose; epsilon is what its "
    + "releases really cost at most, a hundredth of delta being kept for its selections (docs/method.md)"

  // MARK: - Budget

  /// The code's Rényi orders: 1.1 to 10.9, then 12 to 64.
  private static let accountant = RDPAccountant(
    orders: (11...109).map { Double($0) / 10 } + (12...64).map(Double.init), conversion: .classic)

  func noise(
    for client: ClientPlan, in context: ReleaseContext, calibrator: inout NoiseCalibrator
  ) throws(FederationError) -> ClientNoise {
    guard let target = client.budget.targetEpsilon else { return .none }
    let selectionEpsilon = settings.selection.epsilonRatio * target
    do {
      let spent = try AsReleased.accountant.epsilon(
        of: .selfComposed(
          event: .exponentialMechanism(epsilon: selectionEpsilon),
          count: settings.selection.rounds(of: context.scenario.rounds)),
        delta: client.budget.targetDelta)
      guard target - spent >= 1 else {
        throw FederationError.unreachableBudget(
          client: client.index,
          reason: "the published code stops when less than 1 is left for training, here "
            + "\(short(target - spent)); allow a larger epsilon, or a smaller method.selection_epsilon_ratio"
        )
      }
      var plan = releases(of: client, in: context)
      plan.selections = 0
      let exact = try Calibration.calibrate(
        targetEpsilon: target - spent, delta: client.budget.targetDelta,
        accountant: AsReleased.accountant, plan: plan.event(noiseMultiplier:))
      let rounded = max((exact.noiseMultiplier * 100).rounded() / 100, 0.01)
      return ClientNoise(
        noiseMultiplier: rounded, fullBatchNoiseMultiplier: rounded,
        selectionEpsilon: selectionEpsilon)
    } catch let error as FederationError {
      throw error
    } catch {
      throw .unreachableBudget(client: client.index, reason: "\(error)")
    }
  }

  func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    var plan = ReleasePlan.training(client, rounds: max(context.scenario.rounds - 1, 0))
    plan.fullBatchSteps = client.fullBatchSteps
    return plan
  }

  /// With the selections, one more than is paid for, at what they really cost among as many models as the code is told of.
  func accountedReleases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    var plan = releases(of: client, in: context)
    let candidates = context.scenario.population.clusters.count
    guard let target = client.budget.targetEpsilon, candidates > 1 else { return plan }
    plan.selections = settings.selection.rounds(of: context.scenario.rounds) + 1
    plan.selectionEpsilon = ResampledSelection.epsilon(
      claimed: settings.selection.epsilonRatio * target, client: client, candidates: candidates,
      rounds: context.scenario.rounds)
    return plan
  }

  // MARK: - Rounds

  func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }

  func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    var work = RobustClustered(settings: settings).tasks(
      round: round, state: state, context: context)
    let firstSelection = max(state.clustering?.switchRound ?? 0, 1)
    // One more than was paid for.
    let selects =
      round >= firstSelection
      && round <= firstSelection + settings.selection.rounds(of: context.scenario.rounds)
      && state.models.count > 1
    guard selects else { return work }
    let selection = ClientTask.Selection(
      candidates: Array(state.models.indices), scoring: .resampledAccuracy)
    work = RoundTasks(
      stage: .selection,
      tasks: work.tasks.map {
        ClientTask(client: $0.client, model: $0.model, selection: selection)
      })
    return work
  }

  func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    guard round == 0 else {
      try state.take(updates, means: means, round: round, context: context)
      return
    }
    let known = context.scenario.population.clusters.count
    let found = try UpdateClustering.cluster(
      updates.map(\.delta), options: .asReleased(clusters: known), seed: context.scenario.seed)
    // Client 0's trained model, not the common start.
    let first = zip(context.initial, updates[0].delta).map { $0 + $1 }
    state.adopt(
      found, start: first, switchRound: found.switchRound(rounds: context.rounds))
  }
}

/// What a selection scored on resampled batches costs.
package enum ResampledSelection {
  /// The ε for which one such selection is bounded-range private except with probability
  /// `failure` at most.
  ///
  /// A record appears K ~ Binomial(L, 1/L) times in the multiset that scores one candidate, L batches
  /// at rate 1/L. With K ≤ κ for all candidates and the multiset no smaller than (1 − γ) N, removing the
  /// record moves no accuracy by more than κ / ((1 − γ) N), so the claimed ε grows by κ / (1 − γ). κ and
  /// γ are taken from the tails (union bound over candidates, Chernoff bound for the size).
  package static func epsilon(
    claimed: Double, batches: Int, examples: Int, candidates: Int, failure: Double
  ) -> Double {
    let share = failure / (2 * Double(candidates))
    let p = 1 / Double(batches)
    var kappa = 1
    while kappa < batches, binomialTail(batches, p, above: kappa) > share { kappa += 1 }
    // The size is a sum of N·L independent Bernoulli variables with mean N.
    let gamma = min((2 * Elementary.log(1 / share) / Double(examples)).squareRoot(), 0.999)
    return claimed * Double(kappa) / (1 - gamma)
  }

  /// The same for one client of a run of so many rounds, in which a hundredth of its δ is left for all selections.
  static func epsilon(
    claimed: Double, client: ClientPlan, candidates: Int, rounds: Int
  ) -> Double {
    epsilon(
      claimed: claimed,
      batches: (client.trainExamples + client.batchSize - 1) / client.batchSize,
      examples: client.trainExamples, candidates: candidates,
      failure: client.budget.targetDelta / 100 / Double(max(1000, rounds)))
  }

  /// P[Binomial(n, p) > k].
  private static func binomialTail(_ n: Int, _ p: Double, above k: Int) -> Double {
    guard p < 1 else { return k < n ? 1 : 0 }
    var total = 0.0
    for i in (k + 1)...max(n, k + 1) where i <= n {
      let logChoose =
        Elementary.logGamma(Double(n) + 1) - Elementary.logGamma(Double(i) + 1)
        - Elementary.logGamma(Double(n - i) + 1)
      total += Elementary.exp(
        logChoose + Double(i) * Elementary.log(p) + Double(n - i) * Elementary.log(onePlus: -p))
    }
    return total
  }
}

extension Scenario {
  /// The δ at which a ledger is converted so that ε holds at the client's own: the published code's selections hold but for
  /// a hundredth of it.
  public func accountedDelta(_ delta: Double) -> Double {
    (method.traits.repeatsPublishedCode ? 0.99 : 1) * delta
  }
}
