// What can go wrong in a run after the scenario itself was found good.

/// A run that cannot be started or continued; one sentence with the place and the mend.
public enum FederationError: Error, Sendable, Hashable, CustomStringConvertible {
  case unreachableBudget(client: Int, reason: String)
  /// A value that cannot be added up: an update ran away or is not a number.
  case updateOutOfRange(client: Int, value: Float)
  /// Every example of a step had a gradient that is not finite.
  case notFinite(client: Int, round: Int)

  public var description: String {
    switch self {
    case .unreachableBudget(let client, let reason):
      "privacy.target_epsilon: client \(client) cannot keep its budget: \(reason); allow a larger "
        + "epsilon, fewer rounds, or a smaller method.selection_epsilon_ratio"
    case .updateOutOfRange(let client, let value):
      "client \(client): an update has the value \(value), which is too large to be averaged; use a "
        + "smaller local.learning_rate"
    case .notFinite(let client, let round):
      "client \(client): training diverged in round \(round) (no example has a finite gradient); use "
        + "a smaller local.learning_rate or privacy.max_grad_norm"
    }
  }
}
