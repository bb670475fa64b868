// A convolution that carries an adapter without kernels of its own: patches are the rows of a linear map, all
// positions of an image together what the tokens of a text are.

import Kernels

extension PooledConvolutionSpec {
  /// The same convolution in terms of patches.
  var patches: PatchGeometry {
    PatchGeometry(
      height: geometry.height, width: geometry.width, channels: geometry.inputChannels,
      kernel: ConvGeometry.kernel, stride: 1)
  }
}

/// A convolution by way of a `LinearHost`, then ReLU and 2×2 max-pooling where the layer has them.
final class HostedConvolutionLayer: Layer {
  private enum Ending {
    case plain
    case rectified
    /// ReLU and max-pooling; how the pooled image lies in the layer above, and which position won.
    case pooled(ImageLayout, IndexBuffer)
  }

  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  private let geometry: PatchGeometry
  private let channels: Int
  private let ending: Ending
  private let host: LinearHost
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  private let target: ImageTarget
  /// Of all examples of a tile; outputs stay until gradients have passed.
  private let patches: FloatBuffer
  private let values: FloatBuffer
  private let gradient: FloatBuffer
  private let patchGradient: FloatBuffer
  private var places: Tile

  convenience init(_ spec: ConvolutionSpec, in context: LayerContext) {
    self.init(
      spec.hosts[0], spec.geometry, ending: spec.isRectified ? .rectified : .plain, in: context)
  }

  convenience init(_ spec: PooledConvolutionSpec, in context: LayerContext) {
    let layout =
      context.outputLayout
      ?? ImageLayout(
        height: spec.geometry.height / 2, width: spec.geometry.width / 2, channels: spec.channels,
        padding: 0)
    let winners = IndexBuffer(count: context.examples * spec.geometry.positions * spec.channels / 4)
    self.init(spec.hosts[0], spec.patches, ending: .pooled(layout, winners), in: context)
  }

  private init(
    _ host: HostSpec, _ geometry: PatchGeometry, ending: Ending, in context: LayerContext
  ) {
    self.geometry = geometry
    self.ending = ending
    channels = host.rows
    let examples = context.examples
    let rows = examples * geometry.positions
    inputStride = geometry.imageCount
    input = FloatBuffer(count: examples * geometry.imageCount)
    inputGradient = FloatBuffer(count: examples * geometry.imageCount)
    output = context.output
    outputGradient = context.outputGradient
    target = ImageTarget(
      context, height: geometry.outputHeight, width: geometry.outputWidth, channels: host.rows)
    self.host = LinearHost(host, rows: rows, in: context)
    patches = FloatBuffer(count: rows * geometry.patch)
    values = FloatBuffer(count: rows * host.rows)
    gradient = FloatBuffer(count: rows * host.rows)
    patchGradient = FloatBuffer(count: rows * geometry.patch)
    places = Tile(examples: examples)
  }

  func load(frozen: FrozenParameters) { host.load(frozen: frozen) }
  func load(trainable: [Float]) { host.load(trainable: trainable) }

  private func view(_ buffer: FloatBuffer, _ width: Int) -> MatrixView {
    MatrixView(buffer, rows: places.rows, columns: width)
  }

  /// Floats of an example's outputs before pooling.
  private var count: Int { geometry.positions * channels }

  func forward(_ tile: Tile) {
    places.clear()
    for i in 0..<tile.count {
      _ = places.add(rows: geometry.positions, limit: .max)
      patches.gatherPatches(
        geometry, of: input, at: i * inputStride, to: i * geometry.positions * geometry.patch)
    }
    host.forward(view(patches, geometry.patch), view(values, channels), tile: places)
    if case .rectified = ending { values.rectify(count: tile.count * count) }
    for i in 0..<tile.count {
      guard case .pooled(let layout, let winners) = ending else {
        target.write(values, at: i * count, example: i)
        continue
      }
      Pooling.forward(
        input: values, at: i * count, height: geometry.height, width: geometry.width,
        channels: channels, stride: channels, output: output, at: i * layout.exampleStride,
        layout: layout, argmax: winners, at: i * count / 4)
    }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    for i in 0..<tile.count {
      guard case .pooled(let layout, let winners) = ending else {
        target.readGradient(into: gradient, at: i * count, example: i)
        continue
      }
      Pooling.backward(
        argmax: winners, at: i * count / 4, gradient: outputGradient, at: i * layout.exampleStride,
        layout: layout, into: gradient, at: i * count, positions: geometry.positions)
    }
    if case .rectified = ending {
      gradient.maskDead(at: 0, where: values, at: 0, count: tile.count * count)
    }
    host.backward(
      view(patches, geometry.patch), gradient: view(gradient, channels),
      inputGradient: needsInputGradient ? view(patchGradient, geometry.patch) : nil, adding: false,
      tile: places)
    guard needsInputGradient else { return }
    for i in 0..<tile.count {
      inputGradient.clear(at: i * inputStride, count: inputStride)
      inputGradient.scatterPatches(
        geometry, from: patchGradient, at: i * geometry.positions * geometry.patch,
        to: i * inputStride)
    }
  }

  func squaredNorm(of example: Int) -> Double { host.squaredNorm(of: example) }

  var hasSharedSum: Bool { host.hasSharedSum }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    host.accumulate(places, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) { host.drainSum(into: &total) }
}
