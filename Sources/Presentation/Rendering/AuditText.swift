// The answer of `audit`, for people and for programs.

public import Federation
import Formatting
import Privacy
public import Scenarios

extension AuditReport {
  public func lines(colors: Bool) -> [String] {
    var table = TextTable(
      [
        ("clients", .left), ("seen", .left), ("guessed right", .right), ("ε shown", .right),
        ("if Gaussian", .right), ("at most", .right), ("ε claimed", .right), ("", .left),
      ], keys: 2)
    for row in rows {
      let verdict = row.verdict
      table.add([
        TextTable.Cell(name(of: row)), TextTable.Cell(row.surface.rawValue),
        TextTable.Cell("\(verdict.correct) of \(verdict.guesses)"),
        TextTable.Cell(NumberText.lowerBound(verdict.lowerBound), .bold),
        TextTable.Cell(NumberText.lowerBound(verdict.gaussianLowerBound)),
        TextTable.Cell(NumberText.lowerBound(verdict.bestPossible)),
        TextTable.Cell(AuditText.claim(row.claimedEpsilon, allowed: allowedFindings)),
        TextTable.Cell(row.isAlarm ? "refuted" : "holds", row.isAlarm ? .bad : .good),
      ])
    }
    var lines = [summary, ""] + table.lines(colors: colors)
    lines += AllowedText.lines(allowedFindings) + engineLines
    for note in notes { lines += ["", note] }
    lines += [
      "",
      "ε shown: with 95 % confidence ε is at least this, whatever the mechanism; if Gaussian: if the trade-off is a "
        + "Gaussian one; at most: with every guess right. Claims are tested along their whole privacy curve.",
      "seen: steps, every noisy sum with all other records known; updates, what clients sent, likewise; models, the first "
        + "and the last model. A claim that holds is not proved by that: this auditor did not refute it.",
    ]
    return lines
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
            "proven_epsilon": JSONValue(row.provenEpsilon),
            "delta": JSONValue(row.verdict.delta), "refuted": .bool(row.isAlarm),
            "engine": row.engine.map(Self.document) ?? .null,
            "contrasts": .object(
              row.contrasts.reduce(into: [:]) {
                $0[$1.contrast.rawValue] = Self.document($1.test)
              }),
          ]
        }),
      "choices": choices.map(Self.document) ?? .null,
      "unpaid_clients": .array(unpaid.map { .integer($0.client) }),
      "allowed": .array(allowedFindings.map(\.document)),
      "notes": .array(notes.map { .string($0) }),
    ]
  }

  private static func document(_ test: EngineTest) -> JSONValue {
    [
      "canaries": .integer(test.canaries), "correct": .number(Double(test.correct)),
      "rate": JSONValue(test.rate), "p_value": JSONValue(test.pValue),
      "refuted": .bool(test.isRefuted),
    ]
  }

  private static func document(_ test: ChoiceTest) -> JSONValue {
    [
      "choices": .integer(test.choices), "best": .integer(test.best),
      "expected_best": JSONValue(test.expectedBest), "p_value": JSONValue(test.pValue),
      "refuted": .bool(test.isRefuted),
    ]
  }

  /// What was done, in a sentence.
  var summary: String {
    "\(NumberText.grouped(rows.first?.verdict.canaries ?? 0)) canaries (\(plan.kind.rawValue)) in \(scenario), seed "
      + "\(seed), each put in by a fair coin."
  }

  /// What the engine tests came to, in sentences: those of differences for all clients, and where they refute.
  var engineSentences: [String] {
    rows.flatMap { row -> [String] in
      guard let engine = row.engine else { return [] }
      let contrasts = row.contrasts.filter { row.cluster == nil || $0.test.isRefuted }
      return [sentence(engine, row, "the noisy sums")]
        + contrasts.map { sentence($0.test, row, $0.contrast.words) }
    } + unpaidSentences + choiceSentences
  }

  private func sentence(_ test: EngineTest, _ row: Row, _ what: String) -> String {
    "\(name(of: row)): \(test.correct) of \(test.canaries) coins told by \(what); the claim allows "
      + "\(NumberText.percent(test.rate)) of them (p = \(Self.pValue(test.pValue)))"
      + (test.isRefuted ? ": refuted" : "")
  }

  private var choiceSentences: [String] {
    guard let choices else { return [] }
    return [
      "all: \(choices.best) of \(choices.choices) private choices took a model that is best for the client; as random as the "
        + "ledger has them they would be \(NumberText.decimal(choices.expectedBest, 1)) (p = \(Self.pValue(choices.pValue)))"
        + (choices.isRefuted ? ": refuted" : "")
    ]
  }

  private static func pValue(_ value: Double) -> String {
    NumberText.exact((value * 1e4).rounded(.up) / 1e4)
  }

  private var unpaidSentences: [String] {
    guard let first = unpaid.first else { return [] }
    return [
      "\(NumberText.count(unpaid.count, "client")) released more than the ledger says, such as client \(first.client): "
        + "\(first.sums) noisy sums and \(first.choices) choices, of which \(first.countedSums) and "
        + "\(first.countedChoices) are in it: refuted"
    ]
  }

  private var engineLines: [String] {
    let lines = engineSentences.map { "  " + $0 }
    guard !lines.isEmpty else { return [] }
    let premises = [
      rows.contains { $0.engine != nil }
        ? "every canary has noise of its own, as DP-SGD says" : nil,
      choices != nil ? "choices are those of the exponential mechanism" : nil,
    ].compactMap { $0 }
    let heading =
      premises.isEmpty ? "What was released:" : "If \(premises.joined(separator: ", and ")):"
    return ["", heading] + lines
  }
}

extension AuditContrast {
  /// What was looked at, for people.
  fileprivate var words: String {
    switch self {
    case .clients: "differences between two clients' sums"
    case .rounds: "differences between two rounds' sums"
    }
  }
}
