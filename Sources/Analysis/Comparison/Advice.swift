// Which budget, method and settings to take for the worst off, why, and how sure that is.
//
// The rule: of all cells with privacy the best mean accuracy of the worst-off cluster (of the worst-off client where
// all are of one cluster) is sought; taken is the
// cell with the least ε within one point of it. Nothing is recommended that is no better than always answering the most
// frequent class.

import Clustering
import Federation
import Formatting
import Foundation

/// The answer of a comparison for one scenario.
public struct Advice: Sendable {
  public let scenario: String
  /// Whose accuracy it is about.
  public let worstOff: WorstOff
  /// Nil if nothing can be recommended.
  public let chosen: ComparisonCell?
  /// Why the chosen cell, in a few words; empty if there is none.
  public let reason: String
  /// What to take; what it costs; how sure that is.
  public let sentences: [String]
  /// What it would take to be surer.
  public let surer: [String]
  /// What this choice would cost if it were made privately; nil where nothing was chosen from, and where nobody asked
  /// the store.
  public var selectionPrice: SelectionPrice?
}

/// The differences of two cells in the accuracy of the worst off, seed by seed.
struct SeedContrast {
  /// First minus second; nil without a common seed.
  let comparison: PairedComparison
  /// Of the differences; nil with fewer than two.
  let deviation: Double?

  init?(_ pairs: [(ComparedRun, ComparedRun)], _ worstOff: WorstOff) {
    let first = pairs.map { worstOff.metric.value(of: $0.0.result) }
    let second = pairs.map { worstOff.metric.value(of: $0.1.result) }
    guard !pairs.isEmpty,
      let comparison = try? PairedComparison(first: first, second: second, seed: 0)
    else { return nil }
    self.comparison = comparison
    let differences = zip(first, second).compactMap { first, second in
      first.flatMap { first in second.map { first - $0 } }
    }
    let mean = differences.reduce(0, +) / Double(max(differences.count, 1))
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation =
      differences.count < 2 ? nil : (squares / Double(differences.count - 1)).squareRoot()
  }

  /// Seeds with which a paired test at 5 % would see the difference in four of five repetitions, from the normal
  /// approximation ((1.96 + 0.84) s / d)², at least 6; nil where nothing is known of it or it is 0.
  var seedsNeeded: Int? {
    guard let deviation, let difference = comparison.difference.mean, difference != 0 else {
      return nil
    }
    let seeds = pow((1.96 + 0.84) * deviation / difference, 2)
    return seeds < 1e6 ? max(Int(seeds.rounded(.up)), 6) : nil
  }
}

extension Comparison {
  /// For each scenario.
  public var advice: [Advice] { scenarios.map { advice(for: $0) } }

  /// Names of the scenarios, each once.
  public var scenarios: [String] { Self.unique(cells.map(\.scenario)) }

  /// How far below the best a cell may lie that is taken for its smaller ε.
  private static let tolerance = 0.01

  /// What the runs of a scenario say about which cell to take.
  public func advice(for scenario: String) -> Advice {
    let own = cells.filter { $0.scenario == scenario }
    let worstOff = WorstOff(of: own)
    let rated = candidates(of: scenario)
    let refused = leavingOut(own)
    let remarks = refused.map { ["Left out: \($0)."] } ?? []
    guard let highest = rated.max(by: Self.isWorse) else {
      let why =
        refused.map { "No budget can be recommended: \($0)." }
        ?? (own.contains { !$0.epsilon.isNone }
          ? "No cell can be recommended: only the oracle was run with privacy, and nobody knows the true clusters."
          : "No budget can be recommended: every run is without privacy.")
      return Advice(
        scenario: scenario, worstOff: worstOff, chosen: nil, reason: "", sentences: [why],
        surer: ["Run some budgets, such as `sweep --epsilon 1,2,4,8,none`."])
    }
    let useful = rated.filter(\.isBetterThanBaseline)
    guard let best = useful.max(by: Self.isWorse), let top = best.worstMean else {
      return Advice(
        scenario: scenario, worstOff: worstOff, chosen: nil, reason: "",
        sentences: [uselessness(of: highest, for: worstOff)] + remarks,
        surer: seedNeeds(highest) + edgeNeeds(highest, among: rated))
    }
    let near = useful.filter { ($0.worstMean ?? 0) >= top - Self.tolerance }
    let chosen =
      near.min {
        ($0.epsilon.high, -($0.worstMean ?? 0)) < ($1.epsilon.high, -($1.worstMean ?? 0))
      } ?? best
    let reason = reason(chosen, best: best, among: rated)
    let runnerUp = runnerUp(of: chosen, among: rated)
    return Advice(
      scenario: scenario, worstOff: worstOff, chosen: chosen, reason: reason,
      sentences: [
        taking(chosen, reason), pricing(chosen),
        certainty(of: chosen, against: runnerUp),
      ] + remarks,
      surer: seedNeeds(chosen, against: runnerUp) + edgeNeeds(chosen, among: rated)
        + (withoutPrivacy(chosen) == nil
          ? ["Runs without privacy (`--epsilon none`), so that the price is known."] : []))
  }

  /// In the accuracy of the worst off.
  private static func isWorse(_ a: ComparisonCell, _ b: ComparisonCell) -> Bool {
    (a.worstMean ?? 0) < (b.worstMean ?? 0)
  }

  /// The cells of a scenario among which advice chooses: those with privacy and a result for the worst off, without
  /// the oracle and without those whose ε says little.
  func candidates(of scenario: String) -> [ComparisonCell] {
    cells.filter {
      $0.scenario == scenario && $0.isRanked && !$0.epsilon.isNone && $0.worstMean != nil
    }
  }

  /// Why some of these cells are not considered, whose ε says little; nil where there are none.
  package func leavingOut(_ all: [ComparisonCell]) -> String? {
    let cells = all.filter { !$0.isOracle && !$0.allowedRules.isEmpty && $0.worstMean != nil }
    guard !cells.isEmpty else { return nil }
    let excuse = CheckReport.Finding.excuse(cells.flatMap(\.allowedRules))
    return
      "the check refuses \(NumberText.count(cells.count, "combination")), which ran because \(excuse), so the ε there "
      + "says little"
  }

  /// Why the cell with the highest accuracy of the worst off is not worth taking.
  private func uselessness(of cell: ComparisonCell, for worstOff: WorstOff) -> String {
    let baseline = cell.baseline
    let gets = NumberText.percent(cell.worstMean)
    let without = NumberText.percent(baseline?.share)
    guard let baseline, !baseline.isGuess else {
      return "Nothing can be recommended: the \(worstOff.noun) gets \(gets) at best, with "
        + "\(name(of: cell)), and \(baseline?.words ?? "guessing") gives \(without)."
    }
    let examples = baseline.examples.map { " in its \(NumberText.count($0, "test example"))" } ?? ""
    return
      "Nothing can be recommended: no combination does better than always answering the most frequent class by "
      + "more than chance; with \(name(of: cell)) the \(worstOff.noun) gets \(gets), and that answer gets "
      + "\(without)\(examples)."
  }

  /// "r-dpcfl at ε 4, adapter.r=2".
  package func name(of cell: ComparisonCell) -> String {
    let settings = cell.settings.isEmpty || cell.settings == cell.scenario ? "" : cell.settings
    return cell.method
      + (cell.epsilon.isNone ? " without privacy" : " at ε \(cell.epsilon.label)")
      + (settings.isEmpty ? "" : ", \(settings)")
  }

  private func reason(
    _ chosen: ComparisonCell, best: ComparisonCell, among rated: [ComparisonCell]
  ) -> String {
    guard rated.count > 1 else { return "the only combination with privacy that was run" }
    guard name(of: chosen) != name(of: best) else {
      return "the best of \(rated.count) combinations with privacy"
    }
    return chosen.epsilon < best.epsilon
      ? "with less ε within one point of the best, \(name(of: best))"
      : "the best of \(rated.count) combinations with privacy, at a tie"
  }

  private func taking(_ cell: ComparisonCell, _ reason: String) -> String {
    let worst = cell.worstCluster.map { ", \($0)," } ?? ""
    return "Take \(name(of: cell)): its \(cell.worstOff.noun)\(worst) gets "
      + "\(Self.words(cell.estimate(cell.worstOff.metric))), \(reason)."
  }

  private func pricing(_ cell: ComparisonCell) -> String {
    guard let price = priceOfPrivacy(cell), let mean = price.cost.clientMean.mean else {
      return
        "What privacy costs is not known: there is no run of \(cell.method) without privacy to pair it with."
    }
    let clients = Self.costs(mean, "its clients on average")
    guard let minority = Self.mean(price, of: cell, minority: true) else {
      return "Against the same method without privacy that \(clients)."
    }
    return
      "Against the same method without privacy that \(Self.costs(minority, "the minority")) and \(clients)."
  }

  /// "costs the minority 1.2 points", or what it gains.
  private static func costs(_ price: Double, _ who: String) -> String {
    let points = percent(price.magnitude)
    if points == "0.0" { return "costs \(who) nothing that shows" }
    return price > 0 ? "costs \(who) \(points) points" : "gains \(who) \(points) points"
  }

  /// The best of the others at the same budget: another method, or other settings.
  private func runnerUp(
    of chosen: ComparisonCell, among rated: [ComparisonCell]
  ) -> ComparisonCell? {
    rated.filter { $0.epsilon == chosen.epsilon && name(of: $0) != name(of: chosen) }
      .max { ($0.worstMean ?? 0) < ($1.worstMean ?? 0) }
  }

  private func certainty(
    of chosen: ComparisonCell, against runnerUp: ComparisonCell?
  ) -> String {
    guard let runnerUp else {
      return "Nothing else was run at this ε, so whether another method serves better is not known."
    }
    guard let contrast = SeedContrast(pairs(chosen, runnerUp), chosen.worstOff),
      let difference = contrast.comparison.difference.mean
    else { return "No seed is common to it and the next best at this ε, \(name(of: runnerUp))." }
    let count = contrast.comparison.difference.count
    let distance =
      "The next best at this ε, \(short(runnerUp, than: chosen)), is "
      + (difference < 0
        ? "ahead by \(Self.percent(-difference)) points in their common seeds"
        : "\(Self.percent(difference)) points behind")
    guard count > 1, let pValue = contrast.comparison.pValue else {
      return distance + ", in one seed, which says nothing about chance."
    }
    let test = "(n = \(count), p = \(NumberText.decimal(pValue, 3)))"
    return pValue <= 0.05
      ? "\(distance) \(test), which is more than chance."
      : "\(distance) \(test), which \(count < 6 ? "so few seeds" : "these seeds") cannot tell from chance."
  }

  /// The runner-up by that in which it differs.
  private func short(_ runnerUp: ComparisonCell, than chosen: ComparisonCell) -> String {
    if runnerUp.settings == chosen.settings { return runnerUp.method }
    return runnerUp.method == chosen.method
      ? runnerUp.settings : "\(runnerUp.method) with \(runnerUp.settings)"
  }

  private func seedNeeds(
    _ cell: ComparisonCell, against runnerUp: ComparisonCell? = nil
  ) -> [String] {
    var needs: [String] = []
    if cell.runs.count < 6 {
      needs.append("At least 6 seeds: below that no difference reaches a p-value of 0.05.")
    }
    if let runnerUp, let contrast = SeedContrast(pairs(cell, runnerUp), cell.worstOff),
      (contrast.comparison.pValue ?? 1) > 0.05 || cell.runs.count < 6,
      let seeds = contrast.seedsNeeded
    {
      needs.append(
        "About \(NumberText.grouped(seeds)) seeds to tell it from \(short(runnerUp, than: cell)), if their difference "
          + "is as large as it looks (5 % error, 80 % power).")
    }
    return needs
  }

  /// Whether the answer lies at an end of what was tried.
  private func edgeNeeds(_ cell: ComparisonCell, among rated: [ComparisonCell]) -> [String] {
    let budgets = Set(rated.map(\.epsilon)).sorted()
    var needs: [String] = []
    if budgets.last == cell.epsilon {
      needs.append("Budgets above ε \(cell.epsilon.label): nothing larger was tried.")
    }
    if budgets.first == cell.epsilon {
      needs.append("Budgets below ε \(cell.epsilon.label): nothing smaller was tried.")
    }
    return needs
  }
}

extension ComparisonCell {
  public var scenario: String { runs.first?.result.scenario ?? "" }

  package var worstOff: WorstOff { WorstOff(of: [self]) }

  /// Mean over seeds of the accuracy of the worst off.
  package var worstMean: Double? { estimate(worstOff.metric).mean }

  /// Rules whose findings were allowed by name for one of its runs: their ε says little.
  package var allowedRules: [String] {
    epsilon.isNone
      ? []
      : Set(runs.flatMap { $0.result.allowedFindings ?? [] }.map(\.rule)).sorted()
  }

  /// Classes that the model tells apart; 0 where no labels are counted.
  package var classes: Int { runs.first?.result.clients.first?.confusion.classes ?? 0 }

  /// The cluster with the least mean accuracy; nil with a single one.
  var worstCluster: String? {
    let means = clusters.indices.map { accuracy(ofCluster: $0).mean ?? .infinity }
    guard means.count > 1, let index = means.indices.min(by: { means[$0] < means[$1] }) else {
      return nil
    }
    return clusters.labels[index]
  }
}
