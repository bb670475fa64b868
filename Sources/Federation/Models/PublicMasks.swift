// Masks of sparse adapters from public data: where the gradient of the base model on the public examples is largest
// (SIFT's choice: Song et al., ICML 2024). Clients' data are not looked at, so it costs no privacy.

import Datasets
import Learning
import Scenarios

extension Population {
  /// The adapter tensors that nobody trains, in one vector: from the seed, and masks from the public examples at the
  /// base model. The same for any number of workers.
  func frozenFactors(base: [Float], lanes: LanePool) async throws -> [Float] {
    let drawn = plan.frozenFactors(seed: scenario.seed)
    guard let adapter = plan.adapter as? SparseAdapter, adapter.mask == .computed else {
      return drawn
    }
    let source = publicExamples
    let gradient = try await PublicGradient(source: source, lanes: lanes, parts: 1)
      .sum(at: base, over: Array(0..<source.count))
    return adapter.masks(of: gradient, in: plan, replacing: drawn)
  }
}
