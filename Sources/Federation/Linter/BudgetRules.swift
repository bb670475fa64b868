// Rules on what the budget buys: DP201 and on.

import Scenarios

extension CheckRule {
  static let budget: [CheckRule] = [
    CheckRule("DP201", .warning) { facts in
      guard let epsilon = facts.privateBudgets.compactMap(\.targetEpsilon).max(), epsilon > 10
      else { return [] }
      return [
        Violation(
          "privacy.target_epsilon",
          "\(short(epsilon)) allows odds to grow by e^\(short(epsilon)), which is no protection worth "
            + "the name by itself; use at most 10, or null to train without privacy")
      ]
    },
    CheckRule("DP202", .warning) { facts in
      facts.groups.lazy.compactMap { group -> Violation? in
        guard let epsilon = group.selectionEpsilon, let target = group.budget.targetEpsilon,
          epsilon > target / 2
        else { return nil }
        return Violation(
          "method.selection_epsilon_ratio",
          "the \(group.plan.selections) selections of \(facts.name(group)) alone cost "
            + "\(short(epsilon)) of \(short(target)); lower the ratio or "
            + "method.selection_rounds_ratio")
      }.prefix(1).map { $0 }
    },
    CheckRule("DP203", .warning) { facts in
      facts.groups.lazy.compactMap { group -> Violation? in
        guard let epsilon = group.firstRoundEpsilon, let target = group.budget.targetEpsilon,
          epsilon > target / 2
        else { return nil }
        return Violation(
          "method.first_round_noise_ratio",
          "the first round uses every example with q = 1 and alone costs \(facts.name(group)) "
            + "\(short(epsilon)) of \(short(target)); raise the ratio, which leaves more for the "
            + "other rounds")
      }.prefix(1).map { $0 }
    },
    CheckRule("DP204", .note) { facts in
      guard let tight = facts.lossDistributionNoise,
        let own = facts.groups.first?.noise?.noiseMultiplier, own > 1.02 * tight
      else { return [] }
      return [
        Violation(
          "privacy.accountant",
          "\"rdp\" needs noise multiplier \(short(own)) where loss distributions need \(short(tight)), "
            + "\(short(100 * (1 - tight / own))) % less; use \"best\"")
      ]
    },
    CheckRule("DP205", .warning) { facts in
      let epsilons = Set(facts.privateBudgets.compactMap(\.targetEpsilon))
      guard facts.robustClustered != nil, let low = epsilons.min(), let high = epsilons.max(),
        high > 1.5 * low
      else { return [] }
      return [
        Violation(
          "population.clusters",
          "budgets from \(short(low)) to \(short(high)) make some updates far noisier than others, "
            + "while the mixture has one variance for all: expect clusters only at about twice the "
            + "separation; narrow the range")
      ]
    },
    CheckRule("DP206", .warning) { facts in
      let sizes = facts.clients.map(\.trainExamples)
      guard facts.robustClustered != nil, facts.isPrivate, let low = sizes.min(),
        let high = sizes.max(), high > 2 * low
      else { return [] }
      return [
        Violation(
          facts.hasOwnClients ? "data.client_column" : "population.clusters",
          "clients have from \(low) to \(high) examples, and noise per update falls as one over their "
            + "number: the smallest blur the clusters; "
            + (facts.hasOwnClients
              ? "leave the smallest out, or use a method that looks for no clusters (global, local, mr-mtl)"
              : "narrow the range"))
      ]
    },
    CheckRule("DP207", .warning) { facts in
      let noisy = facts.groups.filter { ($0.noise?.noiseMultiplier ?? 0) > 10 }
      guard let group = noisy.first, let multiplier = group.noise?.noiseMultiplier else {
        return []
      }
      return [
        Violation(
          "privacy.target_epsilon",
          "\(facts.name(group)) needs noise multiplier \(short(multiplier)), above 10; allow a "
            + "larger epsilon, fewer steps or larger batches")
      ]
    },
    CheckRule("DP208", .warning) { facts in
      guard
        let group = facts.groups.first(where: { ($0.runSignalToNoise ?? .infinity) < 1 }),
        let ratio = group.runSignalToNoise
      else { return [] }
      return [
        Violation(
          "privacy",
          "even if all gradients agreed, the whole run of \(facts.name(group)) would move the model "
            + "\(short(ratio)) times as far as its noise; train fewer parameters (an adapter), or use "
            + "larger batches")
      ]
    },
    CheckRule("DP209", .note) { facts in
      guard let group = facts.groups.first(where: { $0.splitNoiseMultiplier != nil }),
        let split = group.splitNoiseMultiplier, let own = group.noise?.noiseMultiplier,
        facts.scenario.privacy.noiseMultiplier == nil, split > own
      else { return [] }
      return [
        Violation(
          "privacy",
          "composing training and selections jointly needs noise multiplier \(short(own)) where the "
            + "published split needs \(short(split)) and spends delta twice; nothing to fix")
      ]
    },
    CheckRule("DP210", .warning) { facts in
      let groups = facts.groups.filter { $0.plan.scaleChoices > 0 }
      let place = "data.scale_epsilon_ratio"
      if let group = groups.first(where: {
        ($0.scalesEpsilon ?? 0) > ($0.budget.targetEpsilon ?? .infinity) / 2
      }) {
        return [
          Violation(
            place,
            "the \(group.plan.scaleChoices) estimates of scales of \(facts.name(group)) alone cost "
              + "\(short(group.scalesEpsilon ?? 0)) of \(short(group.budget.targetEpsilon ?? 0)); lower the "
              + "ratio, or state bounds of some columns")
        ]
      }
      // The server takes the median by size: half of all examples must be with clients that can estimate.
      let everything = groups.reduce(0) { $0 + $1.records * $1.clients.count }
      let blind = groups.filter { $0.scaleRankError > Double($0.records) / 4 }
      guard 2 * blind.reduce(0, { $0 + $1.records * $1.clients.count }) > everything,
        let group = blind.max(by: { $0.records < $1.records })
      else { return [] }
      return [
        Violation(
          place,
          "a quantile of \(facts.name(group)) may be off by \(short(group.scaleRankError.rounded())) of its "
            + "\(group.records) rows, so the scale says little; raise the ratio, or state bounds")
      ]
    },
    CheckRule("DP211", .warning) { facts in
      guard
        let group = facts.groups.first(where: {
          ($0.maskEpsilon ?? 0) > ($0.budget.targetEpsilon ?? .infinity) / 2
        })
      else { return [] }
      return [
        Violation(
          "adapter.mask_noise_ratio",
          "the release for the mask of \(facts.name(group)) alone costs \(short(group.maskEpsilon ?? 0)) of "
            + "\(short(group.budget.targetEpsilon ?? 0)); raise the ratio, or take a \"random\" or \"public\" mask"
        )
      ]
    },
  ]
}
