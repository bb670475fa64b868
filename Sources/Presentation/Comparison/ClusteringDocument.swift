// What clustering came to, as JSON.

import Analysis
import Scenarios

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
