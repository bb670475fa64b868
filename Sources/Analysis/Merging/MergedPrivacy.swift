// What guarantee a module has that was merged from several: by whom the parts' data are shared decides whether
// their ε add up.

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

    public init(run: String?, data: String?, epsilon: Double?, delta: Double) {
      self.run = run
      self.data = data
      self.epsilon = epsilon
      self.delta = delta
    }
  }

  /// Nil where a part has none.
  public let epsilon: Double?
  public let delta: Double
  /// Why.
  public let reason: String

  /// Merging is post-processing. The ε of a run's module covers all that the run released about an example, so that
  /// parts of one run count once. Runs compose: their ε and δ add up, since a record may be in the data of several. That
  /// their files differ proves nothing: the same rows read with another bound, or a file with one row more, differ too.
  ///
  /// - Parameter areDisjoint: whoever merges states that no record, or person, is in the data of two runs. Runs of different
  ///   data then compose in parallel, and the largest counts; those of the same data add up all the same, and a part whose
  ///   run is unknown is taken to share its data with all.
  public init(_ parts: [Part], areDisjoint: Bool = false) {
    guard parts.allSatisfy({ $0.epsilon != nil }) else {
      epsilon = nil
      delta = parts.map(\.delta).max() ?? 0
      reason = "a part was trained without privacy, so the merged module has no guarantee"
      return
    }
    func largest(_ parts: [Part]) -> (epsilon: Double, delta: Double) {
      (parts.compactMap(\.epsilon).max() ?? 0, parts.map(\.delta).max() ?? 0)
    }
    func sum(_ costs: [(epsilon: Double, delta: Double)]) -> (epsilon: Double, delta: Double) {
      costs.reduce((0, 0)) { ($0.epsilon + $1.epsilon, $0.delta + $1.delta) }
    }
    let runs = Dictionary(grouping: parts.indices) { parts[$0].run ?? "part \($0)" }
      .mapValues { $0.map { parts[$0] } }
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
}
