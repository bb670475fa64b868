// E8 of `dpflsim lab lora-noise`: how the cost of a secret projection depends on rank, batch and the gradient's own rank.

import Kernels
import Scenarios

extension NoiseLaboratory {
  func sketches(_ report: inout LabReport) throws {
    var table = LabTable(
      "e8-sketch",
      "E8: Rényi divergence of order 4 of G Aᵀ with a secret A, rows 32, columns 512, medians of 9",
      ["row rank of G", "examples", "rank", "divergence"])
    var medians: [Int: Double] = [:]
    var deficient = true
    for (span, examples) in [(32, 64), (32, 256), (32, 1024), (31, 1024)] {
      var draws: [Double] = []
      for draw in 0..<9 {
        var stream = RandomStream(
          seed: settings.seed, purpose: .test, round: examples, client: 8 + span, step: draw)
        let pair = SketchRelease.neighbours(
          rows: 32, columns: 512, examples: examples, span: span, using: &stream)
        draws.append(
          try SketchRelease.renyi(of: pair.gradient, beside: pair.without, rank: 1, order: 4))
      }
      let median = draws.sorted()[4]
      if span < 32 {
        deficient = draws.allSatisfy { $0.isInfinite }
      } else {
        medians[examples] = median
      }
      for rank in [1, 4, 16, 64] {
        table.add([
          .integer(span), .integer(examples), .integer(rank),
          median.isFinite ? .figure(Double(rank) * median) : .string("infinite"),
        ])
      }
    }
    report.tables.append(table)
    let ratio = (medians[256] ?? 0) / (medians[1024] ?? 1)
    report.findings.append(
      LabFinding(
        "E8",
        "it is proportional to the rank, falls about like the square of the batch, and is infinite for small batches "
          + "or a gradient without full row rank",
        measured:
          "64 examples: \(medians[64] == .infinity ? "infinite" : "finite"); 256 over 1024: "
          + "\(short(ratio)); without full rank: \(deficient ? "infinite" : "finite")",
        holds: medians[64] == .infinity && deficient && ratio > 6 && ratio < 30))
  }
}
