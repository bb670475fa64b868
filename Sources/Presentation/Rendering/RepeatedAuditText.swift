// The answer of `audit --runs`, for people and for programs.

public import Federation
import Formatting
import Privacy
public import Scenarios

extension RepeatedAuditReport {
  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("seen", .left), ("recognised", .right), ("false alarms", .right), ("ε shown", .right),
      ("if Gaussian", .right), ("at most", .right), ("ε claimed", .right), ("", .left),
    ])
    for row in rows {
      let verdict = row.verdict
      table.add([
        TextTable.Cell(row.surface.rawValue),
        TextTable.Cell("\(verdict.truePositives) of \(verdict.positives)"),
        TextTable.Cell("\(verdict.falsePositives) of \(verdict.negatives)"),
        TextTable.Cell(NumberText.lowerBound(verdict.lowerBound), .bold),
        TextTable.Cell(NumberText.lowerBound(verdict.gaussianLowerBound)),
        TextTable.Cell(NumberText.lowerBound(verdict.bestPossible)),
        TextTable.Cell(AuditText.claim(row.claimedEpsilon, allowed: allowedFindings)),
        TextTable.Cell(row.isAlarm ? "refuted" : "holds", row.isAlarm ? .bad : .good),
      ])
    }
    var lines = [
      "\(NumberText.grouped(runs)) runs of \(scenario), seeds from \(firstSeed) on, one canary (\(kind.rawValue)) each, put in "
        + "by a fair coin.", "",
    ]
    lines += table.lines(colors: colors) + AllowedText.lines(allowedFindings)
    for note in notes { lines += ["", note] }
    lines += [
      "",
      "Every other run chose the threshold, the rest is judged. ε shown: with 95 % confidence ε is at least this, whatever "
        + "the mechanism (Clopper-Pearson); if Gaussian: if the trade-off is a Gaussian one; at most: with no guess wrong.",
    ]
    return lines
  }

  public var document: JSONValue {
    [
      "scenario": .string(scenario), "first_seed": .number(Double(firstSeed)),
      "runs": .integer(runs), "kind": .string(kind.rawValue), "alarm": .bool(isAlarm),
      "confidence": 0.95,
      "rows": .array(
        rows.map { row in
          let verdict = row.verdict
          return [
            "surface": .string(row.surface.rawValue), "positives": .integer(verdict.positives),
            "true_positives": .integer(verdict.truePositives),
            "negatives": .integer(verdict.negatives),
            "false_positives": .integer(verdict.falsePositives),
            "lower_bound": JSONValue(verdict.lowerBound),
            "gaussian_lower_bound": JSONValue(verdict.gaussianLowerBound),
            "best_possible": JSONValue(verdict.bestPossible),
            "claimed_epsilon": JSONValue(row.claimedEpsilon),
            "proven_epsilon": JSONValue(row.provenEpsilon), "delta": JSONValue(verdict.delta),
            "refuted": .bool(row.isAlarm),
          ]
        }),
      "allowed": .array(allowedFindings.map(\.document)),
      "notes": .array(notes.map { .string($0) }),
    ]
  }
}
