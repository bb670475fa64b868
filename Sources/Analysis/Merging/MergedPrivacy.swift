// What guarantee a module has that was merged from several: by whom the parts' data are shared decides whether
// their ε add up.

import Federation
import Foundation

/// The guarantee of a merged module.
public struct MergedPrivacy: Sendable, Hashable {
  /// What is known of one part.
  public struct Part: Sendable, Hashable {
    /// The run that it comes from; nil where that is unknown.
    let run: String?
    /// The content of the run's data; nil where the store does not know the run.
    let data: String?
    /// Nil for a part without a guarantee.
    let epsilon: Double?
    let delta: Double
    /// Who is protected, and against which change; nil where the part does not say.
    let protects: String?
    /// The seeds that its noise came from, none for the operating system's randomness; nil where nobody says.
    let seeds: Set<String>?
    /// Rules of the check that were allowed to be broken.
    let allowed: Set<String>

    public init(
      run: String?, data: String?, epsilon: Double?, delta: Double, protects: String?,
      seeds: Set<String>?, allowed: Set<String> = []
    ) {
      self.run = run
      self.data = data
      self.epsilon = epsilon
      self.delta = delta
      self.protects = protects
      self.seeds = seeds
      self.allowed = allowed
    }
  }

  /// Nil where a part has none.
  public let epsilon: Double?
  public let delta: Double
  /// Why.
  public let reason: String
  /// Who is protected, and against which change; nil without a guarantee, or where no part says.
  public let protects: String?
  /// What parts say of their noise, together; nil where one says nothing.
  let seeds: Set<String>?
  /// Rules that parts were allowed to break.
  public let allowed: Set<String>

  /// Merging is post-processing. The ε of a run's module covers all that the run released about an example, so that
  /// parts of one run count once. Runs compose: their ε and δ add up, since a record may be in the data of several. That
  /// their files differ proves nothing: the same rows read with another bound, or a file with one row more, differ too.
  ///
  /// Nothing composes that has its noise in common: who sees two releases with the same noise sees their difference
  /// without any, even where the data share no record. So runs with one seed, or of which nobody knows the seed, have no
  /// guarantee together; nor have guarantees for different units a sum.
  ///
  /// - Parameter areDisjoint: whoever merges states that no record, or person, is in the data of two runs. Runs of different
  ///   data then compose in parallel, and the largest counts; those of the same data add up all the same, and a part whose
  ///   run is unknown is taken to share its data with all.
  public init(_ parts: [Part], areDisjoint: Bool = false) {
    seeds =
      parts.contains { $0.seeds == nil }
      ? nil : parts.reduce(into: []) { $0.formUnion($1.seeds ?? []) }
    allowed = parts.reduce(into: []) { $0.formUnion($1.allowed) }
    let byRun = Dictionary(grouping: parts.indices) { parts[$0].run ?? "part \($0)" }
    if let trouble = Self.trouble(
      of: parts, runs: byRun.values.compactMap { $0.first.map { parts[$0] } })
    {
      epsilon = nil
      delta = parts.map(\.delta).max() ?? 0
      reason = trouble
      protects = nil
      return
    }
    protects = parts.compactMap(\.protects).first
    func largest(_ parts: [Part]) -> (epsilon: Double, delta: Double) {
      (parts.compactMap(\.epsilon).max() ?? 0, parts.map(\.delta).max() ?? 0)
    }
    func sum(_ costs: [(epsilon: Double, delta: Double)]) -> (epsilon: Double, delta: Double) {
      costs.reduce((0, 0)) { ($0.epsilon + $1.epsilon, $0.delta + $1.delta) }
    }
    let runs = byRun.mapValues { $0.map { parts[$0] } }
    let unknown = runs.values.filter { $0.allSatisfy { $0.data == nil } }.map(largest)
    let known = Dictionary(
      grouping: runs.values.filter { $0.contains { $0.data != nil } }
    ) { areDisjoint ? $0.compactMap(\.data).first ?? "" : "" }
    let byData = known.mapValues { sum($0.map(largest)) }
    let apart = (
      epsilon: byData.values.map(\.epsilon).max() ?? 0, delta: byData.values.map(\.delta).max() ?? 0
    )
    let total = sum(unknown + [apart])
    epsilon = total.epsilon
    delta = total.delta
    reason =
      if runs.count == 1 {
        "all parts come from one run, whose epsilon covers them all"
      } else if !areDisjoint {
        "a record may be in the data of several runs, so that their epsilons add up (--disjoint states that none is)"
      } else if !unknown.isEmpty {
        "the store does not know every run, so the parts are taken to share their data and the epsilons add up"
      } else if byData.count == runs.count {
        "the runs' data were stated to share no record: parallel composition, the largest epsilon counts"
      } else {
        "runs on the same data compose, so that their epsilons add up; of data that were stated to share no record the "
          + "largest sum counts"
      }
  }

  /// Why the parts have no guarantee together; nil if they have.
  ///
  /// - Parameter runs: one part of each run.
  private static func trouble(of parts: [Part], runs: [Part]) -> String? {
    if parts.contains(where: { $0.epsilon == nil }) {
      return "a part was trained without privacy, so the merged module has no guarantee"
    }
    if parts.contains(where: { $0.allowed.contains("DP115") }) {
      return
        "a part's scales were read from its private rows (DP115 was allowed), so no epsilon holds"
    }
    if parts.contains(where: { $0.allowed.contains(CheckReport.Finding.withdrawn) }) {
      return
        "the scenario of a part is refused today (`dpflsim runs show` says why), so no epsilon holds"
    }
    guard runs.count > 1 else { return nil }
    let protections = Set(runs.map(\.protects))
    guard protections.count == 1 else {
      let words = protections.map { $0 ?? "not stated" }.sorted().joined(separator: "; ")
      return
        "the parts protect different things (\(words)), whose epsilons have no sum; merge parts of one kind"
    }
    var seen: Set<String> = []
    for run in runs {
      guard let seeds = run.seeds else {
        return
          "a part does not say which seed its noise came from, and runs with the same noise have no guarantee together; "
          + "export its run again"
      }
      if let seed = seeds.sorted().first(where: seen.contains) {
        return
          "two runs drew their noise from seed \(seed), and releases with the same noise have no guarantee together; "
          + "train them with seeds of their own (--seed), or with privacy.randomness \"system\""
      }
      seen.formUnion(seeds)
    }
    return nil
  }
}
