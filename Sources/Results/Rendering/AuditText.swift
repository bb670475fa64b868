// The answer of `audit`, for people and for programs.

public import Federation
import Privacy
public import Scenarios

extension AuditReport {
  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("clients", .left), ("seen", .left), ("guessed right", .right), ("ε shown", .right),
      ("if Gaussian", .right), ("at most", .right), ("ε claimed", .right), ("", .left),
    ])
    for row in rows {
      let verdict = row.verdict
      table.add([
        TextTable.Cell(name(of: row)), TextTable.Cell(row.surface.rawValue),
        TextTable.Cell("\(verdict.correct) of \(verdict.guesses)"),
        TextTable.Cell(NumberText.epsilon(verdict.lowerBound), .bold),
        TextTable.Cell(NumberText.epsilon(verdict.gaussianLowerBound)),
        TextTable.Cell(NumberText.epsilon(verdict.bestPossible)),
        TextTable.Cell(NumberText.epsilon(row.claimedEpsilon)),
        TextTable.Cell(row.isAlarm ? "refuted" : "holds", row.isAlarm ? .bad : .good),
      ])
    }
    return [summary, ""] + table.lines(colors: colors) + engineLines + [
      "",
      "ε shown: with 95 % confidence ε is at least this, whatever the mechanism; if Gaussian: if the trade-off is a "
        + "Gaussian one; at most: with every guess right. Claims are tested along their whole privacy curve.",
      "seen: steps, every noisy sum with all other records known; updates, what clients sent; models, the first and the "
        + "last model. A claim that holds is not proved by that: this auditor did not refute it.",
    ]
  }

  public var document: JSONValue {
    [
      "scenario": .string(scenario), "seed": .number(Double(seed)),
      "kind": .string(plan.kind.rawValue), "alarm": .bool(isAlarm), "confidence": 0.95,
      "rows": .array(
        rows.map { row in
          [
            "clients": .string(name(of: row)), "surface": .string(row.surface.rawValue),
            "canaries": .number(Double(row.verdict.canaries)),
            "guesses": .number(Double(row.verdict.guesses)),
            "correct": .number(Double(row.verdict.correct)),
            "lower_bound": JSONValue(row.verdict.lowerBound),
            "gaussian_lower_bound": JSONValue(row.verdict.gaussianLowerBound),
            "best_possible": JSONValue(row.verdict.bestPossible),
            "claimed_epsilon": JSONValue(row.claimedEpsilon),
            "delta": JSONValue(row.verdict.delta), "refuted": .bool(row.isAlarm),
            "engine": row.engine.map { test in
              [
                "correct": .number(Double(test.correct)), "rate": JSONValue(test.rate),
                "p_value": JSONValue(test.pValue), "refuted": .bool(test.isRefuted),
              ]
            } ?? .null,
          ]
        }),
    ]
  }

  /// What was done, in a sentence.
  var summary: String {
    "\(NumberText.grouped(rows.first?.verdict.canaries ?? 0)) canaries (\(plan.kind.rawValue)) in \(scenario), seed "
      + "\(seed), each put in by a fair coin."
  }

  /// What the engine tests came to, in sentences.
  var engineSentences: [String] {
    rows.compactMap { row in
      row.engine.map { test in
        "\(name(of: row)): \(test.correct) of \(test.canaries) coins told by the noisy sums; the claim allows "
          + "\(NumberText.percent(test.rate)) of them (p = \(NumberText.exact((test.pValue * 1e4).rounded(.up) / 1e4)))"
          + (test.isRefuted ? ": refuted" : "")
      }
    }
  }

  private var engineLines: [String] {
    let lines = engineSentences.map { "  " + $0 }
    return lines.isEmpty
      ? [] : ["", "If every canary has noise of its own, as DP-SGD says:"] + lines
  }
}
