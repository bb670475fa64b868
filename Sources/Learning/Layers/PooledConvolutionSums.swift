// Norms and clipped sums of the gradients that the convolution has formed.

import Kernels

extension PooledConvolutionLayer {
  func squaredNorm(of example: Int) -> Double {
    exampleGradients.squaredNorm(at: example * gradientCount, count: gradientCount)
  }

  var hasSharedSum: Bool { true }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    guard isTrained else { return }
    for i in 0..<tile.count where coefficients[i] != 0 {
      sum.addScaled(
        coefficients[i], exampleGradients, at: i * gradientCount, to: 0, count: gradientCount)
    }
  }

  func drainSum(into total: inout [Float]) {
    switch parameters.mode {
    case .frozen, .adapted: return
    case .full:
      guard let weight = parameters.weight, let bias = parameters.bias else { return }
      drainPatches(rows: channels, from: 0, into: &total, at: weight.offset)
      for channel in 0..<channels {
        total[bias.offset + channel] += sum[channels * geometry.gradientStride + channel]
      }
    case .lowRank:
      if let slotB = parameters.slotB {
        sum.addRows(
          channels, columns: parameters.rank, stride: parameters.rankStride, to: &total,
          at: slotB.offset)
      }
      if let slotA = parameters.slotA {
        drainPatches(
          rows: parameters.rank, from: channels * parameters.rankStride, into: &total,
          at: slotA.offset)
      }
    }
    sum.clear()
  }

  /// Adds weight gradients, whose runs are padded to whole vectors, to a dense matrix.
  private func drainPatches(rows: Int, from start: Int, into total: inout [Float], at offset: Int) {
    sum.addRows(
      rows * ConvGeometry.kernel, columns: geometry.run, stride: geometry.runStride, from: start,
      to: &total, at: offset)
  }
}
