// Stops releases that a budget has no room for. Calibrated noise never comes near it; a noise multiplier
// set by hand can.

import Privacy
import Scenarios

/// Asks before every round whether a client may release what the round asks of it.
struct BudgetGate {
  private let policy: Scenario.Privacy.Exhaustion
  private var bounds: RememberedBounds
  /// Clients that stopped, with the round (from 1) that they did not take part in.
  private(set) var exhausted: [Int: Int] = [:]

  /// Nil where noise is calibrated, or nobody has a budget.
  init?(_ scenario: Scenario) {
    guard scenario.privacy.noiseMultiplier != nil else { return nil }
    bounds = RememberedBounds(scenario.privacy.accountant.kind.accountant)
    policy = scenario.privacy.onBudgetExhausted
  }

  mutating func restore(exhausted: [Int: Int]) { self.exhausted = exhausted }

  /// Whether a ledger that has grown by the round's entries stays within the budget.
  mutating func admits(_ total: PrivacyEvent, within budget: PrivacyBudget) throws -> Bool {
    try bounds.bound(for: total, delta: budget.delta).epsilon <= budget.epsilon
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
      if try admits(await client.cost(after: task, round: round), within: budget) {
        admitted.append(task)
      } else if policy == .stop || needsEverybody {
        throw FederationError.budgetExhausted(
          client: task.client, round: round + 1, epsilon: epsilon)
      } else {
        exhausted[task.client] = round + 1
      }
    }
    return admitted
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
  /// What everything released so far costs together with a task.
  func cost(after task: ClientTask, round: Int) -> PrivacyEvent {
    var total = ledger
    total.append(contentsOf: plannedEntries(of: task, round: round))
    return total.costEvent
  }
}
