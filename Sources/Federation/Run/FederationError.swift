// What can go wrong in a run after the scenario itself was found good.

/// A run that cannot be started or continued; one sentence with the place and the fix.
public enum FederationError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  /// Why a budget can end before its run.
  public enum BudgetCause: Sendable, Hashable, Codable {
    /// The noise was set by hand.
    case noiseMultiplier
    /// Rounds were done again after an interruption, with new noise: both times count.
    case repeatedReleases
  }

  /// - Parameter reason: says how to mend it, too.
  case unreachableBudget(client: Int, reason: String)
  /// The round (from 1) would cost the client more than `epsilon`.
  case budgetExhausted(client: Int, round: Int, epsilon: Double, cause: BudgetCause)
  /// The round (from 1) would cost the server, which protects whole clients, more than `epsilon`.
  case serverBudgetExhausted(round: Int, epsilon: Double, cause: BudgetCause)
  /// A value that cannot be added up: an update ran away or is not a number.
  case updateOutOfRange(client: Int, value: Float)
  /// A stored run that would not end as it would have without the interruption.
  case cannotResume(reason: String)
  /// The run would need more bytes than it may take.
  case memoryLimit(needed: Int, limit: Int)
  /// Every example of a step had a gradient that is not finite, or losses or parameters are not.
  case notFinite(client: Int, round: Int)
  /// A scenario in which canaries would not be what they are taken for.
  case cannotAudit(reason: String)
  /// A scenario that ranks cannot share.
  case cannotShare(reason: String)
  /// A method of which only the settings are known.
  case methodCannotRun(String)

  public var description: String {
    switch self {
    case .cannotShare(let reason): "cannot be shared by ranks: \(reason)"
    case .methodCannotRun(let name):
      "method.name: nothing says how \"\(name)\" runs; add it by MethodCatalog.add(runnable:)"
    case .cannotAudit(let reason): "cannot be audited: \(reason)"
    case .unreachableBudget(let client, let reason):
      "privacy.target_epsilon: client \(client) cannot keep its budget: \(reason)"
    case .budgetExhausted(let client, let round, let epsilon, .noiseMultiplier):
      "stopped before round \(round): it would cost client \(client) more than its epsilon of "
        + "\(epsilon); raise privacy.noise_multiplier or privacy.target_epsilon, lower rounds, or set "
        + "privacy.on_budget_exhausted to \"continue\""
    case .serverBudgetExhausted(let round, let epsilon, .noiseMultiplier):
      "stopped before round \(round): it would cost every client more than the epsilon of \(epsilon); "
        + "raise privacy.noise_multiplier or privacy.target_epsilon, or lower rounds"
    case .budgetExhausted(let client, let round, let epsilon, .repeatedReleases):
      "stopped before round \(round): rounds were released twice, before and after an interruption, so that it "
        + "would cost client \(client) more than its epsilon of \(epsilon); run the scenario anew, with "
        + "privacy.on_budget_exhausted \"continue\" where interruptions must not end it"
    case .serverBudgetExhausted(let round, let epsilon, .repeatedReleases):
      "stopped before round \(round): rounds were released twice, before and after an interruption, so that it "
        + "would cost every client more than the epsilon of \(epsilon); run the scenario anew"
    case .updateOutOfRange(let client, let value):
      "client \(client): an update has the value \(value), which is too large to be averaged; use a "
        + "smaller local.learning_rate, or privacy.clips_without_noise where there is no noise"
    case .cannotResume(let reason):
      "this run cannot be continued: \(reason); run the scenario again from its beginning"
    case .memoryLimit(let needed, let limit):
      "--memory-limit: the run needs about \(Self.size(needed, .up)) and may take "
        + "\(Self.size(limit, .down)); raise the limit, or lower the number of clients or their "
        + "examples_per_client"
    case .notFinite(let client, let round):
      "client \(client): training diverged in round \(round) (numbers that are not finite); use a "
        + "smaller local.learning_rate or privacy.max_grad_norm, or privacy.clips_without_noise where "
        + "there is no noise"
    }
  }

  /// With one decimal, so rounded that need and limit never read the same; a small limit in bytes rather than
  /// as none at all.
  private static func size(_ bytes: Int, _ rule: FloatingPointRoundingRule) -> String {
    for (unit, size) in [("MB", 1e6), ("kB", 1e3)] where Double(bytes) >= size {
      return "\((Double(bytes) / (size / 10)).rounded(rule) / 10) \(unit)"
    }
    return "\(bytes) B"
  }
}
