// A 5×5 convolution with ReLU and max-pooling: whole, frozen, or with low-rank factors on its unfolded
// weight matrix. Gradients of single examples are formed (they are small), measured, and summed.

import Kernels

final class PooledConvolutionLayer: ProductCaching {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  let inputLayout: ImageLayout?
  /// One image without padding, as a source writes it.
  private let staging: FloatBuffer
  let geometry: ConvGeometry
  /// Where the pooled activations go (the next layer's input) and how they lie there.
  let output: FloatBuffer
  let outputGradient: FloatBuffer
  let outputLayout: ImageLayout

  /// With factors: per example and position the frozen product W x + b, then the projections A·x.
  private let features: HalfBuffer
  private let featureRow: Int
  /// Where the features of the tile's examples are: the layer's own buffer, or a cache.
  private var featureSource: HalfBuffer
  private var featureOffsets: [Int]

  let channels: Int
  let parameters: LayerParameters

  /// [W; A] row by row, surplus rows zero, and the same packed for the forward kernel.
  private let weights: FloatBuffer
  private let bias: FloatBuffer
  private let packed: FloatBuffer
  /// s·Bᵀ, `rank × channels`.
  private let factorB: FloatBuffer
  /// One example's result of the convolution, and with factors the result plus the low-rank term.
  private let product: FloatBuffer
  /// The tile's features in single precision, where A is trained.
  private let exactFeatures: FloatBuffer
  private let combined: FloatBuffer
  private let argmax: IndexBuffer
  private let entries: SparseGradient
  private let projectionEntries: SparseGradient
  /// The same entries by position, where a gradient is handed down.
  private let entriesByPosition: PositionGradient
  private let projectionsByPosition: PositionGradient
  private let projectionGradient: FloatBuffer
  let exampleGradients: FloatBuffer
  let gradientCount: Int
  let sum: FloatBuffer

  private var featureStride: Int { geometry.positions * featureRow }
  private var pooledCount: Int { outputLayout.height * outputLayout.width * channels }

  init(_ spec: PooledConvolutionSpec, in context: LayerContext) {
    let (geometry, channels, tile) = (spec.geometry, spec.channels, context.examples)
    self.geometry = geometry
    self.channels = channels
    output = context.output
    outputGradient = context.outputGradient
    outputLayout =
      context.outputLayout
      ?? ImageLayout(
        height: geometry.height / 2, width: geometry.width / 2, channels: channels, padding: 0)
    parameters = LayerParameters(host: spec.name, of: context.plan)
    staging = FloatBuffer(
      count: context.index == 0 ? geometry.positions * geometry.inputChannels : 0)
    inputLayout = ImageLayout(
      height: geometry.height, width: geometry.width, channels: geometry.inputChannels,
      padding: ConvGeometry.padding)
    inputStride = geometry.exampleStride
    // One run beyond the last patch may be read (never used) by the vector loads.
    input = FloatBuffer(count: tile * geometry.exampleStride)
    inputGradient = FloatBuffer(count: tile * geometry.exampleStride)
    featureRow = channels + parameters.rankStride
    let featureStride = geometry.positions * featureRow
    features = HalfBuffer(
      count: parameters.rankStride > 0 && parameters.slotA == nil ? tile * featureStride : 0)
    exactFeatures = FloatBuffer(count: parameters.slotA != nil ? tile * featureStride : 0)
    featureSource = features
    featureOffsets = (0..<tile).map { $0 * featureStride }
    weights = FloatBuffer(count: (channels + parameters.rankStride) * geometry.patch)
    bias = FloatBuffer(count: channels)
    packed = FloatBuffer(
      count: Convolution.packedCount(geometry, channels: channels + parameters.rankStride))
    factorB = FloatBuffer(count: parameters.rankStride * channels)
    product = FloatBuffer(count: featureStride)
    combined = FloatBuffer(count: parameters.rank > 0 ? geometry.positions * channels : 0)
    let pooled = outputLayout.height * outputLayout.width
    argmax = IndexBuffer(count: tile * pooled * channels)
    entries = SparseGradient(channels: channels, capacity: pooled)
    let trainsA = parameters.slotA != nil
    projectionEntries = SparseGradient(
      channels: max(parameters.rankStride, 1),
      capacity: parameters.rank > 0 ? geometry.positions : 0)
    // Only a layer above a trained one hands a gradient down.
    let handsDown = context.handsDown
    entriesByPosition = PositionGradient(
      positions: handsDown ? geometry.positions : 0, channels: channels)
    projectionsByPosition = PositionGradient(
      positions: handsDown && parameters.rank > 0 ? geometry.positions : 0,
      channels: max(parameters.rankStride, 1))
    projectionGradient = FloatBuffer(count: geometry.positions * parameters.rankStride)
    switch parameters.mode {
    case .frozen, .adapted: gradientCount = 0
    case .full: gradientCount = channels * geometry.gradientStride + channels
    case .lowRank:
      gradientCount =
        channels * parameters.rankStride
        + (trainsA ? parameters.rankStride * geometry.gradientStride : 0)
    }
    exampleGradients = FloatBuffer(count: tile * gradientCount)
    sum = context.workspace.sum(count: gradientCount)
  }

  var isTrained: Bool { parameters.mode != .frozen }

  func load(frozen: FrozenParameters) {
    weights.write(frozen.base, in: parameters.baseWeight.range)
    bias.write(frozen.base, in: parameters.baseBias.range)
    if let frozenA = parameters.frozenA {
      weights.write(frozen.factors, in: frozenA.range, at: channels * geometry.patch)
    }
    if let frozenB = parameters.frozenB { load(factorB: frozenB, of: frozen.factors) }
    packWeights()
  }

  private func load(factorB slot: ParameterSlot, of values: [Float]) {
    for channel in 0..<channels {
      for k in 0..<parameters.rank {
        factorB[k * channels + channel] =
          parameters.scale * values[slot.offset + channel * parameters.rank + k]
      }
    }
  }

  func load(trainable: [Float]) {
    if let weight = parameters.weight { weights.write(trainable, in: weight.range) }
    if let slot = parameters.bias { bias.write(trainable, in: slot.range) }
    if let slotA = parameters.slotA {
      weights.write(trainable, in: slotA.range, at: channels * geometry.patch)
    }
    if parameters.weight != nil || parameters.slotA != nil { packWeights() }
    if let slotB = parameters.slotB { load(factorB: slotB, of: trainable) }
  }

  private func packWeights() {
    Convolution.pack(
      geometry, weights: weights, at: 0, bias: bias, at: 0, channels: channels, into: packed)
    if parameters.rankStride > 0 {
      Convolution.pack(
        geometry, weights: weights, at: channels * geometry.patch, bias: nil, at: 0,
        channels: parameters.rankStride, into: packed, firstChannel: channels)
    }
  }

  func stage<Source: ExampleSource>(
    _ source: Source, at position: Int, as index: Int, of tile: Tile
  ) {
    guard let layout = inputLayout else { return }
    staging.withMutableSpan(at: 0, count: staging.count) { source.write(position, into: &$0) }
    let row = layout.width * layout.channels
    for y in 0..<layout.height {
      input.copy(
        row, from: staging, at: y * row,
        to: index * inputStride + layout.origin + y * layout.rowStride)
    }
  }

  func forward(_ tile: Tile) {
    let count = tile.count
    if parameters.slotA != nil {
      for i in 0..<count {
        convolve(example: i, into: exactFeatures, at: i * featureStride)
        LowRank.combine(
          positions: geometry.positions, features: exactFeatures, at: i * featureStride,
          stride: featureRow, channels: channels, rank: parameters.rank, factor: factorB,
          output: combined,
          at: 0)
        pool(combined, stride: channels, example: i)
      }
    } else if parameters.rank > 0 {
      computeProduct(tile)
      finish(tile)
    } else {
      for i in 0..<count {
        convolve(example: i, into: product, at: 0)
        pool(product, stride: featureRow, example: i)
      }
    }
  }

  /// The part of the forward pass that frozen weights decide: W x + b and A x.
  func computeProduct(_ tile: Tile) {
    featureSource = features
    for i in 0..<tile.count {
      featureOffsets[i] = i * featureStride
      convolve(example: i, into: product, at: 0)
      features.round(product, at: 0, to: i * featureStride, count: featureStride)
    }
  }

  func storeProduct(_ tile: Tile, into memory: FeatureMemory, row: Int) {
    memory.store(features, count: tile.count * featureStride, at: row * featureStride)
  }

  /// The cache is read where it is.
  func placeProduct(from memory: FeatureMemory, row: Int, as index: Int, of tile: Tile) {
    guard case .half(let cache) = memory else {
      preconditionFailure("features of a convolution are kept in half precision")
    }
    featureSource = cache
    featureOffsets[index] = row * featureStride
  }

  /// The rest of the forward pass: the low-rank term, ReLU and pooling.
  func finish(_ tile: Tile) {
    for i in 0..<tile.count {
      LowRank.combine(
        positions: geometry.positions, features: featureSource, at: featureOffsets[i],
        stride: featureRow, channels: channels, rank: parameters.rank, factor: factorB,
        output: combined,
        at: 0)
      pool(combined, stride: channels, example: i)
    }
  }

  private func convolve(example: Int, into target: FloatBuffer, at offset: Int) {
    Convolution.forward(
      geometry, input: input, at: example * inputStride, packed: packed, channels: featureRow,
      output: target, at: offset, outputStride: featureRow)
  }

  private func pool(_ z: FloatBuffer, stride: Int, example: Int) {
    Pooling.forward(
      input: z, at: 0, height: geometry.height, width: geometry.width, channels: channels,
      stride: stride, output: output, at: example * outputLayout.exampleStride,
      layout: outputLayout, argmax: argmax, at: example * pooledCount)
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    for i in 0..<tile.count {
      entries.gather(
        argmax: argmax, at: i * pooledCount, gradient: outputGradient,
        at: i * outputLayout.exampleStride, layout: outputLayout, geometry: geometry)
      let place = i * gradientCount
      let projects = parameters.rank > 0 && (parameters.slotA != nil || needsInputGradient)
      if projects {
        LowRank.projectionGradient(
          entries: entries, positions: geometry.positions, rank: parameters.rank,
          rankStride: parameters.rankStride,
          factor: factorB, into: projectionGradient, at: 0)
        projectionEntries.gatherDense(gradient: projectionGradient, at: 0, geometry: geometry)
      }
      switch parameters.mode {
      case .frozen, .adapted: break
      case .full:
        Convolution.weightGradient(
          geometry, input: input, at: i * inputStride, entries: entries, into: exampleGradients,
          at: place)
        let biasPlace = place + channels * geometry.gradientStride
        for channel in 0..<channels {
          exampleGradients[biasPlace + channel] = entries.sum(ofChannel: channel)
        }
      case .lowRank:
        if parameters.slotA == nil {
          LowRank.factorGradient(
            entries: entries, features: featureSource, at: featureOffsets[i], stride: featureRow,
            channels: channels, rankStride: parameters.rankStride, scale: parameters.scale,
            into: exampleGradients,
            at: place)
        } else {
          // Where B is frozen its place stays zero, and so counts for nothing.
          if parameters.slotB != nil {
            LowRank.factorGradient(
              entries: entries, features: exactFeatures, at: i * featureStride, stride: featureRow,
              channels: channels, rankStride: parameters.rankStride, scale: parameters.scale,
              into: exampleGradients,
              at: place)
          }
          Convolution.weightGradient(
            geometry, input: input, at: i * inputStride, entries: projectionEntries,
            into: exampleGradients, at: place + channels * parameters.rankStride)
        }
      }
      if needsInputGradient {
        inputGradient.clear(at: i * inputStride, count: inputStride)
        entriesByPosition.gather(entries)
        Convolution.inputGradient(
          geometry, entries: entriesByPosition, weights: weights, at: 0, into: inputGradient,
          at: i * inputStride)
        if projects {
          projectionsByPosition.gather(projectionEntries)
          Convolution.inputGradient(
            geometry, entries: projectionsByPosition, weights: weights,
            at: channels * geometry.patch, into: inputGradient, at: i * inputStride)
        }
      }
    }
  }
}
