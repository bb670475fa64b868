// Bottleneck adapters: a small network with a residual path behind a layer.
//
// Houlsby et al., "Parameter-efficient transfer learning for NLP" (2019).

import Kernels

/// y′ = y + U gelu(D y + b_D) + b_U on a host's outputs; D starts random, U and the biases at 0.
///
/// Trained: 2 k m + k + m numbers a host with m outputs. Under DP-SGD all of them enter the per-example clip and
/// are noised. The map is not linear: adapters do not merge into weights, models keep them beside the base, and
/// the mean of clients is inexact.
public struct BottleneckAdapter: Adapter, Hashable {
  public let kind = "bottleneck"
  /// k.
  public let width: Int
  public let targetModules: [String]
  public let modulesToSave: [String]
  public var isMergeable: Bool { false }

  public init(width: Int, targetModules: [String], modulesToSave: [String] = []) {
    self.width = width
    self.targetModules = targetModules
    self.modulesToSave = modulesToSave
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    let deviation = 1 / Double(host.rows).squareRoot()
    return [
      AdapterTensor(
        "down", rows: width, columns: host.rows, start: .gaussian(deviation: deviation),
        isTrained: true, isSilentAtStart: true),
      AdapterTensor(
        "down_bias", rows: width, columns: 1, start: .constant(0), isTrained: true,
        isSilentAtStart: true),
      AdapterTensor(
        "up", rows: host.rows, columns: width, start: .constant(0), isTrained: true),
      AdapterTensor("up_bias", rows: host.rows, columns: 1, start: .constant(0), isTrained: true),
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {}

  public func makeTerm(_ context: AdapterContext) -> (any AdapterTerm)? {
    BottleneckTerm(context, width: width, parts: PlainBottleneck())
  }
}

/// D and U as an adapter parametrises them.
protocol BottleneckParts: AnyObject {
  var downBias: String { get }
  var upBias: String { get }
  func load(_ tensors: [String: [Float]])
  /// Writes D (`width × outputs`) and U (`outputs × width`).
  func write(down: FloatBuffer, up: FloatBuffer)
  /// Adds the gradients of what D and U are made of.
  func pullBack(down: FloatBuffer, up: FloatBuffer, place: (String) -> GradientPlace?)
}

/// D and U themselves.
private final class PlainBottleneck: BottleneckParts {
  let downBias = "down_bias"
  let upBias = "up_bias"
  private var down: [Float] = []
  private var up: [Float] = []

  func load(_ tensors: [String: [Float]]) {
    down = tensors["down"] ?? []
    up = tensors["up"] ?? []
  }

  func write(down target: FloatBuffer, up other: FloatBuffer) {
    target.write(down)
    other.write(up)
  }

  func pullBack(down: FloatBuffer, up: FloatBuffer, place: (String) -> GradientPlace?) {
    for (name, gradient) in [("down", down), ("up", up)] {
      guard let target = place(name) else { continue }
      target.buffer.addScaled(1, gradient, at: 0, to: target.offset, count: gradient.count)
    }
  }
}

/// The small network on a tile's rows. Every row's result is a chain of its own: neighbours change no bit.
final class BottleneckTerm: TensorTerm {
  let isOnOutput = true
  private let outputs: Int
  private let width: Int
  private let plan: TrainingPlan
  private let host: HostSpec
  private let parts: any BottleneckParts
  let gradients: TensorGradients
  private let down: FloatBuffer
  private let up: FloatBuffer
  private let downBias: FloatBuffer
  private let upBias: FloatBuffer
  private let downPanels: Panels
  private let downBack: Panels
  private let upPanels: Panels
  private let upBack: Panels
  /// The host's outputs, gelu and its derivative, and ∂loss/∂(D y + b_D), row by row.
  private let values: FloatBuffer
  private let activations: FloatBuffer
  private let slopes: FloatBuffer
  private let inner: FloatBuffer
  /// One example's gradients of D and U.
  private let formedDown: FloatBuffer
  private let formedUp: FloatBuffer
  private var factors: [Float] = []

  init(_ context: AdapterContext, width: Int, parts: any BottleneckParts) {
    self.width = width
    self.parts = parts
    plan = context.plan
    host = context.host
    let outputs = context.host.rows
    self.outputs = outputs
    gradients = TensorGradients(context)
    down = FloatBuffer(count: width * outputs)
    up = FloatBuffer(count: width * outputs)
    downBias = FloatBuffer(count: width)
    upBias = FloatBuffer(count: outputs)
    downPanels = Panels(depth: outputs, columns: width)
    downBack = Panels(depth: width, columns: outputs)
    upPanels = Panels(depth: width, columns: outputs)
    upBack = Panels(depth: outputs, columns: width)
    values = FloatBuffer(count: context.rows * outputs)
    activations = FloatBuffer(count: context.rows * width)
    slopes = FloatBuffer(count: context.rows * width)
    inner = FloatBuffer(count: context.rows * width)
    formedDown = context.workspace.scratch("formed down", count: width * outputs)
    formedUp = context.workspace.scratch("formed up", count: width * outputs)
  }

  func load(frozen: FrozenParameters) { factors = frozen.factors }

  func load(trainable: [Float]) {
    let tensors = plan.adapterValues(on: host, frozen: factors, trainable: trainable)
    parts.load(tensors)
    parts.write(down: down, up: up)
    downBias.write(tensors[parts.downBias] ?? [])
    upBias.write(tensors[parts.upBias] ?? [])
    let d = MatrixView(down, rows: width, columns: outputs)
    let u = MatrixView(up, rows: outputs, columns: width)
    downPanels.pack(transposeOf: d)
    downBack.pack(d)
    upPanels.pack(transposeOf: u)
    upBack.pack(u)
  }

  private func view(_ buffer: FloatBuffer, _ rows: Range<Int>, _ columns: Int) -> MatrixView {
    MatrixView(buffer, at: rows.lowerBound * columns, rows: rows.count, columns: columns)
  }

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    let rows = 0..<tile.rows
    for row in rows {
      values.copy(outputs, from: y.buffer, at: y.offset + row * y.stride, to: row * outputs)
    }
    chainMultiply(
      view(values, rows, outputs), by: downPanels, start: .row(downBias, at: 0),
      into: view(slopes, rows, width))
    GELU.exact.activate(
      slopes, count: rows.count * width, output: activations, derivative: slopes)
    chainMultiply(view(activations, rows, width), by: upPanels, start: .target, into: y)
    for row in rows {
      y.buffer.addScaled(1, upBias, at: 0, to: y.offset + row * y.stride, count: outputs)
    }
  }

  func backward(
    _ x: MatrixView, outputGradient e: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {
    let rows = 0..<tile.rows
    gradients.clear(tile)
    chainMultiply(e, by: upBack, into: view(inner, rows, width))
    inner.multiply(by: slopes, count: rows.count * width)
    for i in 0..<tile.count {
      let own = tile.rows(of: i)
      multiply(
        view(inner, own, width), view(values, own, outputs), transposeA: true,
        into: MatrixView(formedDown, rows: width, columns: outputs))
      multiply(
        e.rows(own), view(activations, own, width), transposeA: true,
        into: MatrixView(formedUp, rows: outputs, columns: width))
      parts.pullBack(down: formedDown, up: formedUp) { gradients.place($0, example: i) }
      if let target = gradients.place(parts.downBias, example: i) {
        target.buffer.addColumnSums(
          inner, at: own.lowerBound * width, rows: own.count, columns: width, stride: width,
          to: target.offset)
      }
      if let target = gradients.place(parts.upBias, example: i) {
        target.buffer.addColumnSums(
          e.buffer, at: e.offset + own.lowerBound * e.stride, rows: own.count, columns: outputs,
          stride: e.stride, to: target.offset)
      }
    }
    // The residual path keeps e; the small network adds Dᵀ of its inner gradient.
    chainMultiply(view(inner, rows, width), by: downBack, start: .target, into: e)
  }
}
