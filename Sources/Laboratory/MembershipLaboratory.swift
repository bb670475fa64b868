// E7, `dpflsim lab membership`: who can tell whether an example was trained on, with full fine-tuning, LoRA and
// frozen-A LoRA at several ranks, with and without DP noise.
//
// Three attackers: one that looks at the loss alone; LiRA (Carlini et al. 2022) with shadow models and one
// variance for all examples; and one that knows everything but the example: all other records, the start, and
// every released step. The last one shows that robustness against the first two is no guarantee.

package import Learning
import Privacy
import RealModule
import Scenarios

/// What is trained in one row of the experiment.
struct FineTuning: Sendable, Hashable {
  let name: String
  /// Nil trains everything.
  let rank: Int?
  let trained: TrainedFactors
  /// Nil trains without clipping and noise.
  let noiseMultiplier: Double?
}

package struct MembershipLaboratory: Sendable {
  package struct Settings: Sendable {
    package var seed: UInt64
    package var ranks: [Int]
    /// Models of each kind; each trains on a random half of the pool, and the others are its shadows.
    package var models: Int
    /// Examples of the pool.
    package var pool: Int
    /// Full-batch steps.
    package var steps: Int
    /// Of the private rows, for gradients clipped to 1.
    package var noiseMultiplier: Double
    package var workers: Int

    package init(
      seed: UInt64 = 0, ranks: [Int] = [1, 4, 16], models: Int = 48, pool: Int = 240,
      steps: Int = 30, noiseMultiplier: Double = 4, workers: Int = 2
    ) {
      self.seed = seed
      self.ranks = ranks
      self.models = models
      self.pool = pool
      self.steps = steps
      self.noiseMultiplier = noiseMultiplier
      self.workers = workers
    }
  }

  private let settings: Settings
  private let trainer: FineTuner

  /// - Parameters:
  ///   - base: the parameters that fine-tuning starts from, trained on other examples.
  ///   - examples: at least as many as the pool.
  package init<Source: ExampleSource>(
    settings: Settings, architecture: Architecture, base: [Float], examples: Source
  ) {
    self.settings = settings
    trainer = FineTuner(
      architecture: architecture, base: base,
      pool: ExamplePool(
        examples, inputCount: architecture.input.floatCount, count: settings.pool),
      steps: settings.steps, seed: settings.seed)
  }

  private var rows: [FineTuning] {
    let plain: [FineTuning] =
      [FineTuning(name: "full", rank: nil, trained: .both, noiseMultiplier: nil)]
      + settings.ranks.map {
        FineTuning(name: "lora r=\($0)", rank: $0, trained: .both, noiseMultiplier: nil)
      }
      + settings.ranks.map {
        FineTuning(name: "frozen a r=\($0)", rank: $0, trained: .b, noiseMultiplier: nil)
      }
    return plain
      + plain.map {
        FineTuning(
          name: $0.name, rank: $0.rank, trained: $0.trained,
          noiseMultiplier: settings.noiseMultiplier)
      }
  }

  package func run(progress: (String) -> Void) async throws -> LabReport {
    var report = LabReport("membership", "Who can tell that an example was trained on")
    let delta = 1e-5
    let claimed = try GDPAccountant().epsilon(
      of: .selfComposed(
        event: .gaussian(noiseMultiplier: settings.noiseMultiplier), count: settings.steps),
      delta: delta)
    var table = LabTable(
      "e7-membership",
      "E7: \(settings.models) models on halves of \(settings.pool) examples; ± and brackets are 95 %; ε of one "
        + "example, added or removed, at δ = \(short(delta))",
      [
        "training", "noise", "train acc", "other acc", "loss AUC", "LiRA AUC", "±",
        "LiRA TPR@1%", "LiRA TPR@0.1%", "strong AUC", "strong ±", "its ceiling", "audited ε",
        "claimed ε",
      ])
    var weak: [String: [(rank: Int, curve: AttackCurve)]] = [:]
    var (least, excess) = (1.0, -1.0)
    let ceiling = strongCeiling
    for row in rows {
      progress("E7: \(row.name)\(row.noiseMultiplier == nil ? "" : ", with noise")")
      let found = try await measure(row, delta: delta)
      if row.noiseMultiplier == nil {
        least = min(least, found.strong.area)
        if let rank = row.rank {
          weak[row.trained == .b ? "frozen a" : "lora", default: []].append((rank, found.ratio))
        }
      } else {
        excess = max(excess, found.strong.area - found.strong.areaMargin - ceiling)
      }
      table.add([
        .string(row.name), row.noiseMultiplier.map { .number($0) } ?? .string("none"),
        .figure(found.trainAccuracy), .figure(found.otherAccuracy), .figure(found.loss.area),
        .figure(found.ratio.area), .figure(found.ratio.areaMargin),
        .string(Self.text(found.ratio.hits(atFalseAlarms: 0.01))),
        .string(Self.text(found.ratio.hits(atFalseAlarms: 0.001))), .figure(found.strong.area),
        .figure(found.strong.areaMargin), .figure(row.noiseMultiplier == nil ? 1 : ceiling),
        .figure(found.audited),
        row.noiseMultiplier == nil ? .string("none") : .figure(claimed),
      ])
    }
    report.tables.append(table)
    report.charts.append(
      LabChart(
        "E7: LiRA against rank, without noise", x: "log2 of the rank", y: "AUC",
        weak.sorted { $0.key < $1.key }.map { name, values in
          LabChart.Line(
            name, values.map { .init(Double.log(Double($0.rank)) / Double.log(2), $0.curve.area) })
        }))
    report.findings.append(
      LabFinding(
        "E7", "the attacker who knows the rest has AUC 1 at every rank without noise",
        measured: "at least \(short(least))", holds: least > 0.999))
    if settings.ranks.count > 1 {
      report.findings.append(rising(weak))
    }
    report.findings.append(
      LabFinding(
        "E7", "with noise the strong attacker stays below the ceiling of the mechanism, Φ(μ/√2)",
        measured:
          "AUC less its margin above the ceiling of \(short(ceiling)) by \(short(excess)) at most",
        holds: excess <= 0))
    return report
  }

  /// Φ(μ/√2) with μ = √steps/noise multiplier: the AUC between two normal laws whose means are as far apart as
  /// an example with a gradient of the clipping bound can put them (Dong, Roth, Su 2022, section 2).
  private var strongCeiling: Double {
    0.5 * Double.erfc(-Double(settings.steps).squareRoot() / settings.noiseMultiplier / 2)
  }

  /// Compares the largest rank with the smallest; a rise smaller than both margins is none.
  private func rising(_ weak: [String: [(rank: Int, curve: AttackCurve)]]) -> LabFinding {
    let rises = weak.values.allSatisfy { values in
      let sorted = values.sorted { $0.rank < $1.rank }
      guard let low = sorted.first?.curve, let high = sorted.last?.curve else { return false }
      return high.area - high.areaMargin > low.area + low.areaMargin
    }
    return LabFinding(
      "E7", "LiRA's success rises with the rank, by more than chance",
      measured: weak.sorted { $0.key < $1.key }.map { name, values in
        "\(name): "
          + values.map { "r=\($0.rank) \(short($0.curve.area)) ± \(short($0.curve.areaMargin))" }
          .joined(separator: ", ")
      }.joined(separator: "; "), holds: rises)
  }

  private static func text(_ hits: AttackCurve.Hits) -> String {
    func percent(_ x: Double) -> String { "\((x * 1000).rounded() / 10)" }
    return "\(percent(hits.rate)) [\(percent(hits.low)), \(percent(hits.high))]"
  }

  // MARK: - Attacks

  private struct Findings {
    let trainAccuracy: Double
    let otherAccuracy: Double
    let loss: AttackCurve
    let ratio: AttackCurve
    let strong: AttackCurve
    let audited: Double
  }

  private func measure(_ row: FineTuning, delta: Double) async throws -> Findings {
    let rate = try trainer.tunedLearningRate(row)
    let (trainer, settings) = (trainer, settings)
    // The strong attack is expensive: a few models and examples are enough for what it shows.
    let watched = min(4, settings.models)
    let models = try await withThrowingTaskGroup(of: [(Int, FineTuner.Model)].self) { group in
      for worker in 0..<settings.workers {
        group.addTask {
          try stride(from: worker, to: settings.models, by: settings.workers).map { index in
            try Task.checkCancellation()
            return (
              index,
              try trainer.model(
                row, index: index, learningRate: rate, watched: index < watched ? 16 : 0)
            )
          }
        }
      }
      var found: [(Int, FineTuner.Model)] = []
      for try await part in group { found += part }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
    var (right, counts) = ([0.0, 0.0], [0.0, 0.0])
    var loss: [[Double]] = [[], []]
    var strong: [[Double]] = [[], []]
    for model in models {
      for (position, isMember) in model.members.enumerated() {
        let side = isMember ? 0 : 1
        counts[side] += 1
        if model.correct[position] { right[side] += 1 }
        loss[side].append(-model.losses[position])
      }
      for (isMember, score) in model.strongScores { strong[isMember ? 0 : 1].append(score) }
    }
    let ratio = Self.likelihoodRatios(models)
    // The likelihood ratio has its own threshold, 0; ½ without noise, where scores are 0 and 1.
    let threshold = row.noiseMultiplier == nil ? 0.5 : 0
    let audited = Audit.clopperPearson(
      truePositives: strong[0].count { $0 > threshold }, positives: strong[0].count,
      falsePositives: strong[1].count { $0 > threshold }, negatives: strong[1].count, delta: delta
    ).epsilon
    return Findings(
      trainAccuracy: right[0] / counts[0], otherAccuracy: right[1] / counts[1],
      loss: AttackCurve(members: loss[0], others: loss[1]),
      ratio: AttackCurve(members: ratio.members, others: ratio.others),
      strong: AttackCurve(members: strong[0], others: strong[1]), audited: audited)
  }

  /// LiRA's scores of every model and example, its shadows being the other models.
  static func likelihoodRatios(
    _ models: [FineTuner.Model]
  ) -> (members: [Double], others: [Double]) {
    guard let count = models.first?.members.count else { return ([], []) }
    let confidence = models.map { model in
      model.losses.map { loss in
        let safe = max(loss, 1e-7)
        return -safe - Double.log(-Double.expMinusOne(-safe))
      }
    }
    // Sums of each example's confidences as a member and not, and the variance within, pooled over examples.
    var sums = [[(sum: Double, count: Double)]](
      repeating: [(0, 0), (0, 0)], count: count)
    for (model, values) in zip(models, confidence) {
      for i in 0..<count {
        sums[i][model.members[i] ? 0 : 1].sum += values[i]
        sums[i][model.members[i] ? 0 : 1].count += 1
      }
    }
    var (squares, degrees) = ([0.0, 0.0], [0.0, 0.0])
    for (model, values) in zip(models, confidence) {
      for i in 0..<count {
        let side = model.members[i] ? 0 : 1
        guard sums[i][side].count > 1 else { continue }
        let gap = values[i] - sums[i][side].sum / sums[i][side].count
        squares[side] += gap * gap
        degrees[side] += 1 - 1 / sums[i][side].count
      }
    }
    let variances = (0..<2).map { max(squares[$0] / max(degrees[$0], 1), 1e-12) }
    var scores: (members: [Double], others: [Double]) = ([], [])
    for (model, values) in zip(models, confidence) {
      for i in 0..<count {
        func logDensity(_ side: Int) -> Double? {
          let isOwn = model.members[i] == (side == 0)
          let others = sums[i][side].count - (isOwn ? 1 : 0)
          guard others > 0 else { return nil }
          let mean = (sums[i][side].sum - (isOwn ? values[i] : 0)) / others
          let gap = values[i] - mean
          return -gap * gap / (2 * variances[side]) - 0.5 * Double.log(variances[side])
        }
        guard let member = logDensity(0), let other = logDensity(1) else { continue }
        if model.members[i] {
          scores.members.append(member - other)
        } else {
          scores.others.append(member - other)
        }
      }
    }
    return scores
  }
}
