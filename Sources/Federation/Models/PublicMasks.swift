// Masks of sparse adapters: where the gradient of the base model is largest (SIFT's choice: Song et al., ICML 2024). On public
// examples it costs no privacy; on the clients' own it is a release (`PrivateMasks.swift`).

import Datasets
import Learning
import Scenarios

extension Population {
  /// The adapter tensors that nobody trains, in one vector: from the seed, and masks from gradients at the base model. The
  /// same for any number of workers.
  ///
  /// - Parameter noise: of every client's training, where clients choose the mask; nil where public examples do.
  func frozenFactors(base: [Float], noise: [Double?]?, lanes: LanePool) async throws -> [Float] {
    let drawn = plan.frozenFactors(seed: scenario.seed)
    guard let adapter = plan.adapter as? SparseAdapter, adapter.mask == .computed else {
      return drawn
    }
    if let noise {
      return adapter.masks(
        of: try await maskGradient(base: base, noise: noise, lanes: lanes), in: plan,
        replacing: drawn)
    }
    let source = publicExamples
    let gradient = try await PublicGradient(source: source, lanes: lanes, parts: 1)
      .sum(at: base, over: Array(0..<source.count))
    return adapter.masks(of: gradient, in: plan, replacing: drawn)
  }
}
