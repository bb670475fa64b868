// The step on public examples: what the private step (`PrivateSteps`) is for clients' data, without clip and noise.

import Datasets
import Kernels
import Learning

/// Sums of gradients over public examples, by all lanes.
struct PublicGradient {
  let source: ClientView
  let lanes: LanePool
  /// Parts into which a batch is cut, whatever the number of lanes, so that the order of every sum is fixed.
  var parts = 4

  /// The sum of the examples' gradients at a whole model. No privacy is guaranteed for them.
  ///
  /// - Parameter firstPosition: of a text's first token, among the positions of the model.
  func sum(
    at parameters: [Float], over positions: [Int], firstPosition: Int = 0
  ) async throws -> [Float] {
    let size = (positions.count + parts - 1) / parts
    let batches = stride(from: 0, to: positions.count, by: size).map {
      Array(positions[$0..<min($0 + size, positions.count)])
    }
    let source = source
    let sums = try await lanes.map(batches) { batch, lane in
      try await lane.run { workspace in
        let network = try workspace.whole()
        network.load(trainable: parameters)
        network.firstPosition = firstPosition
        defer { network.firstPosition = 0 }
        var sum = [Float](repeating: 0, count: parameters.count)
        _ = network.addClippedSum(of: source, at: batch, clipping: .none, to: &sum)
        return sum
      }
    }
    guard var total = sums.first else { return [Float](repeating: 0, count: parameters.count) }
    for sum in sums.dropFirst() { for i in total.indices { total[i] += sum[i] } }
    return total
  }
}
