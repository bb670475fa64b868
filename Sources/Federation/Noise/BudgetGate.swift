// Stops releases that a budget has no room for. Calibrated noise never comes near it, unless releases are
// repeated after an interruption; a noise multiplier set by hand can.

import Privacy
import Scenarios

/// Asks before every round whether a client may release what the round asks of it.
struct BudgetGate {
  private let policy: Scenario.Privacy.Exhaustion
  private let cause: FederationError.BudgetCause
  private var bounds: BoundCache
  /// Clients that stopped, with the round (from 1) that they did not take part in.
  private(set) var exhausted: [Int: Int] = [:]

  /// Nil where noise is calibrated and nothing was released twice.
  ///
  /// - Parameter releasesRepeat: whether rounds may be released again after an interruption, as other releases.
  init?(_ scenario: Scenario, releasesRepeat: Bool) {
    guard scenario.privacy.noiseMultiplier != nil || releasesRepeat else { return nil }
    bounds = BoundCache(scenario.privacy.accountant.kind)
    policy = scenario.privacy.onBudgetExhausted
    cause = scenario.privacy.noiseMultiplier == nil ? .repeatedReleases : .noiseMultiplier
  }

  mutating func restore(exhausted: [Int: Int]) { self.exhausted = exhausted }

  /// Whether a ledger that has grown by the round's entries stays within the budget.
  private mutating func admits(
    _ total: PrivacyLedger, within budget: PrivacyBudget
  ) throws -> Bool {
    try bounds.bound(of: total, delta: budget.delta).epsilon <= budget.epsilon
  }

  /// The tasks of those clients whose budgets have room for them.
  ///
  /// A client that had to stop stays out: later rounds would not cost less.
  ///
  /// - Parameter needsEverybody: whether the round is useless without one of its clients.
  /// - Throws: `FederationError.budgetExhausted` where the scenario says so, or everybody is needed.
  mutating func admitted(
    _ tasks: [ClientTask], round: Int, needsEverybody: Bool, clients: [Client]
  ) async throws -> [ClientTask] {
    var admitted: [ClientTask] = []
    for task in tasks where exhausted[task.client] == nil {
      let client = clients[task.client]
      guard let epsilon = client.profile.budget.targetEpsilon else {
        admitted.append(task)
        continue
      }
      let budget = PrivacyBudget(epsilon: epsilon, delta: client.profile.budget.targetDelta)
      if try admits(await client.ledger(after: task, round: round), within: budget) {
        admitted.append(task)
      } else if policy == .stop || needsEverybody {
        throw FederationError.budgetExhausted(
          client: task.client, round: round + 1, epsilon: epsilon, cause: cause)
      } else {
        exhausted[task.client] = round + 1
      }
    }
    return admitted
  }

  /// Asks for the server's release, which protects everybody: without it nobody can go on.
  ///
  /// - Throws: `FederationError.serverBudgetExhausted`.
  mutating func admitServer(
    _ total: PrivacyLedger, within budget: PrivacyBudget, round: Int
  ) throws {
    guard try admits(total, within: budget) else {
      throw FederationError.serverBudgetExhausted(
        round: round + 1, epsilon: budget.epsilon, cause: cause)
    }
  }

  /// One sentence for the result; nil if nobody stopped.
  var note: String? {
    guard !exhausted.isEmpty else { return nil }
    let stops = exhausted.sorted { $0.key < $1.key }
    let shown = stops.prefix(8).map { "client \($0.key) before round \($0.value)" }
      .joined(separator: ", ")
    let rest = stops.count > 8 ? " and \(stops.count - 8) more" : ""
    return "budgets ended before the run did: \(shown)\(rest)"
  }
}

extension Client {
  /// What it will have released after a task.
  func ledger(after task: ClientTask, round: Int) -> PrivacyLedger {
    var total = ledger
    total.append(contentsOf: plannedEntries(of: task, round: round))
    return total
  }
}
