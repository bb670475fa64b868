// What an audited run left for the auditor, canary by canary.

import Learning
public import Privacy

/// Where an auditor looks.
public enum AuditSurface: String, Sendable, Hashable, Codable, CaseIterable {
  /// Every noisy sum of every step, with all other records known: what the accountant assumes.
  case steps
  /// The updates that clients sent, with what all other records contributed to them known.
  case updates
  /// The first model and the last one that serves the client.
  case models
}

/// One canary and the scores that an auditor gave it before looking at its coin; larger means rather in.
public struct AuditedCanary: Sendable, Hashable, Codable {
  public let client: Int
  /// The true cluster of its client.
  public let cluster: Int
  public let isIncluded: Bool
  public let scores: [AuditSurface: Double]
  /// Of made gradients: from differences of noisy sums, where there are two that can be compared.
  public internal(set) var contrasts: [AuditContrast: Double] = [:]
}

public struct AuditEvidence: Sendable {
  public let canaries: [AuditedCanary]
  /// What the clients released, as their ledgers have it, with the δ of their budgets; each kind once.
  public let costs: Set<AuditedCost>
  /// Of every client.
  public let counts: [ReleaseCount]
  /// Private choices of a model, of all clients; none where nobody chose, or models predict tokens.
  public let choices: [AuditedChoice]
}

/// A client's private choice among models.
public struct AuditedChoice: Sendable, Hashable {
  /// What the mechanism in the ledger weighs each candidate by: ε · utility / (2 · sensitivity).
  public let scores: [Double]
  /// Which candidate was chosen.
  public let chosen: Int
}

/// The whole cost of a client.
public struct AuditedCost: Sendable, Hashable {
  public let cluster: Int
  public let event: PrivacyEvent
  public let delta: Double
}

/// What was seen of a client's canaries in one round.
struct CanaryRound: Sendable {
  var steps: [Double]
  var updates: [Double]
  let trace: CanaryTrace?
  /// Noisy sums that left.
  let sums: Int

  /// - Parameters:
  ///   - witness: who saw the steps.
  ///   - examples: N of the client.
  ///   - network: that did the work.
  init(
    _ witness: CanaryWitness, of canaries: Canaries, work: LocalWork, outcome: LocalOutcome,
    examples: Int, network: Network
  ) {
    steps = witness.scores
    trace = witness.trace
    sums = witness.sums
    updates = [Double](repeating: 0, count: canaries.count)
    let (rate, count) = work.rateAndSteps
    guard let privacy = work.privacy, count > 0, work.learningRate > 0, rate > 0 else { return }
    // A step moves the parameters by −η/(qN) times its sum. In units of the noise of one step a canary shifts a round's
    // update by q·steps/σ on average, and the noise has variance `steps`: scores of rounds add up with weight q/σ.
    let unit =
      Double(work.learningRate) / (rate * Double(examples)) * privacy.noiseMultiplier
      * Double(privacy.maxGradNorm)
    let weight = rate / (privacy.noiseMultiplier * unit)
    // Who knows all other records and saw the run knows their sums too, as at the steps: what is left of the update is
    // noise and canaries. This is worked out from the noisy sums, so nothing is known here that `steps` does not know.
    let rest = outcome.deltaOfOthers.map { zip(outcome.delta, $0).map { $0 - $1 } }
    updates = canaries.components(
      of: rest ?? outcome.delta, at: work.start, clipping: work.clipping, network: network
    ).map { $0.isFinite ? -weight * $0 : 0 }
  }
}

/// A client's scores while a run goes on.
struct CanaryScores: Sendable {
  let canaries: Canaries
  private var sum: CanaryRound?
  private(set) var traces: [CanaryTrace] = []
  private(set) var sums = 0
  /// Private choices that left.
  var choices = 0
  /// Those of them whose candidates the auditor has weighed.
  var weighed: [AuditedChoice] = []

  init(_ canaries: Canaries) { self.canaries = canaries }

  mutating func add(_ round: CanaryRound) {
    if let trace = round.trace, !canaries.isIncluded.isEmpty { traces.append(trace) }
    sums += round.sums
    guard var sum else {
      sum = round
      return
    }
    for canary in sum.steps.indices {
      sum.steps[canary] += round.steps[canary]
      sum.updates[canary] += round.updates[canary]
    }
    self.sum = sum
  }

  /// - Parameter models: scores from the first and the last model.
  func evidence(client: Int, cluster: Int, models: [Double]) -> [AuditedCanary] {
    canaries.isIncluded.indices.map { canary in
      AuditedCanary(
        client: client, cluster: cluster, isIncluded: canaries.isIncluded[canary],
        scores: [
          .steps: sum?.steps[canary] ?? 0, .updates: sum?.updates[canary] ?? 0,
          .models: models[canary],
        ])
    }
  }
}
