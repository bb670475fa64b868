// What clustering came to, as JSON.

import Analysis
import Formatting
import Scenarios

extension FoundGroups {
  /// What a terminal says of them.
  var sentences: [String] {
    let shown = groups.prefix(8).map { "\(names($0)) (\(frequency($0)) seeds)" }
    return [
      "Put together, without known clusters to compare with: \(shown.joined(separator: "; "))"
        + (groups.count > shown.count ? " and \(groups.count - shown.count) rarer groups." : ".")
    ] + [caution].compactMap { $0 }
  }

  /// As the JSON document of a comparison holds them.
  var document: JSONValue {
    [
      "runs": .integer(runs), "unsure": .integer(unsure),
      "groups": .array(
        groups.map {
          [
            "clients": .array($0.clients.map { .integer($0) }),
            "seeds": .array($0.seeds.map { .integer(Int(clamping: $0)) }),
          ]
        }),
    ]
  }
}

extension ClusteringDiagnostics {
  /// As the JSON document of a comparison holds them.
  var document: JSONValue {
    [
      "runs": .integer(runs),
      "detection": detections.of == 0
        ? .null : ["found": .integer(detections.found), "of": .integer(detections.of)],
      "ari": ari.document, "nmi": nmi.document, "purity": purity.document,
      "switch_round": switchRounds.map {
        ["first": .integer($0.lowerBound), "last": .integer($0.upperBound)]
      } ?? .null,
      "candidates": .array(
        candidates.map {
          [
            "clusters": .integer($0.clusters), "chosen": .integer($0.chosen),
            "mss": $0.minSeparationScore.document, "mpo": $0.maxPairwiseOverlap.document,
            "em_iterations": $0.emIterations.document,
          ]
        }),
      "misassigned_clients": .array(
        misassigned.map {
          [
            "client": .integer($0.client), "cluster": .string($0.cluster),
            "seeds": .array($0.seeds.map { .integer(Int(clamping: $0)) }),
          ]
        }),
    ]
  }
}
