// What blocks of transformers have in common.

public import Kernels

/// The sizes of a block.
public struct BlockShape: Sendable, Hashable {
  public let width: Int
  /// A divisor of the width.
  public let heads: Int
  /// Of the feed-forward part.
  public let inner: Int
  public let epsilon: Float
  public let isCausal: Bool
  public let activation: GELU

  /// - Precondition: heads divide the width.
  public init(
    width: Int, heads: Int, inner: Int, epsilon: Float, isCausal: Bool, activation: GELU
  ) {
    precondition(width > 0 && inner > 0 && heads > 0 && width % heads == 0, "no such block")
    self.width = width
    self.heads = heads
    self.inner = inner
    self.epsilon = epsilon
    self.isCausal = isCausal
    self.activation = activation
  }

  /// Floating-point operations of one example's forward pass.
  func work(length: Int) -> LayerWork {
    let linear = 2 * length * (4 * width * width + 2 * width * inner)
    return LayerWork(
      operations: linear + 4 * length * length * width, outputs: length * (inner + 6 * width))
  }
}

/// Weight and bias of a linear map as fresh models begin: N(0, 0.02²) and 0, as BERT and GPT-2 do.
func linearTensors(_ host: HostSpec) -> [TensorSpec] {
  [
    TensorSpec(
      host.weight, rows: host.rows, columns: host.columns, start: .gaussian(deviation: 0.02)),
    TensorSpec("\(host.name).bias", rows: host.rows, start: .constant(0), role: .bias),
  ]
}

extension LayerContext {
  /// Rows that an example can have.
  var longest: Int { plan.longest }

  /// Whether a gradient passes through the layer.
  var hasGradient: Bool { index >= plan.firstTrained }

  /// A buffer of the layer's own where its contents must last, else a shared one.
  func buffer(_ name: String, count: Int, keeps: Bool) -> FloatBuffer {
    keeps ? FloatBuffer(count: count) : workspace.scratch(name, count: count)
  }

  func panels(depth: Int, columns: Int) -> Panels { Panels(depth: depth, columns: columns) }
}

extension MatrixView {
  /// Some of its rows.
  func rows(_ range: Range<Int>) -> MatrixView {
    MatrixView(
      buffer, at: offset + range.lowerBound * stride, rows: range.count, columns: columns,
      stride: stride)
  }
}
