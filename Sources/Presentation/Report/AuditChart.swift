// The chart of an audit: what an attacker could show beside what is claimed.

import Federation
import Formatting
import Privacy
import Scenarios
import Store

extension AuditReport {
  /// The figures of a row that the chart shows, in the order of its legend.
  private static let figures: [(name: String, value: @Sendable (Row) -> Double)] = [
    ("ε shown", { $0.verdict.lowerBound }), ("if Gaussian", { $0.verdict.gaussianLowerBound }),
    ("at most", { $0.verdict.bestPossible }), ("ε claimed", { $0.claimedEpsilon }),
  ]
  /// An upright bar for the claim; no colours, which methods and clusters have.
  private static let marks = ["circle", "diamond", "cross", "M0,-0.9L0,0.9"]

  /// Lower bounds beside the claim, for every cluster, a row of panels for each surface.
  ///
  /// - Parameter id: names the figure in its page.
  func chart(id: String) -> ReportChart {
    let values = rows.flatMap { row in
      Self.figures.map { figure -> JSONValue in
        [
          "clients": .string(name(of: row)), "seen": .string(row.surface.rawValue),
          "figure": .string(figure.name), "epsilon": VegaLite.rounded(figure.value(row)),
          "lower": VegaLite.rounded(row.verdict.lowerBound),
          "guessed": .string("\(row.verdict.correct) of \(row.verdict.guesses)"),
          "verdict": .string(row.isAlarm ? "refuted" : "holds"),
        ]
      }
    }
    var names: [String] = []
    for row in rows where !names.contains(name(of: row)) { names.append(name(of: row)) }
    let y: JSONValue = [
      "field": "clients", "type": "nominal", "title": .null,
      "sort": .array(names.map { .string($0) }),
    ]
    let legend: JSONValue = [
      "field": "figure", "type": "nominal", "title": .null,
      "scale": [
        "domain": .array(Self.figures.map { .string($0.name) }),
        "range": .array(Self.marks.map { .string($0) }),
      ],
    ]
    return ReportChart(
      id: id,
      caption:
        "What an attacker could show of the claimed ε, for all clients and for every true cluster: lower bounds at 95 % "
        + "confidence together, the most that so many canaries can show, and the claim.",
      specification: VegaLite.specification(
        "Lower bounds on epsilon beside the claim, by clients and by what the attacker saw",
        values: values, layout: .balanced(AuditSurface.allCases.count, least: 190, left: 90),
        legend: "bottom",
        body: [
          "facet": [
            "field": "seen", "type": "nominal", "title": .null,
            "sort": .array(AuditSurface.allCases.map { .string($0.rawValue) }),
          ],
          "columns": 3,
          "spec": [
            "width": 200, "height": .integer(26 * names.count),
            "layer": VegaLite.layers([
              VegaLite.layer(
                ["type": "bar", "color": "#888", "opacity": 0.3, "height": 8],
                ["y": y, "x": VegaLite.number("lower", "ε", zero: true)],
                filter: "datum.figure == 'ε shown'"),
              VegaLite.layer(
                [
                  "type": "point", "filled": false, "size": 110, "strokeWidth": 2, "opacity": 1,
                  "color": "#888",
                ],
                [
                  "y": y, "x": VegaLite.number("epsilon", "ε", zero: true), "shape": legend,
                  "tooltip": VegaLite.tooltip([
                    ("clients", "clients"), ("seen", "seen"), ("figure", "figure"),
                    ("epsilon", "ε"), ("guessed", "guessed right"), ("verdict", "claim"),
                  ]),
                ]),
            ]),
          ],
        ]),
      columns: [
        "clients", "seen", "guessed right", "ε shown", "if Gaussian", "at most", "ε claimed",
        "claim",
      ],
      rows: rows.map { row in
        [
          name(of: row), row.surface.rawValue,
          "\(row.verdict.correct) of \(row.verdict.guesses)",
          NumberText.lowerBound(row.verdict.lowerBound),
          NumberText.lowerBound(row.verdict.gaussianLowerBound),
          NumberText.lowerBound(row.verdict.bestPossible),
          AuditText.claim(row.claimedEpsilon, allowed: allowedFindings),
          row.isAlarm ? "refuted" : "holds",
        ]
      })
  }
}

extension ReportPage {
  /// Audits that a page shows: more would be a list of their own, which the store is.
  static let mostAudits = 4

  func auditPart(_ figure: (ReportChart) -> String) -> String {
    var output = HTML.paragraph(
      "An accountant says that ε is at most so much; an audit attacks a run of the scenario with records made for the "
        + "purpose, and says that ε is at least so much. A claim that holds is not proved by that: this attacker did "
        + "not refute it.")
    for (index, audit) in audits.prefix(Self.mostAudits).enumerated() {
      let report = audit.report
      output += HTML.paragraph(
        "\(audit.record.auditID): \(report.summary) \(report.isAlarm ? "The claim is refuted." : "The claim holds.")"
      )
      let allowed = report.allowedFindings.map {
        "Allowed by name, though ε says little then: \($0.sentence)."
      }
      for sentence in allowed + report.notes { output += HTML.paragraph(sentence) }
      if !report.engineSentences.isEmpty { output += HTML.list(report.engineSentences) }
      output += figure(report.chart(id: "audit-\(index)"))
    }
    if audits.count > Self.mostAudits {
      output += HTML.paragraph(
        "\(NumberText.count(audits.count - Self.mostAudits, "older audit")) of these scenarios is in the store's table "
          + "`audits`.")
    }
    return output
  }
}
