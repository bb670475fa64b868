// Rules on whether the stated ε is true: DP101 and on.

import Datasets
import Scenarios

extension CheckRule {
  static let truth: [CheckRule] = [
    CheckRule("DP101", .critical) { facts in
      guard facts.isPrivate, facts.traits.repeatsPublishedCode else { return [] }
      return [
        Violation(
          "method.variant",
          "the published code scores its selections on resampled batches, selects once more than it "
            + "pays for and spends delta twice, so the target is not kept; use \"as-intended\"")
      ]
    },
    CheckRule("DP102", .critical) { facts in
      let loose = facts.groups.filter {
        $0.budget.targetEpsilon != nil && $0.budget.targetDelta * Double($0.records) > 1
      }
      guard let group = loose.first else { return [] }
      return [
        Violation(
          "privacy.target_delta",
          "\(short(group.budget.targetDelta)) is above 1/\(group.records) for "
            + "\(facts.name(group)): a mechanism that publishes one record at random would satisfy it; "
            + "use at most \(short(0.1 / Double(group.records)))")
      ]
    },
    CheckRule("DP103", .warning) { facts in
      guard let delta = facts.privateBudgets.map(\.targetDelta).max(), delta > 1e-3 else {
        return []
      }
      return [
        Violation(
          "privacy.target_delta",
          "\(short(delta)) is the probability with which the guarantee may fail altogether; use 1e-5, "
            + "or less than a tenth of 1 / examples")
      ]
    },
    CheckRule("DP104", .warning) { facts in
      let short = facts.clients.filter { $0.trainExamples < facts.scenario.local.batchSize }
      guard facts.unitIsExample, let first = short.first else { return [] }
      return [
        Violation(
          "local.batch_size",
          "\(facts.name(ofClient: first.index)) trains on \(first.trainExamples) examples, fewer than a batch of "
            + "\(facts.scenario.local.batchSize) (\(short.count) such), so that it takes full batches; "
            + "lower batch_size\(facts.hasOwnClients ? "" : " or raise examples_per_client")")
      ]
    },
    CheckRule("DP105", .warning) { facts in
      let small = facts.clients.filter { $0.trainExamples < 100 && $0.budget.targetEpsilon != nil }
      guard facts.unitIsExample, let first = small.first else { return [] }
      return [
        Violation(
          facts.hasOwnClients
            ? "data.path" : "population.clusters[\(first.cluster)].examples_per_client",
          "\(small.count) clients have fewer than 100 examples (\(facts.name(ofClient: first.index)): "
            + "\(first.trainExamples)); their number is treated as public and one example is a large part of it; "
            + (facts.hasOwnClients
              ? "leave them out, or protect whole clients"
              : "give them more, or protect whole clients"))
      ]
    },
    CheckRule("DP106", .warning) { facts in
      guard
        let group = facts.groups.first(where: {
          $0.budget.targetEpsilon != nil && $0.plan.sampledSteps > 0 && $0.plan.sampleRate > 0.5
        })
      else { return [] }
      return [
        Violation(
          facts.unitIsExample ? "local.batch_size" : "cohort_size",
          "\(facts.name(group)) samples at rate \(short(group.plan.sampleRate)), where sampling hardly "
            + "amplifies privacy; draw at most half of the records, or use full batches "
            + "knowingly")
      ]
    },
    CheckRule("DP107", .critical) { facts in
      guard facts.isPrivate, facts.scenario.privacy.noiseMultiplier == 0 else { return [] }
      return [
        Violation(
          "privacy.noise_multiplier",
          "without noise epsilon is infinite, whatever the target says; set a number above 0, null to "
            + "calibrate, or target_epsilon to null")
      ]
    },
    CheckRule("DP108", .critical) { facts in
      guard facts.isPrivate, facts.scenario.privacy.noiseMultiplier == 0,
        facts.scenario.adapter?.traits.factors?.choosesFactors == true
      else { return [] }
      return [
        Violation(
          "adapter",
          "LoRA's random projection is no privacy mechanism: without noise no epsilon can be stated for "
            + "it; add noise, or set target_epsilon to null")
      ]
    },
    CheckRule("DP109", .critical) { facts in
      guard let group = facts.groups.first(where: { $0.refusal != nil }),
        let refusal = group.refusal
      else { return [] }
      let who =
        facts.unitIsExample
        ? group.clients.first.map(facts.name(ofClient:)) ?? "nobody" : "the server"
      return [
        Violation("privacy.target_epsilon", "\(who) cannot keep its budget: \(refusal)")
      ]
    },
    CheckRule("DP110", .warning) { facts in
      guard facts.scenario.hasBudget, facts.scenario.population.overlap else { return [] }
      return [
        Violation(
          "population.overlap",
          "one image may sit with several clients, and each epsilon covers one client's copy only; set "
            + "it to false, or read k copies as k times the epsilon")
      ]
    },
    CheckRule("DP111", .warning) { facts in
      guard facts.scenario.hasBudget, facts.scenario.model.pretraining != nil else { return [] }
      return [
        Violation(
          "model.pretraining",
          "the base is trained without privacy on \(facts.scenario.data.publicExamples) examples of the "
            + "clients' own data set, as if a public share of it existed; say so beside the result, or "
            + "set it to null")
      ]
    },
    CheckRule("DP112", .warning) { facts in
      let open = facts.clients.filter { $0.budget.targetEpsilon == nil }
      guard facts.isPrivate, let first = open.first else { return [] }
      return [
        Violation(
          "population.clusters[\(first.cluster)].privacy",
          "\(open.count) clients train without privacy beside private ones (\(facts.name(ofClient: first.index)) "
            + "first), and the shared models show what they hold; give them a budget")
      ]
    },
    CheckRule("DP113", .warning) { facts in
      let rounds = facts.scenario.rounds
      guard let least = facts.groups.compactMap(\.affordableRounds).min(), least < rounds
      else { return [] }
      let ending =
        facts.scenario.privacy.onBudgetExhausted == .stop
        ? "the run stops there with exit status 75" : "clients drop out from there on"
      return [
        Violation(
          "privacy.noise_multiplier",
          "the budget pays for about \(least) of \(rounds) rounds with this noise, and \(ending); raise "
            + "it, or null to calibrate")
      ]
    },
    CheckRule("DP114", .warning) { facts in
      guard facts.isPrivate, facts.unitIsExample, let persons = facts.sharedPersons else {
        return []
      }
      return [
        Violation(
          "data.id_column",
          "\(persons.shared) of \(persons.all) persons train at several clients, one at \(persons.mostClients), and each "
            + "epsilon covers what one client holds; give each person one client, or read k clients as k times "
            + "the epsilon")
      ]
    },
    CheckRule("DP115", .critical) { facts in
      guard facts.scenario.hasBudget, facts.scenario.data.table?.isFromRows == true else {
        return []
      }
      return [
        Violation(
          "data.from_rows",
          "the bounds, categories and classes of this scenario were read from private rows, so that one row can move "
            + "all others, and no epsilon holds; put what is known without the rows in their place (or kind "
            + "\"estimated\"), and remove from_rows")
      ]
    },
    CheckRule("DP116", .critical) { facts in
      guard facts.scenario.hasBudget, let origin = facts.baseOrigin else { return [] }
      return [
        Violation(
          "model.path",
          "the base was trained on private data (run \(origin.run), epsilon \(origin.epsilon)), and this run's epsilon covers its "
            + "own releases alone; begin with public weights, or allow DP116 where no record was in both runs"
        )
      ]
    },
  ]
}
