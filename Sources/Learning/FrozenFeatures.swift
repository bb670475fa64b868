// What the frozen layers make of an example, computed once: everything below the first trained layer,
// and the frozen product of an adapted convolution.

import Kernels

/// The frozen part of the forward pass for all examples of a source; immutable, any lane may read it.
public struct FrozenFeatures: Sendable {
  enum Content: Sendable {
    /// The input of the first trained layer.
    case inputs(Constant<FloatBuffer>)
    /// The frozen product and projections of an adapted convolution.
    case convolutions(Constant<HalfBuffer>)
    /// The frozen product and projections of an adapted dense layer.
    case products(Constant<FloatBuffer>)
  }
  let content: Content
  let stride: Int
  /// Memory that the features take.
  public let bytes: Int

  /// Whether the first trained layer finds its own product here, and not its input alone.
  var holdsProducts: Bool {
    if case .inputs = content { false } else { true }
  }

  /// Hands the features of a tile to the first trained layer.
  func place(_ positions: ArraySlice<Int>, into layer: any Layer) {
    switch content {
    case .convolutions(let memory):
      guard let convolution = layer as? ConvolutionLayer else { return }
      convolution.featureSource = memory.buffer
      for (i, position) in positions.enumerated() {
        convolution.featureOffsets[i] = position * stride
      }
    case .products(let memory):
      guard let dense = layer as? DenseLayer else { return }
      copy(positions, from: memory.buffer, to: dense.product)
    case .inputs(let memory):
      copy(positions, from: memory.buffer, to: layer.input)
    }
  }

  private func copy(_ positions: ArraySlice<Int>, from memory: FloatBuffer, to buffer: FloatBuffer)
  {
    for (i, position) in positions.enumerated() {
      buffer.copy(stride, from: memory, at: position * stride, to: i * stride)
    }
  }
}

extension Network {
  /// Computes once what the frozen layers make of every example; nil where that would save nothing.
  ///
  /// Training with the features gives the same bits as without: they are the very numbers that the
  /// forward pass would compute.
  public func frozenFeatures<Source: ExampleSource>(of source: Source) -> FrozenFeatures? {
    guard let shape = plan.featureShape else { return nil }
    let first = plan.firstTrained
    let stride = shape.stride
    let content: FrozenFeatures.Content
    if shape.isProduct, let dense = layers[first] as? DenseLayer {
      let memory = Constant(FloatBuffer(count: source.count * stride)) { memory in
        forEachTile(of: source, upTo: first) { start, count in
          dense.computeProduct(count: count)
          memory.copy(count * stride, from: dense.product, at: 0, to: start * stride)
        }
      }
      content = .products(memory)
    } else if shape.isProduct, let convolution = layers[first] as? ConvolutionLayer {
      let memory = Constant(HalfBuffer(count: source.count * stride)) { memory in
        forEachTile(of: source, upTo: first) { start, count in
          convolution.computeFeatures(count: count)
          memory.copy(count * stride, from: convolution.features, at: 0, to: start * stride)
        }
      }
      content = .convolutions(memory)
    } else {
      let memory = Constant(FloatBuffer(count: source.count * stride)) { memory in
        forEachTile(of: source, upTo: first) { start, count in
          memory.copy(count * stride, from: layers[first].input, at: 0, to: start * stride)
        }
      }
      content = .inputs(memory)
    }
    return FrozenFeatures(
      content: content, stride: stride, bytes: source.count * plan.featureBytesPerExample)
  }

  private func forEachTile<Source: ExampleSource>(
    of source: Source, upTo first: Int, _ body: (_ start: Int, _ count: Int) -> Void
  ) {
    var start = 0
    while start < source.count {
      let end = min(start + tile, source.count)
      let positions = Array(start..<end)
      stage(source, at: positions[...])
      for layer in layers[..<first] { layer.forward(count: end - start) }
      body(start, end - start)
      start = end
    }
  }
}

extension TrainingPlan {
  /// What a cache of frozen features would hold per example, and how many numbers.
  var featureShape: (isProduct: Bool, stride: Int)? {
    let first = firstTrained
    switch (architecture.layers[first], modes[first]) {
    case (.convolution(_, let geometry, let channels), .lowRank(let rank, _, trained: .b)):
      return (true, geometry.positions * (channels + LayerMode.rankStride(rank)))
    case (.dense(_, _, let outputs, _), .lowRank(let rank, _, trained: .b)):
      return (true, outputs + LayerMode.rankStride(rank))
    case (.convolution(_, let geometry, _), _) where first > 0:
      return (false, geometry.exampleStride)
    case (.dense(_, let inputs, _, _), _) where first > 0:
      return (false, inputs)
    default:
      return nil
    }
  }

  /// Whether W x and A x of layer `index` are the same in every round: nothing up to there is trained but B.
  func hasFrozenProduct(_ index: Int) -> Bool {
    if case .lowRank(_, _, trained: .b) = modes[index] { return index == firstTrained }
    return index < firstTrained
  }

  /// Bytes that the frozen features of one example take; 0 where nothing is frozen below the first
  /// trained layer.
  public var featureBytesPerExample: Int {
    guard let shape = featureShape else { return 0 }
    if case .convolution = architecture.layers[firstTrained], shape.isProduct {
      return shape.stride * MemoryLayout<Float16>.stride
    }
    return shape.stride * MemoryLayout<Float>.stride
  }
}
