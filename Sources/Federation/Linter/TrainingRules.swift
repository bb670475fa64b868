// Rules on the training itself: DP401 and on.

import Kernels
import Privacy
import RealModule
import Scenarios

extension CheckRule {
  static let training: [CheckRule] = [
    CheckRule("DP401", .warning) { facts in
      guard let settings = facts.scenario.method.settings as? Scenario.MeanRegularized else {
        return []
      }
      let pull = settings.lambda * facts.scenario.local.learningRate
      guard pull > 1 else { return [] }
      return [
        Violation(
          "method.lambda",
          "each step overshoots the mean: lambda times local.learning_rate is \(short(pull)), above 1; "
            + "lower one of them")
      ]
    },
    CheckRule("DP402", .warning) { facts in
      let unseen = facts.clients.compactMap { client -> (ClientPlan, Double)? in
        let steps =
          Double(client.stepsPerRound) * Double(facts.schedule.participations(of: client.index))
        let never = Elementary.exp(steps * Elementary.log(onePlus: -min(client.sampleRate, 1)))
        return steps > 0 && never > 0.05 ? (client, never) : nil
      }
      guard let (client, never) = unseen.first else { return [] }
      return [
        Violation(
          "local.steps",
          "\(short(100 * never)) % of the examples of \(facts.name(ofClient: client.index)) are never in a batch; "
            + "take more steps or larger batches")
      ]
    },
    CheckRule("DP403", .warning) { facts in
      guard facts.unitIsExample else { return [] }
      let idle = facts.clients.filter { facts.schedule.participations(of: $0.index) == 0 }
      guard let first = idle.first else { return [] }
      return [
        Violation(
          "cohort_size",
          "\(idle.count) clients are never drawn (\(facts.name(ofClient: first.index)) first), and get a model that "
            + "never saw their data; draw more clients or run more rounds")
      ]
    },
    CheckRule("DP404", .warning) { facts in
      guard facts.isPrivate, let adapter = facts.scenario.adapter,
        adapter.aggregation.traits.multipliesNoise, adapter.traits.factors?.choosesFactors == true
      else { return [] }
      return [
        Violation(
          "adapter.freeze_a",
          "with A trained too, noise in A and noise in B multiply, and clients' products do not average; "
            + "set it to true")
      ]
    },
    CheckRule("DP405", .warning) { facts in
      guard let norm = facts.privateBudgets.map(\.maxGradNorm).max(), norm > 100 else { return [] }
      return [
        Violation(
          "privacy.max_grad_norm",
          "noise is proportional to the clipping bound, and \(short(norm)) is beyond any usual gradient; "
            + "use about the median norm, often 0.1 to 10")
      ]
    },
    CheckRule("DP406", .warning) { facts in
      guard facts.unitIsExample, let gain = facts.scenario.local.optimizer.noiseGain else {
        return []
      }
      let rate = facts.scenario.local.learningRate
      let walks = facts.groups.compactMap { group -> (ReleaseGroup, Double)? in
        guard let multiplier = group.noise?.noiseMultiplier, group.batchSize > 0 else { return nil }
        let length =
          rate * gain * multiplier * group.budget.maxGradNorm
          * Double.sqrt(Double(facts.model.trainable)) / Double(group.batchSize)
        return length > 5 ? (group, length) : nil
      }
      guard let (group, length) = walks.first else { return [] }
      return [
        Violation(
          "local.learning_rate",
          "each step moves the model of \(facts.name(group)) by noise of length \(short(length)), far "
            + "beyond the weights; use at most \(short(rate / length))")
      ]
    },
    CheckRule("DP407", .note) { facts in
      let scenario = facts.scenario
      let mask = (scenario.adapter?.settings as? Scenario.Adapter.SparseUpdate)?.mask
      // Of a table public rows give the scales of its columns.
      guard scenario.data.publicExamples > 0, scenario.model.pretraining == nil,
        mask != .publicExamples, scenario.data.table == nil || !scenario.hasBudget
      else { return [] }
      return [
        Violation(
          "data.public_examples",
          "\(facts.scenario.data.publicExamples) examples are set aside as public and never used; set it "
            + "to 0, or add model.pretraining")
      ]
    },
    CheckRule("DP408", .warning) { facts in
      let rate = facts.scenario.local.learningRate
      guard case .adam = facts.scenario.local.optimizer, rate > 0.1 else { return [] }
      return [
        Violation(
          "local.learning_rate",
          "Adam moves every parameter by about the learning rate in each step, however small the "
            + "gradient, and \(short(rate)) is beyond the weights; use 0.001 to 0.01")
      ]
    },
    CheckRule("DP409", .warning) { facts in
      guard case .fedAdam(let rate, _, _) = facts.scenario.serverOptimizer, rate > 0.5 else {
        return []
      }
      return [
        Violation(
          "server.optimizer.learning_rate",
          "FedAdam moves every parameter by about \(short(rate)) a round, whatever the updates were; "
            + "use 0.01 to 0.1")
      ]
    },
    CheckRule("DP410", .warning) { facts in
      guard case .adaptive(_, let adaptation) = facts.scenario.privacy.clipping,
        let count = facts.clippingGroupCount
      else { return [] }
      // Noise of one share of unclipped gradients: σ_b / b with σ_b = σ√K/(2√r).
      let noisy = facts.groups.compactMap { group -> (ReleaseGroup, Double)? in
        guard let multiplier = group.noise?.noiseMultiplier, group.batchSize > 0 else { return nil }
        let deviation = PrivateQuantile.countNoise(
          total: multiplier, share: adaptation.budgetShare, groups: count)
        let share = deviation / Double(group.batchSize)
        return share > 0.5 ? (group, share) : nil
      }
      guard let (group, share) = noisy.first else { return [] }
      return [
        Violation(
          "privacy.clipping.budget_share",
          "the shares of unclipped gradients that move the thresholds of \(facts.name(group)) have a "
            + "noise of \(short(share)), more than they can differ; take larger batches or fewer groups, "
            + "or raise it")
      ]
    },
    CheckRule("DP411", .note) { facts in
      guard case .automatic = facts.scenario.privacy.clipping, facts.isPrivate else { return [] }
      return [
        Violation(
          "privacy.max_grad_norm",
          "with automatic clipping it only multiplies the learning rate (and does nothing with Adam); "
            + "keep it at 1 and tune local.learning_rate")
      ]
    },
  ]
}

extension Scenario.Local.Optimizer {
  /// Standard deviation of a step's noise over that of plain SGD; nil where steps do not grow with it.
  fileprivate var noiseGain: Double? {
    switch self {
    case .sgd: 1
    case .momentum(let kept): 1 / Double.sqrt(1 - kept * kept)
    case .adam: nil
    }
  }
}
