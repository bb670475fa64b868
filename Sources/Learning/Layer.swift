// What a layer does inside one worker: forward and backward over a tile of examples, and its own share of
// the per-example gradient norms and of the clipped sum.

public import Kernels

/// The parameters that all clients of a run share and nobody trains.
public struct FrozenParameters: Sendable {
  /// The whole base model, in the order of `Architecture.slots`.
  public let base: [Float]
  /// The adapter tensors that are not trained, in the order of `TrainingPlan.frozenFactorSlots`.
  public let factors: [Float]
  /// The weights of `base` as products want them; made when a layer asks.
  let packed = PackedWeights()

  public init(base: [Float], factors: [Float]) {
    self.base = base
    self.factors = factors
  }
}

/// The examples that are processed together. Rows of all of them lie one behind another: one row an example
/// for images and tables, a row for each token of a text, without padding.
public struct Tile: Sendable {
  public internal(set) var count = 0
  /// Where each example's rows begin; entry `count` is the number of all rows.
  public internal(set) var starts: [Int]
  /// The position of every example's first row. A model that will see its texts behind trained rows is pretrained at
  /// several.
  public internal(set) var firstPosition = 0

  /// - Parameter examples: as many as it can hold.
  public init(examples: Int) {
    starts = [Int](repeating: 0, count: examples + 1)
  }

  /// Rows of all examples together.
  public var rows: Int { starts[count] }
  /// The rows of an example of the tile.
  public func rows(of example: Int) -> Range<Int> { starts[example]..<starts[example + 1] }

  mutating func clear() { count = 0 }

  /// Adds an example of so many rows; false if there is no room.
  mutating func add(rows length: Int, limit: Int) -> Bool {
    guard count + 1 < starts.count, rows + length <= limit else { return false }
    starts[count + 1] = rows + length
    count += 1
    return true
  }
}

/// A layer in a worker's network. Row r of a tile lies at `r · inputStride` of `input`.
///
/// Protocol of use, per tile: the input is written (by `stage` or by the layer below), `forward`, then after
/// the layers above have run backward, `backward`, which leaves ∂loss/∂input in `inputGradient` if asked and
/// makes `squaredNorm` and `accumulate` valid until the next tile.
public protocol Layer: AnyObject {
  var input: FloatBuffer { get }
  var inputGradient: FloatBuffer { get }
  /// Floats of a row.
  var inputStride: Int { get }
  /// The layout of the input as an image; nil for a plain vector.
  var inputLayout: ImageLayout? { get }

  func load(frozen: FrozenParameters)
  /// Reads this layer's part of θ.
  func load(trainable: [Float])
  /// Writes example `position` of a source as example `index` of the tile; asked of the first layer alone.
  func stage<Source: ExampleSource>(
    _ source: Source, at position: Int, as index: Int, of tile: Tile)
  func forward(_ tile: Tile)
  func backward(_ tile: Tile, needsInputGradient: Bool)
  /// ‖gradient of an example with respect to this layer's trained parameters‖².
  func squaredNorm(of example: Int) -> Double
  /// Adds Σ_i coefficients[i] · gradient_i to the layer's sum.
  func accumulate(_ tile: Tile, coefficients: [Float])
  /// Adds the layer's sum to its part of `total` and clears it.
  func drainSum(into total: inout [Float])
  /// Whether its sum lies in `Workspace.sum`, so that several networks can take turns in adding to it. A network with a
  /// layer that does not say so works on one tile at a time.
  var hasSharedSum: Bool { get }
}

/// A layer whose own frozen product can come from a cache.
public protocol ProductCaching: Layer {
  /// The part of the forward pass that frozen weights decide, into buffers of the layer.
  func computeProduct(_ tile: Tile)
  /// Copies that part of every row of the tile to row `row` and following of a cache.
  func storeProduct(_ tile: Tile, into memory: FeatureMemory, row: Int)
  /// Takes that part of one example's rows from a cache.
  func placeProduct(from memory: FeatureMemory, row: Int, as index: Int, of tile: Tile)
  /// The rest of the forward pass.
  func finish(_ tile: Tile)
}

extension Layer {
  public var inputLayout: ImageLayout? { nil }
  public var hasSharedSum: Bool { false }

  /// Rows of floats, which most layers take.
  public func stage<Source: ExampleSource>(
    _ source: Source, at position: Int, as index: Int, of tile: Tile
  ) {
    input.withMutableSpan(at: index * inputStride, count: inputStride) {
      source.write(position, into: &$0)
    }
  }
}
