// The chart of how many clusters were looked for, and which number was chosen.

import Analysis
import Clustering
import Federation
import Formatting
import Scenarios

extension ClusteringDiagnostics {
  /// The separation score of every number of clusters that was tried, with what noise alone reaches;
  /// nil if none has a score.
  var chart: ReportChart? {
    let scored = candidates.filter { $0.minSeparationScore.mean != nil }
    guard !scored.isEmpty else { return nil }
    let values = scored.map { candidate -> JSONValue in
      [
        "clusters": .integer(candidate.clusters),
        "score": VegaLite.rounded(candidate.minSeparationScore.mean),
        "lower": VegaLite.rounded(candidate.minSeparationScore.lower),
        "upper": VegaLite.rounded(candidate.minSeparationScore.upper),
        "choice": .string(candidate.chosen > 0 ? "chosen in some seed" : "never chosen"),
        "chosen": .integer(candidate.chosen), "n": .integer(candidate.minSeparationScore.count),
      ]
    }
    let x: JSONValue = [
      "field": "clusters", "type": "ordinal", "title": "number of clusters M",
      "axis": ["labelAngle": 0],
    ]
    let title = "separation score"
    let noise: JSONValue = [
      "score": .number(ClusterCount.noiseScore), "label": "noise alone rarely exceeds this",
    ]
    // Neither a method nor a cluster, so in no colour of theirs.
    let choice: JSONValue = [
      "field": "choice", "type": "nominal", "title": .null,
      "scale": [
        "domain": ["chosen in some seed", "never chosen"], "range": ["circle", "cross"],
      ],
    ]
    return ReportChart(
      id: "candidates",
      caption:
        "Separation score of every number of clusters that was tried, mean over seeds with its "
        + "95 % interval.",
      specification: VegaLite.specification(
        "Separation score by number of clusters", values: values, layout: .single(width: 620),
        body: [
          "width": 420, "height": 220,
          "layer": VegaLite.layers([
            VegaLite.layer(
              ["type": "rule", "color": "#888"],
              ["x": x, "y": VegaLite.number("lower", title, zero: true), "y2": ["field": "upper"]],
              filter: "isValid(datum.lower)",
              isNeeded: scored.contains { $0.minSeparationScore.lower != nil }),
            VegaLite.layer(
              ["type": "point", "filled": true, "size": 110, "opacity": 1, "color": "#888"],
              [
                "shape": choice, "x": x, "y": VegaLite.number("score", title, zero: true),
                "tooltip": VegaLite.tooltip([
                  ("clusters", "clusters"), ("score", "separation"), ("chosen", "chosen in runs"),
                  ("n", "runs"),
                ]),
              ]),
            VegaLite.layer(
              ["type": "rule", "strokeDash": [4, 4], "color": "#888"],
              ["y": VegaLite.number("score", title, zero: true)], values: [noise]),
            VegaLite.layer(
              ["type": "text", "align": "left", "baseline": "bottom", "dy": -3],
              [
                "x": ["value": 4], "y": VegaLite.number("score", title, zero: true),
                "text": ["field": "label"],
              ], values: [noise]),
          ]),
        ]),
      columns: ["M", "separation score", "overlap", "EM iterations", "chosen", "n"],
      rows: candidates.map {
        [
          "\($0.clusters)", Self.interval($0.minSeparationScore, 2),
          NumberText.decimal($0.maxPairwiseOverlap.mean, 4),
          NumberText.decimal($0.emIterations.mean, 1), "\($0.chosen)",
          "\($0.minSeparationScore.count)",
        ]
      })
  }

  private static func interval(_ estimate: SeedEstimate, _ places: Int) -> String {
    guard let lower = estimate.lower, let upper = estimate.upper else {
      return NumberText.decimal(estimate.mean, places)
    }
    return "\(NumberText.decimal(estimate.mean, places)) "
      + "(\(NumberText.decimal(lower, places)) to \(NumberText.decimal(upper, places)))"
  }
}
