// Notes on what the figures mean: DP501 and on.

import Datasets
import Privacy
import Scenarios

extension CheckRule {
  static let meaning: [CheckRule] = [
    CheckRule("DP501", .note) { facts in
      guard facts.scenario.hasBudget else { return [] }
      return [
        Violation(
          "evaluation",
          "accuracy, losses and update norms of single clients are seen by the simulator alone and are "
            + "not paid for; do not publish them of real clients")
      ]
    },
    CheckRule("DP502", .note) { facts in
      guard facts.scenario.hasBudget, facts.unitIsExample else { return [] }
      let unit =
        facts.scenario.data.table?.format.person == nil
        ? "one example is protected, not a person or a client with many"
        : "one person is protected at each client, not a client with many"
      return [
        Violation(
          "privacy.unit", "\(unit); use \"client\" where a whole client is to be hidden")
      ]
    },
    CheckRule("DP503", .note) { facts in
      guard facts.scenario.hasBudget, facts.unitIsExample else { return [] }
      return [
        Violation(
          "population.clusters",
          "the number of examples of each client is treated as public: rates and divisors depend on it; "
            + "round it down in a deployment")
      ]
    },
    CheckRule("DP504", .note) { facts in
      guard facts.scenario.hasBudget, facts.scenario.privacy.randomness == .seeded else {
        return []
      }
      return [
        Violation(
          "seed",
          "noise can be drawn again by everybody who knows the seed: the guarantee speaks of the "
            + "mechanism simulated, not of published models; do not use real private data")
      ]
    },
    CheckRule("DP505", .note) { facts in
      guard facts.scenario.hasBudget else { return [] }
      return [
        Violation(
          "local",
          "choosing learning rate, clipping bound or method by results on private data costs epsilon that "
            + "is not counted; choose on public data")
      ]
    },
    CheckRule("DP506", .note) { facts in
      let tests = facts.scenario.population.testExamplesPerClient
      guard tests < 100 else { return [] }
      return [
        Violation(
          "population.test_examples_per_client",
          "\(tests) test examples give a client's accuracy a standard error of up to "
            + "\(short(50 / Double(tests).squareRoot())) points; use some hundreds")
      ]
    },
    CheckRule("DP507", .note) { facts in
      guard !facts.scenario.hasBudget else { return [] }
      return [
        Violation(
          "privacy.target_epsilon",
          "this run trains without privacy, so no epsilon will be stated; set a number for one")
      ]
    },
    CheckRule("DP508", .note) { facts in
      guard let audit = facts.auditForecast else { return [] }
      return [
        Violation(
          "privacy.target_epsilon",
          "`dpflsim audit` with \(audit.canaries) canaries: the bound for every mechanism can reach "
            + "\(rounded(audit.bestPossible, .down)), the one for Gaussian mechanisms about "
            + "\(rounded(audit.gaussianLowerBound, .down)) if all of the claimed \(rounded(audit.claimedEpsilon, .up)) is lost; "
            + more(audit.reach))
      ]
    },
    CheckRule("DP509", .note) { facts in
      guard facts.scenario.hasBudget, let weight = facts.scenario.data.table?.format.weight else {
        return []
      }
      return [
        Violation(
          "data.max_weight",
          "sums of gradients shrink by (mean weight)/\(short(weight.bound)) while their noise stays: with a mean of a "
            + "tenth of the bound, noise counts ten times as much; lower the bound, which cuts large weights, or leave "
            + "the weights out if noise costs more than the bias that they fix")
      ]
    },
    CheckRule("DP510", .note) { facts in
      guard facts.scenario.data.table?.format.weight != nil else { return [] }
      return [
        Violation(
          "evaluation",
          "rows have weights in training, and every figure counts rows alike; nothing to fix")
      ]
    },
    CheckRule("DP511", .note) { facts in
      guard let unnamed = facts.rows?.unnamed else { return [] }
      return [
        Violation(
          "data.id_column",
          "\(unnamed), so that one of them protects a row, not somebody with several; fill the column where it is "
            + "known whose a row is")
      ]
    },
    CheckRule("DP512", .note) { facts in
      let outside = facts.rows?.outside ?? []
      guard !outside.isEmpty else { return [] }
      let shown = outside.prefix(8).map(\.sentence).joined(separator: ", ")
      let rest = outside.count > 8 ? ", and \(outside.count - 8) more columns" : ""
      return [
        Violation(
          "data.columns",
          "\(shown)\(rest); compare unit and spelling of what is stated with the table, which the simulator alone may "
            + "look at")
      ]
    },
  ]
}

/// What would let an audit show more. The bound for every mechanism loses canaries times δ, so that more of them may
/// show less of it; the one for Gaussian mechanisms grows with every canary.
private func more(_ reach: AuditReach) -> String {
  if reach.growsWithCanaries { return "more canaries or a smaller delta show more" }
  let second = "more canaries show more by the second alone"
  let smaller =
    "a smaller delta\(reach.sufficientDelta.map { ", such as \(short($0))," } ?? "") shows more by the first"
  guard let best = reach.bestCanaries else {
    return
      "at delta \(short(reach.delta)) no number of canaries shows anything by the first; \(smaller), \(second)"
  }
  return best < reach.canaries
    ? "\(smaller), as do fewer canaries (\(best): \(rounded(reach.furthest, .down))); \(second)"
    : "\(smaller), \(second)"
}

/// An ε in a sentence, to a hundredth: a claim is rounded up, what can be shown against it down.
private func rounded(_ epsilon: Double, _ rule: FloatingPointRoundingRule) -> String {
  let value = (100 * epsilon).rounded(rule) / 100
  return value == 0 ? "0" : short(value)
}
