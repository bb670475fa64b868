// What a layer is as a description: its tensors, the matrices that adapters can be put on, and how it is
// made in a worker. A new layer is one file: a spec and the class that it makes.

public import Kernels

/// A named tensor of a layer, as a matrix in the model's flat vector.
public struct TensorSpec: Sendable, Hashable {
  /// How a fresh model begins.
  public enum Start: Sendable, Hashable {
    /// Uniform in ±1/√fanIn, the default of the field's frameworks for weights and biases.
    case uniform(fanIn: Int)
    case constant(Float)
    /// N(0, deviation²).
    case gaussian(deviation: Double)
    /// N(mean, deviation²).
    case normal(mean: Double, deviation: Double)
  }

  /// What a tensor does.
  public enum Role: Sendable, Hashable {
    /// A matrix: weights of a linear map, or a table.
    case weight
    case bias
    /// γ and β of a normalisation.
    case scale
    case shift
  }

  public let name: String
  public let rows: Int
  public let columns: Int
  public let start: Start
  public let role: Role

  public init(
    _ name: String, rows: Int, columns: Int = 1, start: Start, role: Role = .weight
  ) {
    self.role = role
    self.name = name
    self.rows = rows
    self.columns = columns
    self.start = start
  }

  public var count: Int { rows * columns }
}

/// A weight matrix that an adapter can be put on: y = W x, W is `rows × columns`.
public struct HostSpec: Sendable, Hashable {
  /// As `target_modules` names it, such as `conv2` or `encoder.layer.5.attention.self.query`.
  public let name: String
  /// Outputs m and inputs n of the (unfolded) matrix.
  public let rows: Int
  public let columns: Int
  public let order: ColumnOrder

  public init(_ name: String, rows: Int, columns: Int, order: ColumnOrder = .plain) {
    self.name = name
    self.rows = rows
    self.columns = columns
    self.order = order
  }

  /// The tensor that holds it.
  public var weight: String { "\(name).weight" }
}

/// What the columns of a weight matrix stand for. Ours are channel-last inside; other frameworks put channels
/// first, and exports turn them.
public enum ColumnOrder: Sendable, Hashable {
  /// Numbers of a vector.
  case plain
  /// Places of an image of so many channels: [place][channel].
  case image(channels: Int)
  /// A kernel of `size × size` places: [row][column][channel].
  case kernel(size: Int, channels: Int)
}

/// What one example is to a layer: one row of floats, or a row for each of its tokens.
public enum RowKind: Sendable, Hashable {
  case example
  case token
}

/// What a cache keeps of an example so that frozen layers are computed once.
public struct FeatureShape: Sendable, Hashable {
  public enum Content: Sendable, Hashable {
    /// The input of the first trained layer.
    case input
    /// What frozen weights make of that input inside the layer, in single or half precision.
    case product(halfPrecision: Bool)
  }
  public let content: Content
  /// Numbers of a row.
  public let stride: Int

  public init(_ content: Content, stride: Int) {
    self.content = content
    self.stride = stride
  }

  /// Bytes of a row.
  public var bytes: Int {
    content == .product(halfPrecision: true)
      ? stride * MemoryLayout<Float16>.stride : stride * MemoryLayout<Float>.stride
  }
}

/// Arithmetic of one example's forward pass through a layer, for forecasts of time.
public struct LayerWork: Sendable, Hashable {
  /// Floating-point operations of the products.
  public var operations: Int
  /// Numbers that the layer puts out, before pooling.
  public var outputs: Int

  public init(operations: Int, outputs: Int) {
    self.operations = operations
    self.outputs = outputs
  }
}

/// A layer of a model as a value.
public protocol LayerSpec: Sendable {
  /// The first part of its tensors' names.
  var name: String { get }
  /// Its tensors in the order in which they lie in the model's flat vector.
  var tensors: [TensorSpec] { get }
  var hosts: [HostSpec] { get }
  /// What the rows of its input are.
  var rows: RowKind { get }
  /// For an example of `length` rows.
  func work(length: Int) -> LayerWork
  /// What a cache would keep where this is the first trained layer.
  ///
  /// - Parameter mode: how its first host takes part in training; frozen without hosts.
  func featureShape(_ mode: HostMode) -> FeatureShape
  /// The layer in a worker, with all buffers that it will need.
  func makeLayer(in context: LayerContext) -> any Layer
}

extension LayerSpec {
  public var hosts: [HostSpec] { [] }
  public var rows: RowKind { .example }
}

/// What a layer is made with: it writes its output straight into the input of the layer above it.
public struct LayerContext {
  public let plan: TrainingPlan
  /// Index of the layer in the architecture.
  public let index: Int
  /// Examples and rows that a tile can hold.
  public let examples: Int
  public let rows: Int
  /// The input of the layer above, or the model's outputs.
  public let output: FloatBuffer
  /// ∂loss/∂output, written from above.
  public let outputGradient: FloatBuffer
  /// How the layer above wants an image to lie; nil for rows of floats.
  public let outputLayout: ImageLayout?
  /// Memory that the layers of a network share.
  public var workspace = Workspace()

  /// Whether a layer below has trained parameters, so that it must be handed a gradient.
  public var handsDown: Bool { index > plan.firstTrained }
}
