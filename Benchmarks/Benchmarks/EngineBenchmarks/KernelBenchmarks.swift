// The kernels of one example, in the shapes of the paper's network.

import Benchmark
import Kernels

/// A buffer of normal numbers.
private func normals(_ count: Int) -> FloatBuffer {
  let buffer = FloatBuffer(count: count)
  var values = [Float](repeating: 0, count: count)
  GaussianNoise.add(
    to: &values, standardDeviation: 1, seed: 1, purpose: .test, round: 0, client: count, step: 0)
  buffer.write(values)
  return buffer
}

/// One convolution with the pooling above it, ready to run.
private struct Layer {
  let geometry: ConvGeometry
  let channels: Int
  let input: FloatBuffer
  let weights: FloatBuffer
  let packed: FloatBuffer
  let output: FloatBuffer
  let pooled: FloatBuffer
  let layout: ImageLayout
  let argmax: IndexBuffer
  let entries: SparseGradient
  let byPosition: PositionGradient

  /// Multiply-adds of the forward pass; the dense weight and input gradients take as many each.
  var products: Int { geometry.positions * geometry.patch * channels }

  init(side: Int, inputs: Int, channels: Int) {
    geometry = ConvGeometry(height: side, width: side, inputChannels: inputs)
    self.channels = channels
    input = normals(geometry.exampleStride)
    weights = normals(channels * geometry.patch)
    packed = FloatBuffer(count: Convolution.packedCount(geometry, channels: channels))
    Convolution.pack(
      geometry, weights: weights, at: 0, bias: nil, at: 0, channels: channels, into: packed)
    output = FloatBuffer(count: geometry.positions * channels)
    layout = ImageLayout(height: side / 2, width: side / 2, channels: channels, padding: 0)
    pooled = FloatBuffer(count: layout.exampleStride)
    argmax = IndexBuffer(count: layout.exampleStride)
    entries = SparseGradient(channels: channels, capacity: layout.height * layout.width)
    byPosition = PositionGradient(positions: geometry.positions, channels: channels)
    forward()
    pool()
    gather()
    byPosition.gather(entries)
  }

  func forward() {
    Convolution.forward(
      geometry, input: input, at: 0, packed: packed, channels: channels, output: output, at: 0,
      outputStride: channels)
  }

  func pool() {
    Pooling.forward(
      input: output, at: 0, height: geometry.height, width: geometry.width, channels: channels,
      stride: channels, output: pooled, at: 0, layout: layout, argmax: argmax, at: 0)
  }

  func gather() {
    entries.gather(
      argmax: argmax, at: 0, gradient: pooled, at: 0, layout: layout, geometry: geometry)
  }
}

func kernelBenchmarks() {
  for (name, layer) in [
    ("conv1", Layer(side: 28, inputs: 1, channels: 16)),
    ("conv2", Layer(side: 14, inputs: 16, channels: 32)),
  ] {
    convolutionBenchmarks(name, layer)
  }
  lowRankBenchmarks(Layer(side: 14, inputs: 16, channels: 32))

  let count = 28_938
  let gradients = normals(count)
  let sum = FloatBuffer(count: count)
  measure("norm of a gradient", .multiplyAdds(count)) {
    blackHole(gradients.squaredNorm(at: 0, count: count))
  }
  measure("clipped sum", .multiplyAdds(count)) {
    sum.addScaled(0.5, gradients, at: 0, to: 0, count: count)
  }
  var noisy = [Float](repeating: 0, count: count)
  var step = 0
  measure("noise, a number", .items(count)) {
    step += 1
    GaussianNoise.add(
      to: &noisy, standardDeviation: 1, seed: 1, purpose: .gradientNoise, round: 0, client: 0,
      step: step)
  }
}

/// The backward kernels are held against the dense arithmetic that they avoid: above 1000 per mille is
/// what the sparsity of max-pooling and ReLU gives.
private func convolutionBenchmarks(_ name: String, _ layer: Layer) {
  let gradient = FloatBuffer(count: layer.channels * layer.geometry.gradientStride)
  let handedDown = FloatBuffer(count: layer.geometry.exampleStride)
  measure("\(name) forward", .multiplyAdds(layer.products)) { layer.forward() }
  measure("\(name) weight gradient", .multiplyAdds(layer.products)) {
    Convolution.weightGradient(
      layer.geometry, input: layer.input, at: 0, entries: layer.entries, into: gradient, at: 0)
  }
  measure("\(name) input gradient", .multiplyAdds(layer.products)) {
    layer.byPosition.gather(layer.entries)
    Convolution.inputGradient(
      layer.geometry, entries: layer.byPosition, weights: layer.weights, at: 0, into: handedDown,
      at: 0)
  }
  let pooled = layer.layout.exampleStride
  measure("\(name) pooling, an output", .items(pooled)) { layer.pool() }
  measure("\(name) gathering, an output", .items(pooled)) { layer.gather() }
}

/// An adapted layer above its cache: rank 4, frozen A.
private func lowRankBenchmarks(_ layer: Layer) {
  let (rank, channels) = (4, layer.channels)
  let stride = channels + rank
  let positions = layer.geometry.positions
  let features = HalfBuffer(count: positions * stride)
  features.round(normals(positions * stride), at: 0, to: 0, count: positions * stride)
  let factor = normals(rank * channels)
  let output = FloatBuffer(count: positions * channels)
  let gradient = FloatBuffer(count: channels * rank)
  measure("LoRA forward", .multiplyAdds(positions * channels * rank)) {
    LowRank.combine(
      positions: positions, features: features, at: 0, stride: stride, channels: channels,
      rank: rank, factor: factor, output: output, at: 0)
  }
  measure("LoRA gradient", .multiplyAdds(positions * channels * rank)) {
    LowRank.factorGradient(
      entries: layer.entries, features: features, at: 0, stride: stride, channels: channels,
      rankStride: rank, scale: 2, into: gradient, at: 0)
  }
}
