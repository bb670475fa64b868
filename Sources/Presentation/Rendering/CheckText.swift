// What `dpflsim check` prints: releases and costs of every group of clients, and the findings.

import Analysis
public import Federation
import Formatting
import Privacy
public import Scenarios

/// A report of the linter as a table and as JSON.
public struct CheckText: Sendable, Hashable {
  private let report: CheckReport
  private let ranks: RankForecast?

  /// - Parameter ranks: nil where one process is meant.
  public init(_ report: CheckReport, ranks: RankForecast? = nil) {
    self.report = report
    self.ranks = ranks
  }

  public func lines(colors: Bool) -> [String] {
    let scenario = report.scenario
    var lines = [
      TextStyle.bold.applied(to: scenario.name, colors: colors)
        + ": \(scenario.method.name), \(NumberText.count(scenario.clientCount, "client")), "
        + "\(NumberText.count(scenario.rounds, "round")), "
        + TrainedNumbers(scenario.adapter).text(
          report.model.trainable, model: report.model.total) + ".",
      "Protects each \(ProtectedUnit(of: scenario).each), added or removed; \(SamplingText.phrase(report.sampling)); accountant "
        + "\(AccountantTitle.text(scenario.privacy.accountant.kind)).",
    ]
    lines += section("Releases in the whole run", releases().turnedLines(colors: colors), colors)
    lines += section("What they cost", costs().turnedLines(colors: colors), colors)
    lines += scales + mask + posteriors
    if let detection = report.detection {
      lines += section("Clusters", forecast(detection), colors)
    }
    lines += section("Time and memory", [cost] + shared, colors)
    return lines + findings(colors: colors)
  }

  private func section(_ title: String, _ body: [String], _ colors: Bool) -> [String] {
    ["", TextStyle.bold.applied(to: title, colors: colors)] + body
  }

  private var scales: [String] {
    let groups = report.groups.filter { $0.plan.scaleChoices > 0 }
    guard let first = groups.first else { return [] }
    return [
      "Scales are estimated before the first round by \(NumberText.count(first.plan.scaleChoices, "private choice")) of "
        + "every client, which alone cost \(Self.range(groups.compactMap(\.scalesEpsilon))) and are in the ε above."
    ]
  }

  private var mask: [String] {
    let groups = report.groups.filter { $0.plan.maskReleases > 0 }
    guard !groups.isEmpty else { return [] }
    return [
      "The mask of the adapter is chosen before the first round by one noisy sum of gradients of every client, which alone "
        + "costs \(Self.range(groups.compactMap(\.maskEpsilon))) and is in the ε above."
    ]
  }

  private var posteriors: [String] {
    let groups = report.groups.filter {
      $0.plan.posteriors > 0 && $0.budget.targetEpsilon != nil
    }
    guard !groups.isEmpty else { return [] }
    return [
      "Every client says once a round, by one noisy sum, in which shares the models explain its examples; these sums alone "
        + "cost \(Self.range(groups.compactMap(\.posteriorEpsilon))) and are in the ε above."
    ]
  }

  /// "0.9", or "0.9 to 1.2".
  private static func range(_ costs: [Double]) -> String {
    let least = NumberText.epsilon(costs.min())
    let most = NumberText.epsilon(costs.max())
    return least == most ? least : "\(least) to \(most)"
  }

  private var shared: [String] {
    guard let ranks else { return [] }
    return [
      "Shared by \(NumberText.count(ranks.ranks, "rank")) of \(NumberText.count(ranks.workers, "worker")): rounds of about "
        + "\(NumberText.duration(ranks.seconds)) in all (balance \(NumberText.percent(ranks.balance)), messages "
        + "\(NumberText.percent(ranks.messageShare)) on 25-Gbit Ethernet), \(NumberText.bytes(ranks.bytesPerRank)) a rank. "
        + "docs/cluster.md has the model."
    ]
  }

  // MARK: - Tables

  private func releases() -> TextTable {
    let records = report.scenario.privacy.unit == .example ? "examples" : "clients drawn from"
    var table = TextTable([
      ("clients", .left), (records, .right), ("full-batch steps", .right),
      ("sampled steps", .right), ("rate", .right), ("selections", .right), ("ε of each", .right),
      ("noise multiplier", .right), ("first round", .right),
    ])
    for group in report.groups {
      let plan = group.plan
      table.add([
        TextTable.Cell(describe(group)), "\(NumberText.grouped(group.records))",
        "\(NumberText.grouped(plan.fullBatchSteps))", "\(NumberText.grouped(plan.sampledSteps))",
        "\(NumberText.decimal(plan.sampleRate, 4))", "\(NumberText.grouped(plan.selections))",
        "\(plan.selections > 0 ? NumberText.epsilon(plan.selectionEpsilon) : "–")",
        "\(NumberText.decimal(group.noise?.noiseMultiplier, 3))",
        "\(plan.fullBatchSteps > 0 ? NumberText.decimal(group.noise?.fullBatchNoiseMultiplier, 3) : "–")",
      ])
    }
    return table
  }

  private func costs() -> TextTable {
    var table = TextTable([
      ("clients", .left), ("ε", .right), ("target", .right), ("δ", .right),
      ("training alone", .right), ("first round alone", .right), ("selections alone", .right),
      ("noise, published split", .right), ("signal, round 1", .right),
    ])
    for group in report.groups {
      table.add([
        TextTable.Cell(describe(group)),
        TextTable.Cell(NumberText.epsilon(group.epsilon), .bold),
        "\(NumberText.exact(group.budget.targetEpsilon))",
        "\(NumberText.exact(group.budget.targetDelta))", "\(Self.part(group.trainingEpsilon))",
        "\(Self.part(group.firstRoundEpsilon))", "\(Self.part(group.selectionEpsilon))",
        "\(NumberText.decimal(group.splitNoiseMultiplier, 3))",
        "\(NumberText.decimal(group.firstRoundSignalToNoise, 2))",
      ])
    }
    return table
  }

  private static func part(_ epsilon: Double?) -> String {
    epsilon == nil ? "–" : NumberText.epsilon(epsilon)
  }

  private func describe(_ group: ReleaseGroup) -> String {
    if group.clients.count == report.scenario.clientCount, group.clients.count > 1 {
      return "all \(NumberText.grouped(group.clients.count))"
    }
    return NumberText.list(group.clients, named: report.scenario.clientNames, limit: 8)
  }

  private func forecast(_ detection: DetectionForecast) -> [String] {
    func distance(_ value: Double?) -> String {
      value.map { NumberText.decimal($0, 4) + " clipping bounds" } ?? "any distance (no noise)"
    }
    return [
      "  Seen at all above score \(NumberText.decimal(detection.threshold, 1)): mean clipped "
        + "gradients \(distance(detection.leastDistance)) apart.",
      "  Found reliably from score \(NumberText.decimal(detection.reliableScore, 1)): "
        + "\(distance(detection.reliableDistance)). The true distance is unknown before training, "
        + "and at most 2.",
    ]
  }

  private var cost: String {
    let seconds = report.cost.secondsOnOneWorker
    let time =
      seconds < 90
      ? "\(NumberText.decimal(seconds, 1)) s" : "\(NumberText.decimal(seconds / 60, 1)) min"
    return "  About \(time) on one core for \(NumberText.grouped(report.cost.trainedExamples)) "
      + "trained examples; about \(NumberText.bytes(report.cost.peakBytes))."
  }

  private func findings(colors: Bool) -> [String] {
    CheckReport.Severity.allCases.flatMap { severity -> [String] in
      let found = report.findings.filter {
        $0.severity == severity && !Self.isAlwaysSo($0)
      }
      guard !found.isEmpty else { return [] }
      let style: TextStyle =
        switch severity {
        case .critical: .bad
        case .warning: .marked
        case .note: .faint
        }
      return ["", style.applied(to: severity.rawValue, colors: colors)]
        + found.map { "  \($0.rule) \($0.path): \($0.message)" }
    } + always(colors: colors) + ["", verdict]
  }

  /// Notes on what every simulation leaves open; only docs/check.md and JSON have them in full.
  private static func isAlwaysSo(_ finding: CheckReport.Finding) -> Bool {
    finding.severity == .note
      && ["DP501", "DP502", "DP503", "DP504", "DP505"].contains(finding.rule)
  }

  private func always(colors: Bool) -> [String] {
    let rules = report.findings.filter(Self.isAlwaysSo).map(\.rule)
    guard !rules.isEmpty else { return [] }
    return [
      "",
      TextStyle.faint.applied(to: "Always so: ", colors: colors)
        + "\(rules.joined(separator: ", ")): what every simulation leaves open, from figures that nobody pays for to "
        + "the seed that repeats the noise. `--format json` and docs/check.md say each in full.",
    ]
  }

  private var verdict: String {
    func count(_ severity: CheckReport.Severity) -> Int {
      report.findings.count { $0.severity == severity }
    }
    return
      (report.isRefused ? "Refused: " : "May run: ")
      + "\(count(.critical)) critical, \(NumberText.count(count(.warning), "warning")), "
      + "\(NumberText.count(count(.note), "note")); docs/check.md explains each rule."
  }
}

// MARK: - JSON

extension CheckText {
  public var document: JSONValue {
    let scenario = report.scenario
    var cost: [String: JSONValue] = [
      "trained_examples": .integer(report.cost.trainedExamples),
      "evaluated_examples": .integer(report.cost.evaluatedExamples),
      "seconds_on_one_worker": .number(report.cost.secondsOnOneWorker),
      "peak_bytes": .integer(report.cost.peakBytes),
    ]
    if let ranks {
      cost["shared"] = [
        "ranks": .integer(ranks.ranks), "workers": .integer(ranks.workers),
        "seconds": .number(ranks.seconds), "balance": .number(ranks.balance),
        "message_share": .number(ranks.messageShare),
        "bytes_per_rank": .integer(ranks.bytesPerRank),
      ]
    }
    return [
      "scenario": .string(scenario.name), "method": .string(scenario.method.name),
      "unit": .string(scenario.privacy.unit.rawValue),
      "relation": .string(scenario.privacy.relation.rawValue),
      "sampling": .string(report.sampling),
      "accountant": .string(scenario.privacy.accountant.rawValue),
      "trainable_parameters": .integer(report.model.trainable),
      "model_parameters": .integer(report.model.total), "refused": .bool(report.isRefused),
      "groups": .array(report.groups.map(Self.document)),
      "detection": report.detection.map(Self.document) ?? .null,
      "cost": .object(cost), "audit": report.audit.map(Self.document) ?? .null,
      "findings": .array(
        report.findings.map {
          [
            "rule": .string($0.rule), "severity": .string($0.severity.rawValue),
            "path": .string($0.path), "message": .string($0.message), "page": .string($0.page),
          ]
        }),
    ]
  }

  private static func document(_ group: ReleaseGroup) -> JSONValue {
    let plan = group.plan
    return [
      "clients": .array(group.clients.map { .integer($0) }), "records": .integer(group.records),
      "batch_size": .integer(group.batchSize),
      "target_epsilon": JSONValue(group.budget.targetEpsilon),
      "target_delta": .number(group.budget.targetDelta),
      "max_grad_norm": .number(group.budget.maxGradNorm),
      "full_batch_steps": .integer(plan.fullBatchSteps),
      "sampled_steps": .integer(plan.sampledSteps), "sample_rate": .number(plan.sampleRate),
      "selections": .integer(plan.selections),
      "selection_epsilon": plan.selections > 0 ? .number(plan.selectionEpsilon) : .null,
      "scale_choices": .integer(plan.scaleChoices),
      "scale_epsilon": plan.scaleChoices > 0 ? .number(plan.scaleEpsilon) : .null,
      "scale_epsilon_together": JSONValue(group.scalesEpsilon),
      "mask_releases": .integer(plan.maskReleases),
      "mask_epsilon": JSONValue(group.maskEpsilon),
      "posterior_releases": .integer(plan.posteriors),
      "posterior_epsilon": JSONValue(group.posteriorEpsilon),
      "noise_multiplier": JSONValue(group.noise?.noiseMultiplier),
      "first_round_noise_multiplier": plan.fullBatchSteps > 0
        ? JSONValue(group.noise?.fullBatchNoiseMultiplier) : .null,
      "epsilon": JSONValue(group.epsilon), "proved_by": JSONValue(group.accountant?.rawValue),
      "training_epsilon": JSONValue(group.trainingEpsilon),
      "first_round_epsilon": JSONValue(group.firstRoundEpsilon),
      "selection_epsilon_together": JSONValue(group.selectionEpsilon),
      "split_noise_multiplier": JSONValue(group.splitNoiseMultiplier),
      "first_round_signal_to_noise": JSONValue(group.firstRoundSignalToNoise),
      "run_signal_to_noise": JSONValue(group.runSignalToNoise),
      "affordable_rounds": JSONValue(group.affordableRounds), "refusal": JSONValue(group.refusal),
    ]
  }

  private static func document(_ detection: DetectionForecast) -> JSONValue {
    [
      "parameters": .integer(detection.parameters), "clients": .integer(detection.clients),
      "threshold": .number(detection.threshold),
      "reliable_score": .number(detection.reliableScore),
      "least_distance": JSONValue(detection.leastDistance),
      "reliable_distance": JSONValue(detection.reliableDistance),
    ]
  }

  private static func document(_ audit: AuditForecast) -> JSONValue {
    [
      "canaries": .integer(audit.canaries), "claimed_epsilon": .number(audit.claimedEpsilon),
      "delta": .number(audit.delta), "best_possible": .number(audit.bestPossible),
      "lower_bound": .number(audit.lowerBound),
      "gaussian_lower_bound": .number(audit.gaussianLowerBound),
      "best_canaries": audit.reach.bestCanaries.map { .integer($0) } ?? .null,
    ]
  }
}
