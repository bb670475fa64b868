// What the frozen layers make of an example, computed once: everything below the first trained layer, and
// where it can the frozen product of that layer.

public import Kernels

/// Memory of a cache, in single or half precision.
public enum FeatureMemory {
  case single(FloatBuffer)
  case half(HalfBuffer)

  func store(_ source: FloatBuffer, count: Int, at offset: Int) {
    guard case .single(let memory) = self else { preconditionFailure("kept in half precision") }
    memory.copy(count, from: source, at: 0, to: offset)
  }

  func store(_ source: HalfBuffer, count: Int, at offset: Int) {
    guard case .half(let memory) = self else { preconditionFailure("kept in single precision") }
    memory.copy(count, from: source, at: 0, to: offset)
  }

  func load(_ target: FloatBuffer, count: Int, at offset: Int, to place: Int) {
    guard case .single(let memory) = self else { preconditionFailure("kept in half precision") }
    target.copy(count, from: memory, at: offset, to: place)
  }

  func write(bytes: RawSpan) {
    switch self {
    case .single(let memory): memory.write(bytes: bytes)
    case .half(let memory): memory.write(bytes: bytes)
    }
  }
}

/// The frozen part of the forward pass for all examples of a source; immutable, any worker may read it.
public struct FrozenFeatures: Sendable {
  private enum Content: Sendable {
    case single(Constant<FloatBuffer>)
    case half(Constant<HalfBuffer>)
  }
  private let content: Content
  private let shape: FeatureShape
  /// The layer that takes them.
  let first: Int
  /// Where each example's rows begin; nil where all have one.
  private let starts: [Int32]?
  /// Memory that the features take.
  public var bytes: Int { rows * shape.bytes }
  private let rows: Int

  /// Whether the first trained layer finds its own product here, and not its input alone.
  var holdsProducts: Bool { shape.content != .input }

  /// Whether a network of the same architecture reads them as they lie: what carries an adapter may lay its input out in
  /// another way than the same layer without one.
  public func fit(_ network: Network) -> Bool { network.plan.featureShape(of: first) == shape }

  /// - Parameter fill: writes all rows.
  init(
    _ shape: FeatureShape, first: Int, starts: [Int32]?, rows: Int, fill: (FeatureMemory) -> Void
  ) {
    self.shape = shape
    self.first = first
    self.starts = starts
    self.rows = rows
    if shape.content == .product(halfPrecision: true) {
      content = .half(Constant(HalfBuffer(count: rows * shape.stride)) { fill(.half($0)) })
    } else {
      content = .single(Constant(FloatBuffer(count: rows * shape.stride)) { fill(.single($0)) })
    }
  }

  /// All numbers as bytes, to be kept for `Network.frozenFeatures(of:bytes:)`.
  public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    switch content {
    case .single(let memory): memory.buffer.withBytes(body)
    case .half(let memory): memory.buffer.withBytes(body)
    }
  }

  /// Hands the features of a tile to the first trained layer.
  func place(_ positions: ArraySlice<Int>, of tile: Tile, into layer: any Layer) {
    let memory: FeatureMemory =
      switch content {
      case .single(let memory): .single(memory.buffer)
      case .half(let memory): .half(memory.buffer)
      }
    let caching = holdsProducts ? layer as? any ProductCaching : nil
    for (i, position) in positions.enumerated() {
      let row = starts.map { Int($0[position]) } ?? position
      if let caching {
        caching.placeProduct(from: memory, row: row, as: i, of: tile)
      } else {
        let own = starts == nil ? i..<i + 1 : tile.rows(of: i)
        memory.load(
          layer.input, count: own.count * shape.stride, at: row * shape.stride,
          to: own.lowerBound * shape.stride)
      }
    }
  }
}

extension Network {
  /// Computes once what the frozen layers make of every example; nil where that would save nothing.
  ///
  /// Training with the features gives the same bits as without: they are the very numbers that the
  /// forward pass would compute.
  public func frozenFeatures<Source: ExampleSource>(of source: Source) -> FrozenFeatures? {
    let first = plan.firstTrained
    let layer = layers[first]
    return makeFeatures(of: source) { shape, starts, memory in
      forEachTile(of: Array(0..<source.count), in: source) { part in
        stage(source, at: part)
        for layer in layers[..<first] { layer.forward(batch) }
        let row = starts.map { Int($0[part.startIndex]) } ?? part.startIndex
        if shape.content != .input, let caching = layer as? any ProductCaching {
          caching.computeProduct(batch)
          caching.storeProduct(batch, into: memory, row: row)
        } else {
          let rows = starts == nil ? batch.count : batch.rows
          memory.store(layer.input, count: rows * shape.stride, at: row * shape.stride)
        }
      }
    }
  }

  /// Features that an earlier pass computed with the same frozen numbers; nil where the bytes are of other examples.
  public func frozenFeatures<Source: ExampleSource>(
    of source: Source, bytes: RawSpan
  ) -> FrozenFeatures? {
    guard plan.featureBytes(of: source) == bytes.byteCount else { return nil }
    return makeFeatures(of: source) { _, _, memory in memory.write(bytes: bytes) }
  }

  private func makeFeatures<Source: ExampleSource>(
    of source: Source, fill: (FeatureShape, [Int32]?, FeatureMemory) -> Void
  ) -> FrozenFeatures? {
    guard let shape = plan.featureShape else { return nil }
    let starts = plan.featuresAreTokens ? rowStarts(of: source) : nil
    return FrozenFeatures(
      shape, first: plan.firstTrained, starts: starts,
      rows: starts.map { Int($0[source.count]) } ?? source.count
    ) { fill(shape, starts, $0) }
  }

  private func rowStarts<Source: ExampleSource>(of source: Source) -> [Int32] {
    var starts: [Int32] = [0]
    starts.reserveCapacity(source.count + 1)
    var total = 0
    for position in 0..<source.count {
      total += plan.rows(of: source.length(at: position))
      starts.append(Int32(clamping: total))
    }
    return starts
  }
}

extension TrainingPlan {
  /// What a cache of frozen features would hold of a row; nil where nothing is frozen below the first trained
  /// tensor.
  var featureShape: FeatureShape? {
    let shape = featureShape(of: firstTrained)
    return shape.content == .input && firstTrained == 0 ? nil : shape
  }

  /// What a layer would take of a cache.
  func featureShape(of index: Int) -> FeatureShape {
    let layer = architecture.layers[index]
    return layer.featureShape(layer.hosts.first.map { mode(of: $0.name) } ?? .frozen)
  }

  /// Whether a host's product is the same in every round: nothing up to there is trained but its B.
  func hasFrozenProduct(_ layer: Int, _ mode: HostMode) -> Bool {
    if case .lowRank(_, _, trained: .b) = mode { return layer == firstTrained }
    return layer < firstTrained
  }

  /// Bytes that the frozen features of one example take (of one token, where they are kept by tokens); 0
  /// where nothing is frozen below the first trained layer.
  public var featureBytesPerRow: Int { featureShape?.bytes ?? 0 }

  /// Bytes that the frozen features of all examples of a source take.
  public func featureBytes<Source: ExampleSource>(of source: Source) -> Int {
    let total =
      featuresAreTokens
      ? (0..<source.count).reduce(0) { $0 + rows(of: source.length(at: $1)) } : source.count
    return total * featureBytesPerRow
  }

  /// Whether frozen features are products of the first trained layer's weights, and not its inputs.
  public var cachesProducts: Bool { featureShape.map { $0.content != .input } ?? false }

  /// Whether frozen features are kept by tokens.
  public var featuresAreTokens: Bool {
    architecture.layers[firstTrained].rows == .token
  }
}
