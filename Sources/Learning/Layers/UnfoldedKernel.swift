// What a convolution says of itself as the matrix of its unfolded weights, whatever its kernel.

import Kernels

/// Weights `[out][row][column][in]` as a matrix with a row for each output channel.
struct UnfoldedKernel {
  let name: String
  /// Output channels.
  let channels: Int
  /// Side of the kernel.
  let size: Int
  let inputChannels: Int
  /// Outputs of a channel.
  let positions: Int

  private var patch: Int { size * size * inputChannels }

  var tensors: [TensorSpec] {
    let start = TensorSpec.Start.uniform(fanIn: patch)
    return [
      TensorSpec("\(name).weight", rows: channels, columns: patch, start: start),
      TensorSpec("\(name).bias", rows: channels, start: start, role: .bias),
    ]
  }

  var host: HostSpec {
    HostSpec(
      name, rows: channels, columns: patch, order: .kernel(size: size, channels: inputChannels))
  }

  var work: LayerWork {
    let outputs = channels * positions
    return LayerWork(operations: 2 * patch * outputs, outputs: outputs)
  }
}
