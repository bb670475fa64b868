// What a reader of an audit's figures must know before taking them for a result: which of them could show nothing, and
// against what claims were tested.

import Federation
import Formatting
import Privacy

extension AuditReport {
  /// Sentences; none where the figures speak for themselves.
  var notes: [String] {
    guard let row = rows.first else { return [] }
    return reachNotes(row) + claimNotes(row)
  }

  /// Of all clients' canaries: a cluster has fewer of them and the same δ.
  private func reachNotes(_ row: Row) -> [String] {
    let verdict = row.verdict
    let reach = AuditReach(
      canaries: verdict.canaries, delta: verdict.delta, significance: Self.rowSignificance())
    let canaries =
      verdict.canaries == 1 ? "1 canary" : "\(NumberText.grouped(verdict.canaries)) canaries"
    let delta = "δ = \(NumberText.exact(verdict.delta))"
    guard reach.isLimitedByDelta else {
      return reach.bestPossible > 0
        ? []
        : [
          "At most is 0: even if every guess were right, \(canaries) would show nothing by the bound for every mechanism; "
            + "ask for more with --canaries."
        ]
    }
    let way =
      "Set a smaller privacy.target_delta"
      + (reach.sufficientDelta.map { " (\(NumberText.exact($0)) is small enough)" } ?? "")
    guard let best = reach.bestCanaries else {
      return [
        "At most is 0, whatever the run released: at \(delta) no number of canaries shows anything by the bound for every "
          + "mechanism, under which each of them may be given away with probability δ. \(way); the column \"if Gaussian\" "
          + "and the tests of the claim do without it."
      ]
    }
    let fewer =
      best < verdict.canaries
      ? ", or ask for fewer canaries (\(NumberText.grouped(best)) reach "
        + "\(NumberText.lowerBound(reach.furthest)))" : ""
    return [
      "At most is \(NumberText.lowerBound(reach.bestPossible)) where a negligible δ would leave "
        + "\(NumberText.lowerBound(reach.withoutDelta)): \(canaries) times \(delta) are "
        + "\(NumberText.decimal(Double(verdict.canaries) * verdict.delta, 3)). \(way)\(fewer)."
    ]
  }

  private func claimNotes(_ row: Row) -> [String] {
    guard let proven = row.provenEpsilon,
      NumberText.epsilon(proven) != NumberText.epsilon(row.claimedEpsilon)
    else { return [] }
    return [AuditText.sharperClaim(proven)]
  }
}

extension RepeatedAuditReport {
  /// The same of many runs.
  var notes: [String] {
    guard let row = rows.first else { return [] }
    var sentences: [String] = []
    if row.verdict.bestPossible <= 0 {
      sentences.append(
        "At most is 0: so few runs would show nothing even if no guess were wrong; ask for more with --runs."
      )
    }
    if NumberText.epsilon(row.provenEpsilon) != NumberText.epsilon(row.claimedEpsilon) {
      sentences.append(AuditText.sharperClaim(row.provenEpsilon))
    }
    return sentences
  }
}

enum AuditText {
  /// Where the scenario's accountant states more than its ledgers prove.
  static func sharperClaim(_ proven: Double) -> String {
    "ε claimed is what the scenario's accountant states; by another one the same ledgers prove "
      + "\(NumberText.epsilon(proven)), and what refutes that refutes the ledgers on which both rest."
  }

  /// A claimed ε in a table, marked where it says little.
  static func claim(_ epsilon: Double, allowed findings: [CheckReport.Finding]) -> String {
    NumberText.epsilon(epsilon) + (findings.isEmpty ? "" : AllowedText.mark)
  }
}
